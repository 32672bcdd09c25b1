"""Narrow screens: the largest figures, and names without a space, have room, and what is chosen can be taken out."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from sandbox import Sandbox, Sku
from tests.support.integrations import connected_and_synced
from tests.support.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WIDTH = "document.documentElement.scrollWidth"


def test_on_a_phone_the_largest_figures_and_a_long_choice_have_room(
    signed_in: Page, server: Running, microsoft: Sandbox
) -> None:
    page, name = signed_in, "Milliardengesellschaft" * 3
    skus = (Sku.of("SPE_E3", enabled=1_000_000_000, consumed=2_123_456_789), Sku.of("SPB", enabled=2_000_000_000))
    connected_and_synced(page, server, microsoft, name, skus)

    page.set_viewport_size({"width": 360, "height": 800})
    page.goto(f"{server.url}/global/office-365-licenses?organization={name}")
    expect(page.locator('[data-total="active"]')).to_have_text("3,000,000,000")
    too_long = "figures => figures.filter(one => one.scrollWidth > one.clientWidth).map(one => one.textContent.trim())"
    assert page.locator("td.number, [data-total]").evaluate_all(too_long) == []
    heights = page.locator("[data-total]").evaluate_all("figures => figures.map(figure => figure.clientHeight)")
    assert max(heights) < 40, "each is on one line"
    assert page.evaluate(WIDTH) <= 360
    right = "element => element.getBoundingClientRect().right"
    taken_out_by, field = page.locator("[data-take-out]"), page.locator(".ts-control").first
    assert taken_out_by.evaluate(right) <= field.evaluate(right)


def test_a_name_in_arabic_that_has_no_room_lacks_its_end(signed_in: Page, server: Running) -> None:
    page, word = signed_in, "شركة الأمل"
    name = f"{word} للتجارة والمقاولات العامة المحدودة والمقاولات العامة المحدودة"
    assert server.command("organizations", "create", name).returncode == 0
    page.set_viewport_size({"width": 360, "height": 800})
    page.goto(f"{server.url}/organizations?q={word}")
    link = page.locator("main").get_by_role("link", name=name)
    expect(link).to_be_visible()
    beyond = """link => {
        const first = document.createRange(), place = link.getBoundingClientRect();
        first.setStart(link.firstChild, 0);
        first.setEnd(link.firstChild, 1);
        return [link.scrollWidth > link.clientWidth, first.getBoundingClientRect().right - place.right];
    }"""
    is_clipped, over = link.evaluate(beyond)
    assert is_clipped
    assert over <= 1


def test_names_and_addresses_without_a_space_do_not_widen_the_page(signed_in: Page, server: Running) -> None:
    page, word = signed_in, "w" * 60
    page.goto(f"{server.url}/account/flexible-asset-types/add")
    page.get_by_label("Name", exact=True).fill(word)
    page.set_viewport_size({"width": 360, "height": 800})
    page.get_by_role("button", name="Create type").click()
    expect(page.get_by_text(f"{word} was created.")).to_be_visible()
    assert page.evaluate(WIDTH) <= 360, "the notice has room"
    page.goto(f"{server.url}/organizations/add")
    page.get_by_label("Name", exact=True).fill("Long addresses")
    page.get_by_role("button", name="Add organization").click()
    expect(page.get_by_role("heading", name="Long addresses")).to_be_visible()
    organization = page.url
    page.goto(f"{organization}/contacts/add")
    page.get_by_label("Name", exact=True).fill(f"Somebody Von{word}")
    page.get_by_label("E-mail", exact=True).fill(f"{word}@{word}.example")
    page.get_by_role("button", name="Add contact").click()
    expect(page.get_by_role("heading", name="Somebody Von")).to_be_visible()

    too_wide = []
    for address in (f"{organization}/assets/{word}", f"{organization}/contacts", f"{server.url}/global/contacts"):
        for width in (360, 768, 1024):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(address)
            if page.evaluate(WIDTH) > width:
                too_wide.append((address, width))
    assert too_wide == []
