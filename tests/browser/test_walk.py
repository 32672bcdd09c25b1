"""The seed's whole walk, as an MSP's first administrator goes it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from sandbox import Fault, Sandbox, Sku
from tests.browser.conftest import EMAIL, PASSWORD, follow
from tests.support.integrations import choose_action, connect, integration_row
from tests.support.microsoft import sandbox_tenant
from tests.support.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def make_first_visit(page: Page, server: Running) -> None:
    """Create the Administrator with the code from the terminal; the page then is the home page."""
    page.goto(server.url)
    page.get_by_label("One-time code").fill(server.setup_code)
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label(re.compile("again", re.IGNORECASE)).fill(PASSWORD)
    page.get_by_role("button", name=re.compile("Create")).click()
    expect(page.get_by_role("heading", name="Office 365 Licenses")).to_be_visible()


def test_from_the_first_visit_to_the_filtered_global_list(page: Page, new_server: Running, microsoft: Sandbox) -> None:
    server = new_server
    tenant = sandbox_tenant(
        microsoft,
        display_name="Contoso 株式会社",
        skus=(
            Sku.of("ENTERPRISEPREMIUM", enabled=25, consumed=14),
            Sku.of("CRMSTANDARD", consumed=14, suspended=25, capability_status="Suspended"),
            Sku.of("SPB", enabled=10, consumed=12),
        ),
    )
    # Long enough to see it syncing.
    microsoft.faults(tenant.tenant_id, Fault("subscribedSkus", "slow", times=None, after=1, seconds=2.5))
    make_first_visit(page, server)

    page.get_by_role("link", name="Connect Microsoft 365").click()
    connect(page, server, tenant, "Contoso")
    expect(page.get_by_role("heading", name="Sync your data with Office 365")).to_be_visible()
    page.get_by_label("Licenses", exact=True).check()
    follow(page, page.get_by_role("button", name="Save"))
    expect(page.get_by_role("heading", name="Active Integrations")).to_be_visible()

    address = page.url
    choose_action(page, "Contoso", "Start Manual Sync")
    expect(page.get_by_text("Syncing...")).to_be_visible()
    expect(page.get_by_text("OK", exact=True)).to_be_visible()
    assert page.url == address, "the row turned without leaving the page"
    expect(page.locator("[data-poll]")).to_have_count(0)

    page.get_by_role("link", name="Organizations").click()
    page.get_by_role("link", name="Contoso 株式会社").click()
    follow(page, page.get_by_role("link", name=re.compile("Office 365 Licenses")).first)
    premium = page.get_by_role("row").filter(has_text="Office 365 E5")
    expect(premium).to_contain_text("25")
    expect(premium).to_contain_text("14")
    expect(premium).to_contain_text("11")
    expect(page.get_by_role("row").filter(has_text="CRMSTANDARD")).to_contain_text("Suspended")
    expect(page.get_by_role("row").filter(has_text="Microsoft 365 Business Premium")).to_contain_text("2 over")

    page.get_by_role("button", name="Global").click()
    follow(page, page.locator(".dropdown-menu.show").get_by_role("link", name="Office 365 Licenses"))
    expect(page).to_have_url(re.compile(r"/global/office-365-licenses$"))
    page.get_by_role("searchbox").press_sequentially("e5 conto", delay=40)
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile(r"/global/office-365-licenses\?q=e5\+conto$"))
    expect(page.get_by_role("searchbox")).to_be_focused()

    shared = page.url
    page.goto(shared)
    expect(rows).to_have_count(1)
    expect(page.get_by_role("searchbox")).to_have_value("e5 conto")


def test_a_wrong_secret_is_explained_and_what_was_typed_is_kept(
    signed_in: Page, server: Running, microsoft: Sandbox
) -> None:
    page, tenant = signed_in, sandbox_tenant(microsoft, display_name="Wrong secret")
    connect(page, server, tenant, "Wrong secret", secret="not the secret")
    expect(page.get_by_text("AADSTS7000215").first).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Wrong secret")
    expect(page.get_by_label("Client secret")).to_have_value("")

    page.get_by_label("Client secret").fill(tenant.secret)
    page.get_by_role("button", name="Test and connect").click()
    expect(page.get_by_role("heading", name="Sync your data with Office 365")).to_be_visible()


def test_a_sync_that_fails_says_why_and_what_to_do(signed_in: Page, server: Running, microsoft: Sandbox) -> None:
    page, tenant = signed_in, sandbox_tenant(microsoft, display_name="Expired secret")
    connect(page, server, tenant, "Expired secret")
    expect(page.get_by_role("heading", name="Sync your data with Office 365")).to_be_visible()
    microsoft.patch_tenant(tenant.tenant_id, secret_expired=True)
    page.goto(f"{server.url}/account/integrations")
    choose_action(page, "Expired secret", "Start Manual Sync")
    row = integration_row(page, "Expired secret")
    expect(row.get_by_text("Failed", exact=True)).to_be_visible()
    expect(row).to_contain_text("The client secret has expired.")
    expect(row).to_contain_text("AADSTS7000222")


def test_names_from_outside_are_text_and_nothing_else(signed_in: Page, server: Running, microsoft: Sandbox) -> None:
    name = "<img src=x onerror=alert(1)>\t\"'=cmd|' /C calc'!A0"
    page, tenant = signed_in, sandbox_tenant(microsoft, display_name=name)
    connect(page, server, tenant, "<b>bold</b>")
    expect(page.get_by_role("heading", name="Sync your data with Office 365")).to_be_visible()
    page.goto(f"{server.url}/account/integrations")
    expect(page.get_by_text("<b>bold</b>")).to_be_visible()
    choose_action(page, "<b>bold</b>", "Start Manual Sync")
    expect(integration_row(page, "<b>bold</b>").get_by_text("OK", exact=True)).to_be_visible()
    page.goto(f"{server.url}/global/office-365-licenses")
    expect(page.get_by_role("cell", name="<img src=x onerror=alert(1)>").first).to_be_visible()
    assert page.locator("main img").count() == 0
