"""Selects that find an entry by typing: what is typed is what Enter takes, and nothing moves away from the mouse."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from sandbox import Sandbox
from tests.support.integrations import connected_and_synced, have_tenants
from tests.support.running import Running
from tests.support.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FIRST, SECOND = "Aardvark Enter", "Zebra Enter"


@pytest.fixture
def organizations(server: Running, microsoft: Sandbox) -> None:
    have_tenants(server, microsoft, FIRST, SECOND)


def chosen_organization(page: Page) -> Locator:
    return page.locator("#organization + .ts-wrapper .item")


def open_list(page: Page, server: Running) -> None:
    page.goto(f"{server.url}/account/integrations/add")
    page.get_by_label("Use an existing organization").check()
    page.locator("#organization + .ts-wrapper .ts-control").click()
    expect(page.locator(".ts-dropdown [data-selectable]").first).to_be_visible()


def ask_the_server(page: Page, held: str) -> Callable[[], None]:
    """Let the form be as it is where there are too many organizations to send them all.

    The questions whose text has the form held are kept back until what is returned is called, which lets the server
    answer them and the page take the answers.
    """

    def searched(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(
            response=answer, body=answer.text().replace("data-choices", f'data-choices-url="{url}" data-choices', 1)
        )

    def keep(route: Route) -> None:
        questions.append(route)

    def asked() -> list[Route]:
        page.wait_for_timeout(20)  # in which Playwright tells of what the page asks
        return questions

    def release() -> None:
        eventually(asked)
        page.unroute(kept_back)
        with page.expect_response(questions[-1].request.url):
            for question in questions:
                question.continue_()
        expect(page.locator("#organization + .ts-wrapper")).not_to_have_class(re.compile("loading"))

    url = "/account/integrations/organizations"
    kept_back = re.compile(rf"{re.escape(url)}\?q={held}$")
    questions: list[Route] = []
    page.route("**/account/integrations/add", searched)
    page.route(kept_back, keep)
    return release


def test_enter_takes_what_was_typed_however_quickly(signed_in: Page, server: Running, organizations: None) -> None:
    page = signed_in
    open_list(page, server)
    page.keyboard.type(SECOND)
    page.keyboard.press("Enter")
    expect(chosen_organization(page)).to_have_text(SECOND)


def test_enter_takes_nothing_before_the_server_answered(signed_in: Page, server: Running, organizations: None) -> None:
    page = signed_in
    release = ask_the_server(page, held=".+")
    open_list(page, server)
    page.keyboard.type(SECOND)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/add$"))
    expect(chosen_organization(page)).to_have_count(0)
    release()
    expect(page.locator(".ts-dropdown [data-selectable]")).to_have_text([SECOND])
    page.keyboard.press("Enter")
    expect(chosen_organization(page)).to_have_text(SECOND)


@pytest.mark.parametrize("closing", ["choice", "Escape"])
def test_a_late_answer_does_not_open_the_list_again(
    signed_in: Page, server: Running, organizations: None, closing: str
) -> None:
    page = signed_in
    release = ask_the_server(page, held="")
    open_list(page, server)
    if closing == "Escape":
        page.keyboard.press("Escape")
    else:
        page.locator(".ts-dropdown [data-selectable]").filter(has_text=FIRST).click()
        expect(chosen_organization(page)).to_have_text(FIRST)
    release()
    expect(page.locator(".ts-dropdown")).to_be_hidden()
    page.locator("#organization + .ts-wrapper .ts-control").click()
    expect(page.locator(".ts-dropdown [data-selectable]").filter(has_text=SECOND)).to_be_visible()


def test_enter_takes_what_was_typed_and_not_what_is_chosen_already(
    signed_in: Page, server: Running, organizations: None
) -> None:
    page = signed_in
    release = ask_the_server(page, held=".+")
    open_list(page, server)
    entries = page.locator(".ts-dropdown [data-selectable]")
    entries.filter(has_text=FIRST).click()
    expect(chosen_organization(page)).to_have_text(FIRST)
    page.locator("#organization + .ts-wrapper .ts-control").click()
    page.keyboard.type(SECOND)
    release()
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


def test_a_screen_reader_comes_upon_one_field_for_a_select_and_not_on_what_is_behind_it(
    signed_in: Page, server: Running
) -> None:
    page = signed_in
    page.goto(f"{server.url}/account/audit-log")
    expect(page.get_by_role("combobox", name="About")).to_be_visible()
    # Lists that are open, and selects of several that stand behind a widget.
    expect(page.get_by_role("listbox")).to_have_count(0)
