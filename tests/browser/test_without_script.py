"""The walk where scripts are off: every step is a link or a form, and a page that waits asks again by itself."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from sandbox import Fault, Sandbox, Sku
from tests.browser.conftest import sign_in
from tests.support.integrations import connect, integration_row
from tests.support.microsoft import sandbox_tenant
from tests.support.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NAME = "Without script"


def test_from_sign_in_to_the_filtered_global_list(plain: Page, server: Running, microsoft: Sandbox) -> None:
    page = plain
    skus = (Sku.of("SPE_E3", enabled=25, consumed=14), Sku.of("SPB", suspended=10, capability_status="Suspended"))
    tenant = sandbox_tenant(microsoft, display_name=NAME, skus=skus)
    # Long enough to see it syncing: the page is asked for only once the sync has begun, and a busy machine is slow.
    microsoft.faults(tenant.tenant_id, Fault("subscribedSkus", "slow", times=None, after=1, seconds=10))
    page.goto(server.url)
    sign_in(page)
    expect(page.get_by_role("heading", name="Office 365 Licenses")).to_be_visible()

    connect(page, server, tenant, NAME)
    expect(page.get_by_role("heading", name="Sync your data with Office 365")).to_be_visible()
    page.get_by_label("Licenses", exact=True).check()
    page.get_by_role("button", name="Save").click()
    row = integration_row(page, NAME)
    row.get_by_role("button", name="Start Manual Sync").click()
    expect(row.get_by_text("Syncing...")).to_be_visible()
    expect(row.get_by_text("OK", exact=True)).to_be_visible()

    page.get_by_role("link", name="Organizations").click()
    page.get_by_role("searchbox").fill("without")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=NAME).click()
    page.get_by_role("link", name=re.compile("Office 365 Licenses")).last.click()
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2)

    page.goto(f"{server.url}/global/office-365-licenses")
    page.get_by_role("searchbox").fill("without")
    page.get_by_label("Status").select_option("Suspended")
    page.get_by_role("button", name="Apply").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Business Premium")
    expect(page).to_have_url(re.compile(r"q=without&.*status=Suspended"))
    expect(page.get_by_role("searchbox")).to_have_value("without")
    page.get_by_role("link", name="Clear").click()
    expect(page.get_by_role("searchbox")).to_have_value("")
