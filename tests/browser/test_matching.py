"""Matching: one tenant in its row, many at once with a preview, and the undo of both."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from sandbox import Sandbox
from tests.browser.conftest import follow, sign_in
from tests.support.integrations import add_tenants
from tests.support.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def unmatch(page: Page, server: Running, word: str) -> None:
    """Their organizations stay, and the tenants wait to be matched again."""
    page.goto(f"{server.url}/account/integrations/tenants?q={word}")
    page.get_by_label("All on this page").check()
    page.get_by_role("button", name="Unmatch", exact=True).click()
    page.get_by_role("button", name="Unmatch them").click()
    follow(page, page.get_by_role("link", name="Back to the tenants").last)


def test_many_are_matched_at_once_and_undone(signed_in: Page, server: Running, microsoft: Sandbox) -> None:
    page = signed_in
    add_tenants(server, microsoft, "Bulky Alpha", "Bulky Beta", "Bulky Gamma")
    unmatch(page, server, "bulky")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("same name")

    page.get_by_label("Select Bulky Alpha").check()
    expect(page.get_by_text("1 selected")).to_be_visible()
    page.get_by_label("All on this page").check()
    expect(page.get_by_text("3 selected")).to_be_visible()
    page.get_by_role("button", name="Accept suggestions").click()
    expect(page.get_by_role("heading", name="Check what will happen")).to_be_visible()
    page.get_by_role("row").filter(has_text="Bulky Gamma").get_by_role("button", name="Leave out").click()
    expect(page.get_by_label("Same name (2)")).to_be_checked()
    page.get_by_role("button", name="Match them").click()
    expect(page.get_by_role("heading", name="2 tenants matched.")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Start sync")).first).to_be_visible()

    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Undone: 2 tenants are as before.")).to_be_visible()
    expect(page.get_by_role("button", name="Accept", exact=True)).to_have_count(3)


def test_one_is_matched_in_its_row_by_keyboard(signed_in: Page, server: Running, microsoft: Sandbox) -> None:
    page = signed_in
    add_tenants(server, microsoft, "Single Alpha", "Single Beta")
    unmatch(page, server, "single")
    row = page.get_by_role("row").filter(has_text="Single Alpha")
    row.get_by_role("link", name="Choose another").click()
    search = row.get_by_role("searchbox")
    expect(search).to_be_focused()
    search.press("Escape")
    expect(search).to_have_count(0)
    expect(row.get_by_role("link", name="Choose another")).to_be_focused()
    page.keyboard.press("Enter")
    search.press_sequentially("single beta", delay=20)
    expect(row.locator(".chooser li")).to_have_count(1)
    search.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(row.get_by_role("link", name="Single Beta")).to_be_visible()
    expect(page.locator("#matching-notice")).to_contain_text("Single Alpha is matched to Single Beta.")
    row.get_by_role("button", name="Undo").click()
    expect(row.get_by_role("button", name="Accept")).to_be_visible()


def test_what_was_found_answers_in_place_to_who_is_quicker_than_the_page(
    signed_in: Page, server: Running, microsoft: Sandbox
) -> None:
    page = signed_in
    add_tenants(server, microsoft, "Quick Alpha", "Quick Beta")
    unmatch(page, server, "quick")
    row = page.get_by_role("row").filter(has_text="Quick Alpha")
    row.get_by_role("link", name="Choose another").click()
    expect(row.locator(".chooser li").first).to_be_visible()
    page.evaluate("""() => {
      const press = ({target}) => queueMicrotask(() => target.querySelector("li button")?.click());
      document.addEventListener("htmx:afterSwap", press, {once: true});
    }""")
    row.get_by_role("searchbox").fill("quick beta")
    expect(row.get_by_role("link", name="Quick Beta")).to_be_visible()
    expect(row.get_by_role("button", name="Undo")).to_be_visible()


def test_a_menu_closes_with_escape_and_when_something_else_is_pressed(
    signed_in: Page, server: Running, microsoft: Sandbox
) -> None:
    page = signed_in
    add_tenants(server, microsoft, "Menu Alpha", "Menu Beta")
    page.goto(f"{server.url}/account/integrations/tenants?q=menu")
    alpha, beta = page.get_by_text("More", exact=True).all()
    within = page.locator(".menu-content")
    alpha.press("Enter")
    expect(within.first).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(within.first).to_be_hidden()
    expect(alpha).to_be_focused()
    beta.click()
    expect(within.last).to_be_visible()
    alpha.click()
    expect(within.last).to_be_hidden()
    expect(within.first).to_be_visible()
    page.get_by_role("heading", name="Match Tenants").click()
    expect(within.first).to_be_hidden()


def test_an_organization_is_found_without_script(plain: Page, server: Running, microsoft: Sandbox) -> None:
    page = plain
    page.goto(server.url)
    sign_in(page)
    add_tenants(server, microsoft, "Plain Alpha", "Plain Beta")
    page.goto(f"{server.url}/account/integrations/tenants?q=plain+alpha")
    page.get_by_role("link", name="Match to another").click()
    page.get_by_role("searchbox").fill("plain beta")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("button", name=re.compile("Plain Beta")).click()
    expect(page).to_have_url(re.compile(r"/account/integrations/tenants\?q=plain\+alpha$"))
    expect(page.get_by_text("Plain Alpha is matched to Plain Beta.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Undone: 1 tenant is as before.")).to_be_visible()
