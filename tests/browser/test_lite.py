"""A Lite user's view: the organizations that they are given, and nothing of the others anywhere."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from sandbox import Sandbox, Sku
from tests.browser.conftest import PASSWORD
from tests.support.microsoft import sandbox_tenant
from tests.support.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LITE = "lite@msp.example"


@pytest.fixture
def two_customers(server: Running, microsoft: Sandbox) -> None:
    """Two synced tenants, each matched to an organization of its name."""

    def run(*words: str, stdin: str = "") -> None:
        done = server.command(*words, stdin=stdin)
        assert done.returncode == 0, done.stderr

    for name, sku, active in (("Lite Given", "SPE_E3", 25), ("Lite Hidden", "ENTERPRISEPREMIUM", 4000)):
        tenant = sandbox_tenant(microsoft, display_name=name, skus=(Sku.of(sku, enabled=active, consumed=14),))
        ids = ("--tenant-id", tenant.tenant_id, "--client-id", tenant.client_id, "--client-secret-stdin")
        run("integrations", "connect", name, *ids, stdin=f"{tenant.secret}\n")
        run("tenants", "match", tenant.tenant_id, name, "--create")
        run("integrations", "sync", name, "--wait")


def organization_address(page: Page, server: Running, name: str) -> str:
    page.goto(f"{server.url}/organizations?q={name.replace(' ', '+')}")
    href = page.get_by_role("link", name=name).first.get_attribute("href")
    assert href
    return href


@pytest.mark.usefixtures("two_customers")
def test_a_lite_user_is_invited_and_sees_only_what_is_given(signed_in: Page, browser: Browser, server: Running) -> None:
    page = signed_in
    foreign = organization_address(page, server, "Lite Hidden")
    page.goto(f"{server.url}/account/users/invite")
    page.get_by_label("E-mail address").fill(LITE)
    page.get_by_role("radio", name="Lite").check()
    page.get_by_placeholder("Name of an organization").press_sequentially("lite giv", delay=40)
    page.get_by_role("checkbox", name="Lite Given").check()
    page.get_by_role("button", name="Invite").click()
    link = page.get_by_label("Send this link").input_value()

    context = browser.new_context()
    theirs = context.new_page()
    theirs.goto(link)
    theirs.get_by_label("Password", exact=True).fill(PASSWORD)
    theirs.get_by_label("Password again").fill(PASSWORD)
    theirs.get_by_role("button", name="Set password and sign in").click()
    expect(theirs).to_have_url(re.compile("/global/office-365-licenses"))

    expect(theirs.locator("tbody tr")).to_have_count(1)
    expect(theirs.locator("tbody tr")).to_contain_text("Lite Given")
    expect(theirs.locator('[data-total="active"]').first).to_have_text("25")
    assert "Lite Hidden" not in theirs.content(), "neither in the list nor in a filter"
    expect(theirs.get_by_role("button", name="Account", exact=True)).to_have_count(0)

    theirs.goto(f"{server.url}/organizations")
    expect(theirs.get_by_role("link", name="Lite Given")).to_be_visible()
    assert "Lite Hidden" not in theirs.content()
    for address in (foreign, f"{foreign}/office-365-licenses", "/organizations/987654"):
        answer = theirs.goto(f"{server.url}{address}")
        assert answer is not None
        assert answer.status == 404
        expect(theirs.get_by_role("heading", name="There is nothing here")).to_be_visible()
    answer = theirs.goto(f"{server.url}/account/users")
    assert answer is not None
    assert answer.status == 403
    theirs.goto(f"{server.url}/account")
    expect(theirs.get_by_role("heading", name="Your account")).to_be_visible()
    expect(theirs.get_by_text("See licenses, contacts and assets")).to_be_visible()
    context.close()
