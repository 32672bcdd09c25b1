"""A locked license and its security settings, and an asset of a type of one's own, as somebody does it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from sandbox import Sandbox, Sku
from tests.support.microsoft import sandbox_tenant
from tests.support.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EDITOR = "security-editor@msp.example"
PASSWORD = "correct horse battery staple"
TYPE = "Branch servers"


@pytest.fixture
def editor(browser: Browser, server: Running) -> Iterator[Page]:
    """A tab in which an Editor is signed in, who has every organization."""
    create = ("users", "create", EDITOR, "--role", "editor", "--password-stdin")
    created = server.command(*create, stdin=f"{PASSWORD}\n")
    assert created.returncode == 0, created.stderr
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(server.url)
    page.get_by_label("E-mail").fill(EDITOR)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile("/global/"))
    yield page
    context.close()


def connected_and_synced(server: Running, microsoft: Sandbox, name: str) -> None:
    tenant = sandbox_tenant(microsoft, display_name=name, skus=(Sku.of("SPE_E3", enabled=25, consumed=14),))
    ids = ("--tenant-id", tenant.tenant_id, "--client-id", tenant.client_id)
    for arguments, secret in (
        (("integrations", "connect", name, *ids, "--client-secret-stdin"), f"{tenant.secret}\n"),
        (("tenants", "match", tenant.tenant_id, name, "--create"), ""),
        (("integrations", "sync", name, "--wait"), ""),
    ):
        done = server.command(*arguments, stdin=secret)
        assert done.returncode == 0, done.stderr


def test_a_locked_license_and_who_may_see_it(
    signed_in: Page, editor: Page, server: Running, microsoft: Sandbox
) -> None:
    page, name = signed_in, "Locked and secured"
    connected_and_synced(server, microsoft, name)
    page.goto(f"{server.url}/global/office-365-licenses?organization={name}")
    page.get_by_role("link", name="Microsoft 365 E3").click()
    expect(page.get_by_role("heading", name="History")).to_be_visible()
    expect(page.get_by_role("link", name=f"Sync of {name}")).to_be_visible()
    license_url = page.url
    editor.goto(license_url)
    expect(editor.get_by_role("heading", name="Microsoft 365 E3")).to_be_visible()

    page.get_by_role("link", name="Edit", exact=True).click()
    expect(page.get_by_text("Locked", exact=True)).to_be_visible()
    for label, value in (("Active", "25"), ("Consumed", "14"), ("Unused", "11")):
        field = page.get_by_label(label, exact=True)
        expect(field).to_be_disabled()
        expect(field).to_have_value(value)
    page.get_by_label("Only the users and groups named here").check()
    page.get_by_role("button", name="Save security settings").click()
    expect(page.get_by_text("Name at least one user or group")).to_be_visible()
    page.get_by_role("checkbox", name=re.compile("admin@msp.example")).check()
    page.get_by_role("button", name="Save security settings").click()
    expect(page.get_by_text("The security settings were saved.")).to_be_visible()
    expect(page.get_by_text("Restricted", exact=True)).to_be_visible()
    expect(page.get_by_text("Security settings changed")).to_be_visible()
    assert editor.goto(license_url).status == 404  # type: ignore[union-attr]

    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_role("checkbox", name=re.compile(re.escape(EDITOR))).check()
    page.get_by_role("button", name="Save security settings").click()
    expect(page.get_by_text("The security settings were saved.")).to_be_visible()
    editor.goto(license_url)
    expect(editor.get_by_role("heading", name="Microsoft 365 E3")).to_be_visible()


def test_a_type_of_one_s_own_and_an_asset_of_it(signed_in: Page, server: Running) -> None:
    page = signed_in
    page.goto(f"{server.url}/organizations/add")
    page.get_by_label("Name").fill("Has servers")
    page.get_by_role("button", name="Add organization").click()
    expect(page.get_by_role("heading", name="Has servers")).to_be_visible()
    organization_url = page.url

    page.goto(f"{server.url}/account/flexible-asset-types/add")
    page.get_by_label("Name").fill(TYPE)
    page.get_by_title("Server", exact=True).click()
    page.get_by_role("button", name="Create type").click()
    for name, kind in (("Serial", "Text"), ("State", "Select")):
        page.get_by_role("link", name="Add field").first.click()
        page.get_by_label("Name").fill(name)
        page.get_by_label("Kind").select_option(label=kind)
        options = page.get_by_label("Options")
        if kind == "Select":
            options.fill("New\nOld")
        else:
            expect(options).to_be_hidden()
        page.get_by_role("button", name="Add field").click()
        expect(page.get_by_text(f"The field {name} was added.")).to_be_visible()
    rows = page.locator("#fields tbody tr")
    rows.nth(2).get_by_role("button", name="Move up").press("Enter")
    expect(rows.nth(1)).to_contain_text("State")

    page.goto(organization_url)
    page.get_by_role("link", name=re.compile(TYPE)).last.click()
    page.get_by_role("link", name="Add", exact=True).first.click()
    page.get_by_label("Name").fill("SRV-1")
    page.get_by_label("Serial").fill("SN <1>")
    page.get_by_label("State").select_option("Old")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("SRV-1 was added.")).to_be_visible()
    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("State").select_option("New")
    page.get_by_role("button", name="Save", exact=True).click()
    history = page.locator("#history")
    expect(history).to_contain_text(re.compile(r"State:\s*Old\s*→\s*now\s*New"))
    page.goto(f"{server.url}/global/assets/branch-servers?q=sn")
    expect(page.get_by_role("link", name="SRV-1")).to_be_visible()
