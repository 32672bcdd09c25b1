"""By keyboard alone: what has the focus is in sight (WCAG 2.2, 2.4.11)."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from sandbox import Sandbox
from tests.support.integrations import connect
from tests.support.microsoft import sandbox_tenant
from tests.support.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# How far the focused element reaches below the top of the footer that stays in sight; null within the footer itself.
BELOW_ITS_TOP = """() => {
    const footer = document.querySelector(".settings-footer"), focused = document.activeElement;
    if (footer.contains(focused)) return null;
    return focused.getBoundingClientRect().bottom - footer.getBoundingClientRect().top;
}"""


def test_no_field_of_the_sync_settings_is_below_the_footer_when_it_is_reached(
    signed_in: Page, server: Running, microsoft: Sandbox
) -> None:
    page, tenant = signed_in, sandbox_tenant(microsoft, display_name="By keyboard")
    # Nothing moves after the key any more.
    page.emulate_media(reduced_motion="reduce")
    connect(page, server, tenant, "By keyboard")
    expect(page.get_by_role("heading", name="Sync your data with Office 365")).to_be_visible()
    for width, height in ((360, 740), (720, 450), (1280, 720)):
        page.set_viewport_size({"width": width, "height": height})
        page.reload()
        page.get_by_label("All users").check()
        expect(page.get_by_text("have not been read yet")).to_be_visible()
        page.get_by_label("Licenses", exact=True).focus()
        hidden, reached = [], 0
        while (below := page.evaluate(BELOW_ITS_TOP)) is not None:
            reached += 1
            if below > 0:
                hidden.append((page.evaluate("document.activeElement.id"), below))
            page.keyboard.press("Tab")
        assert hidden == [], f"at {width} x {height}"
        assert reached >= 6
