"""Selects that find an entry by typing: what is typed is what Enter takes, and nothing moves away from the mouse."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from sandbox import Sandbox
from tests.browser.test_matching import add_tenants
from tests.browser.test_removal import connected_and_synced
from tests.support.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FIRST, SECOND = "Aardvark Enter", "Zebra Enter"


@pytest.fixture
def organizations(server: Running, microsoft: Sandbox) -> None:
    known = server.command("organizations", "list").stdout
    add_tenants(server, microsoft, *(name for name in (FIRST, SECOND) if name not in known))


def chosen_organization(page: Page) -> Locator:
    return page.locator("#organization + .ts-wrapper .item")


def open_list(page: Page, server: Running) -> None:
    page.goto(f"{server.url}/account/integrations/add")
    page.get_by_label("Use an existing organization").check()
    page.locator("#organization + .ts-wrapper .ts-control").click()
    expect(page.locator(".ts-dropdown [data-selectable]").first).to_be_visible()


def ask_the_server(page: Page) -> None:
    """Let the form be as it is where there are too many organizations to send them all, and the answers late."""

    def searched(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(
            response=answer, body=answer.text().replace("data-choices", f'data-choices-url="{url}" data-choices', 1)
        )

    def late(route: Route) -> None:
        page.wait_for_timeout(700)
        route.continue_()

    url = "/account/integrations/organizations"
    page.route("**/account/integrations/add", searched)
    page.route(f"**{url}?q=?*", late)


def test_enter_takes_what_was_typed_however_quickly(signed_in: Page, server: Running, organizations: None) -> None:
    page = signed_in
    open_list(page, server)
    page.keyboard.type(SECOND)
    page.keyboard.press("Enter")
    expect(chosen_organization(page)).to_have_text(SECOND)


def test_enter_takes_nothing_before_the_server_answered(signed_in: Page, server: Running, organizations: None) -> None:
    page = signed_in
    ask_the_server(page)
    open_list(page, server)
    page.keyboard.type(SECOND)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/add$"))
    expect(chosen_organization(page)).to_have_count(0)
    expect(page.locator(".ts-dropdown [data-selectable]")).to_have_text([SECOND])
    page.keyboard.press("Enter")
    expect(chosen_organization(page)).to_have_text(SECOND)


def test_enter_takes_what_was_typed_and_not_what_is_chosen_already(
    signed_in: Page, server: Running, organizations: None
) -> None:
    page = signed_in
    ask_the_server(page)
    open_list(page, server)
    entries = page.locator(".ts-dropdown [data-selectable]")
    entries.filter(has_text=FIRST).click()
    expect(chosen_organization(page)).to_have_text(FIRST)
    page.locator("#organization + .ts-wrapper .ts-control").click()
    page.keyboard.type(SECOND)
    expect(entries).to_have_text([SECOND])
    page.keyboard.press("Enter")
    expect(chosen_organization(page)).to_have_text(SECOND)


def test_the_first_click_after_choosing_a_filter_is_taken(signed_in: Page, server: Running, microsoft: Sandbox) -> None:
    page, name = signed_in, "Stays under the mouse"
    connected_and_synced(page, server, microsoft, name)
    page.goto(f"{server.url}/global/office-365-licenses")
    filters = page.locator(".ts-wrapper")
    status = filters.nth(3)
    status.click()
    status.locator("[data-selectable]").get_by_text("Enabled").click()
    expect(page).to_have_url(re.compile("status=Enabled"))
    low = status.bounding_box()
    sort = page.get_by_role("link", name="Product")
    sort.hover()
    page.mouse.down()
    assert status.bounding_box() == low
    page.mouse.up()
    expect(page).to_have_url(re.compile("sort="))
    after = status.bounding_box()
    assert low
    assert after
    assert after["height"] < low["height"]
