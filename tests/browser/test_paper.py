"""A list on paper: whose it is and its figures, as a table, and readable whatever the screen looks like."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from sandbox import Sandbox
from tests.support.integrations import connected_and_synced
from tests.support.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_printed_list_has_its_heading_and_is_a_table_that_says_what_it_is_filtered_by(
    signed_in: Page, server: Running, microsoft: Sandbox
) -> None:
    page, name = signed_in, "Is printed"
    connected_and_synced(page, server, microsoft, name)
    page.goto(f"{server.url}/global/office-365-licenses?organization={name}")
    # The width of A4 within its margins.
    page.set_viewport_size({"width": 718, "height": 1000})
    page.emulate_media(media="print")
    expect(page.get_by_role("heading", name="Office 365 Licenses")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Consumed")).to_be_visible()
    cells = page.locator("tbody tr").first.locator("td")
    tops = cells.evaluate_all("cells => cells.map(cell => cell.getBoundingClientRect().top)")
    assert len(tops) == 9
    assert len(set(tops)) == 1
    expect(page.get_by_role("link", name="Export")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 718
    expect(page.locator(".ts-control > .item")).to_have_text(name)

    page.goto(f"{server.url}/global/office-365-licenses")
    expect(page.get_by_role("columnheader", name="Consumed")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_be_hidden()


def test_a_list_that_is_cards_on_a_phone_is_a_table_on_paper(signed_in: Page, server: Running) -> None:
    page = signed_in
    page.set_viewport_size({"width": 718, "height": 1000})
    page.emulate_media(media="print")
    for address in ("/account/users", "/account/audit-log"):
        page.goto(f"{server.url}{address}")
        expect(page.get_by_role("columnheader").first).to_be_visible()
        tops = "cells => new Set(cells.map(cell => cell.getBoundingClientRect().top)).size"
        assert page.locator("tbody tr").first.locator("td").evaluate_all(tops) == 1, address
        assert page.evaluate("document.documentElement.scrollWidth") <= 718, address


def test_what_is_dark_on_the_screen_is_light_on_paper(signed_in: Page) -> None:
    page, look = signed_in, signed_in.locator("html")
    page.get_by_role("button", name="Switch between light and dark").click()
    expect(look).to_have_attribute("data-bs-theme", "dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(look).not_to_have_attribute("data-bs-theme", "dark")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(look).to_have_attribute("data-bs-theme", "dark")
