"""Users by license: what is foretold, chosen, synced and then shown on the license."""

from __future__ import annotations

import uuid

import pytest
from playwright.sync_api import Page, expect

from sandbox import Sandbox, Sku, Tenant
from sandbox.users import Assigned, User
from tests.browser.conftest import follow
from tests.support.integrations import choose_action
from tests.support.microsoft import sandbox_tenant
from tests.support.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ONLY = "Only users who hold one of the checked licenses"


def user(first: str, last: str, *licenses: Assigned) -> User:
    address = f"{first.lower()}@contoso.example"
    name = f"{first} {last}"
    return User(str(uuid.uuid4()), name, address, given_name=first, surname=last, mail=address, licenses=licenses)


def connected(server: Running, tenant: Tenant, name: str) -> None:
    ids = ("--tenant-id", tenant.tenant_id, "--client-id", tenant.client_id, "--client-secret-stdin")
    for arguments, stdin in (
        (("integrations", "connect", name, *ids), f"{tenant.secret}\n"),
        (("tenants", "match", tenant.tenant_id, name, "--create"), ""),
    ):
        done = server.command(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr


def synced(server: Running, name: str) -> None:
    done = server.command("integrations", "sync", name, "--wait")
    assert done.returncode == 0, done.stderr


def test_only_users_with_a_checked_license_become_contacts(
    signed_in: Page, server: Running, microsoft: Sandbox
) -> None:
    page, name = signed_in, "Users by license"
    tenant = sandbox_tenant(
        microsoft,
        display_name=name,
        skus=(Sku.of("SPE_E3", enabled=25, consumed=2), Sku.of("SPB", enabled=5, consumed=1)),
        users=(
            user("Ann", "Berg", Assigned.of("SPE_E3")),
            user("Bo", "Costa", Assigned.of("SPE_E3", is_direct=False, groups=(str(uuid.uuid4()),))),
            user("Cy", "Dubois", Assigned.of("SPB")),
            user("Di", "Eriksen"),
        ),
    )
    connected(server, tenant, name)
    synced(server, name)

    page.goto(f"{server.url}/account/integrations")
    choose_action(page, name, "Sync Settings")
    forecast = page.locator("[data-forecast]")
    expect(forecast).to_have_text("No contact will be created or unlinked.")
    page.get_by_label("All users").check()
    expect(forecast).to_have_text("About 3 contacts will be created.")
    page.get_by_label("Users without a license").check()
    expect(forecast).to_have_text("About 4 contacts will be created.")

    page.get_by_label(ONLY).check()
    expect(page.locator("#forecast")).to_contain_text("Check at least one license")
    page.get_by_label("Microsoft 365 E3").check()
    expect(forecast).to_have_text("About 2 contacts will be created.")
    expect(page.get_by_label("Users without a license")).to_be_hidden()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. About 2 contacts will be created.")).to_be_visible()
    synced(server, name)

    page.goto(f"{server.url}/global/office-365-licenses?tenant={tenant.tenant_id}&q=SPE_E3")
    follow(page, page.locator("tbody a").first)
    people = page.locator("#listing tbody tr")
    expect(people).to_have_count(2)
    expect(people.nth(0)).to_contain_text("Ann Berg")
    expect(people.nth(0)).to_contain_text("Direct")
    expect(people.nth(1)).to_contain_text("Through a group")
    page.get_by_role("searchbox", name="Search contacts").fill("costa")
    expect(people).to_have_count(1)
    people.get_by_role("link", name="Bo Costa").click()
    expect(page.get_by_role("heading", name="Bo Costa")).to_be_visible()
    expect(page.get_by_role("link", name="Microsoft 365 E3")).to_be_visible()

    page.goto(f"{server.url}/account/integrations")
    choose_action(page, name, "Match Tenants")
    page.get_by_role("link", name=f"Settings of {name}").click()
    page.get_by_label("Leave it out of syncs").check()
    expect(forecast).to_contain_text("The next sync passes it over")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Left out", exact=True)).to_be_visible()
