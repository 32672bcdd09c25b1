"""Answers that overtake each other: what somebody pressed is shown, whatever was asked for before it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress

import pytest
from playwright.sync_api import Error, Locator, Page, Route, expect

from sandbox import Fault, Sandbox
from tests.support.integrations import add_tenants, choose_action, connect, integration_row
from tests.support.microsoft import sandbox_tenant
from tests.support.running import Running
from tests.support.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.slow]

STATUS, SYNC = re.compile(r"/integrations/\d+/status"), re.compile(r"/integrations/\d+/sync$")
SEARCH, MOVE = re.compile(r"/users/invite\?.*beta"), re.compile(r"/fields/\d+/move$")
FIND = re.compile(r"/choose\?.*beta")
UNMATCH, TENANTS = re.compile(r"/tenants/\d+/unmatch$"), re.compile(r"/integrations/tenants\?")


def held(page: Page, asked: re.Pattern[str]) -> Callable[[], Route]:
    """Let the next request to what is asked get no answer yet; what is returned waits for it and gives it."""
    requests: list[Route] = []

    def hold(request: Route) -> None:
        if requests:
            request.continue_()
        else:
            requests.append(request)

    def look() -> list[Route]:
        page.wait_for_timeout(20)  # in which Playwright tells of what the page asks
        return requests

    page.route(asked, hold)
    return lambda: eventually(look)[0]


def has_ended(server: Running, name: str) -> bool:
    runs = json.loads(server.command("runs", "list", "--integration", name, "--json").stdout)
    return bool(runs) and runs[0]["state"] == "ok"


def test_a_sync_that_is_started_as_the_one_before_ends_is_shown(
    signed_in: Page, server: Running, microsoft: Sandbox
) -> None:
    page, name = signed_in, "Overtaken"
    tenant = sandbox_tenant(microsoft, display_name=name)
    connect(page, server, tenant, name)
    expect(page.get_by_role("heading", name="Sync your data with Office 365")).to_be_visible()
    page.goto(f"{server.url}/account/integrations")
    row = integration_row(page, name)
    held_look = held(page, STATUS)
    choose_action(page, name, "Start Manual Sync")
    expect(row.get_by_text("Syncing...")).to_be_visible()
    look = held_look()
    eventually(lambda: has_ended(server, name))
    that_it_ended = look.fetch()

    microsoft.faults(tenant.tenant_id, Fault("batch", "slow", times=1, seconds=5))
    held_press = held(page, SYNC)
    choose_action(page, name, "Start Manual Sync")
    press = held_press()
    that_it_began = press.fetch()
    look.fulfill(response=that_it_ended)
    expect(row.get_by_text("OK", exact=True)).to_be_visible()
    press.fulfill(response=that_it_began)
    expect(row.get_by_text("Syncing...")).to_be_visible()
    expect(row.get_by_text("OK", exact=True)).to_be_visible()


def test_what_is_ticked_while_others_are_searched_stays_ticked(signed_in: Page, server: Running) -> None:
    page = signed_in
    for name in ("Ticked Alpha", "Ticked Beta"):
        assert server.command("organizations", "create", name).returncode == 0
    page.goto(f"{server.url}/account/users/invite")
    search = page.get_by_placeholder("Name of an organization")
    search.fill("ticked")
    alpha, beta = (page.get_by_role("checkbox", name=name) for name in ("Ticked Alpha", "Ticked Beta"))
    expect(alpha).to_be_visible()
    held_search = held(page, SEARCH)
    search.fill("ticked beta")
    look = held_search()
    without_a_tick = look.fetch()
    alpha.check()
    with suppress(Error):  # it is asked anew, and so nobody waits for this answer any more
        look.fulfill(response=without_a_tick)
    expect(page.get_by_role("checkbox", name="Ticked")).to_have_count(2)
    expect(alpha).to_be_checked()
    expect(beta).not_to_be_checked()


def test_tenants_that_are_matched_one_right_after_the_other_all_say_what_became_of_them(
    signed_in: Page, server: Running, microsoft: Sandbox
) -> None:
    page = signed_in
    alpha, beta = two_rows(page, server, microsoft, "Prompt")
    held_press = held(page, UNMATCH)
    press(beta, "Unmatch")
    first = held_press()
    press(alpha, "Unmatch")
    first.continue_()
    for row in (alpha, beta):
        expect(row.get_by_role("button", name="Accept")).to_be_visible()
    expect(page.locator("#matching-notice")).to_contain_text("Prompt Alpha")


def test_what_is_done_in_a_row_is_shown_also_where_a_search_was_under_way(
    signed_in: Page, server: Running, microsoft: Sandbox
) -> None:
    page = signed_in
    alpha, beta = two_rows(page, server, microsoft, "Sought")
    held_search = held(page, TENANTS)
    page.get_by_role("searchbox").fill("sought alpha")
    look = held_search()
    as_it_was = look.fetch()
    press(alpha, "Unmatch")
    expect(beta).to_have_count(0)
    with suppress(Error):  # it is asked anew, and so nobody waits for this answer any more
        look.fulfill(response=as_it_was)
    expect(alpha.get_by_role("button", name="Accept")).to_be_visible()


def test_fields_that_are_moved_one_right_after_the_other_stand_as_they_were_put(
    signed_in: Page, server: Running
) -> None:
    page = signed_in
    page.goto(f"{server.url}/account/flexible-asset-types/add")
    page.get_by_label("Name").fill("Prompt moves")
    page.get_by_role("button", name="Create type").click()
    for name in ("One", "Two", "Three", "Four"):
        page.get_by_role("link", name="Add field").first.click()
        page.get_by_label("Name").fill(name)
        page.get_by_role("button", name="Add field").click()
    expect(page.locator("#fields .fw-medium")).to_have_text(["Name", "One", "Two", "Three", "Four"])
    held_press = held(page, MOVE)
    row(page, "Four").get_by_role("button", name="Move up").click()
    first = held_press()
    row(page, "One").get_by_role("button", name="Move down").click()
    row(page, "Four").get_by_role("button", name="Move up").click()
    first.continue_()
    expect(page.locator("#fields .fw-medium")).to_have_text(["Name", "Two", "Four", "One", "Three"])
    expect(row(page, "Four").get_by_role("button", name="Move up")).to_be_focused()
    page.reload()
    expect(page.locator("#fields .fw-medium")).to_have_text(["Name", "Two", "Four", "One", "Three"])


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has_text=name)


def test_who_has_gone_on_to_what_was_found_stays_there_when_more_that_was_typed_is_answered(
    signed_in: Page, server: Running, microsoft: Sandbox
) -> None:
    page = signed_in
    alpha, _ = two_rows(page, server, microsoft, "Sooner")
    alpha.get_by_role("link", name="Match to another").click()
    search = alpha.get_by_role("searchbox")
    search.fill("sooner bet")
    entry = alpha.locator(".chooser li button")
    expect(entry).to_have_count(1)
    held_search = held(page, FIND)
    search.fill("sooner beta")
    look = held_search()
    search.press("ArrowDown")
    expect(entry).to_be_focused()
    entry.evaluate("button => { button.dataset.isOld = ''; }")
    look.continue_()
    expect(alpha.locator("[data-is-old]")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(alpha.get_by_role("link", name="Sooner Beta")).to_be_visible()


def two_rows(page: Page, server: Running, microsoft: Sandbox, word: str) -> list[Locator]:
    """The rows of two new tenants of Match Tenants, searched by this word."""
    names = f"{word} Alpha", f"{word} Beta"
    add_tenants(server, microsoft, *names)
    page.goto(f"{server.url}/account/integrations/tenants?q={word.lower()}")
    return [row(page, name) for name in names]


def press(row: Locator, name: str) -> None:
    row.get_by_text("More", exact=True).click()
    row.get_by_role("button", name=name).click()
