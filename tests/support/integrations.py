"""Integrations in a browser: connected, found in their list, and synced."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from sandbox import Sandbox, Sku, Tenant
from tests.support.microsoft import sandbox_tenant
from tests.support.running import Running

TWO = (Sku.of("SPE_E3", enabled=25, consumed=14), Sku.of("SPB", enabled=5))


def connect(page: Page, server: Running, tenant: Tenant, name: str, secret: str | None = None) -> None:
    page.goto(f"{server.url}/account/integrations/add")
    send_connection(page, tenant, name, secret)


def send_connection(page: Page, tenant: Tenant, name: str, secret: str | None = None) -> None:
    """Fill in and send the form of the page Add integration, which is open."""
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Tenant ID").fill(tenant.tenant_id)
    page.get_by_label("Client ID").fill(tenant.client_id)
    page.get_by_label("Client secret").fill(secret or tenant.secret)
    page.get_by_role("button", name="Test and connect").click()


def choose_action(page: Page, integration: str, name: str) -> None:
    row = integration_row(page, integration)
    row.get_by_role("button", name="Actions").click()
    row.get_by_role("link", name=name).or_(row.get_by_role("button", name=name)).click()


def integration_row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has_text=name)


def connected_and_synced(
    page: Page, server: Running, microsoft: Sandbox, name: str, skus: tuple[Sku, ...] = TWO
) -> Tenant:
    tenant = sandbox_tenant(microsoft, display_name=name, skus=skus)
    connect(page, server, tenant, name)
    expect(page.get_by_role("heading", name="Sync your data with Office 365")).to_be_visible()
    page.goto(f"{server.url}/account/integrations")
    choose_action(page, name, "Start Manual Sync")
    expect(integration_row(page, name).get_by_text("OK", exact=True)).to_be_visible()
    return tenant


def add_tenants(server: Running, microsoft: Sandbox, *names: str) -> None:
    """Each tenant matched to an organization of its name."""
    for name in names:
        tenant = sandbox_tenant(microsoft, display_name=name)
        ids = ("--tenant-id", tenant.tenant_id, "--client-id", tenant.client_id)
        command = server.command("integrations", "connect", name, *ids, "--client-secret-stdin", stdin=tenant.secret)
        assert command.returncode == 0, command.stderr
        command = server.command("tenants", "match", tenant.tenant_id, name, "--create")
        assert command.returncode == 0, command.stderr


def have_tenants(server: Running, microsoft: Sandbox, *names: str) -> None:
    """The same, for tests that share them: those that are there already are left as they are."""
    known = server.command("organizations", "list").stdout
    add_tenants(server, microsoft, *(name for name in names if name not in known))
