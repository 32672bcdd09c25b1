"""`make screenshots`: the pictures of README from the demo, and every page in each look under `build/screenshots`."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from config import BASE_DIR
from launcher import demo
from tests.browser.conftest import chromium, launch
from tests.support.running import Running
from tests.support.waiting import eventually

IMAGES = BASE_DIR / "docs" / "images"
ALL = BASE_DIR / "build" / "screenshots"

PAGES = {
    "global": "/global/office-365-licenses",
    "global-filtered": "/global/office-365-licenses?q=e3&sort=-unused",
    "global-nothing": "/global/office-365-licenses?q=nothing+like+it",
    "organizations": "/organizations",
    "organization": "/organizations/1",
    "organization-edit": "/organizations/1/edit",
    "organization-licenses": "/organizations/2/office-365-licenses",
    "license": "/licenses/8",
    "integrations": "/account/integrations",
    "integration-add": "/account/integrations/add",
    "integration-settings": "/account/integrations/1/settings",
    "integration-tenants": "/account/integrations/1/tenants",
    "tenants": "/account/integrations/tenants",
    "integration-runs": "/account/integrations/1/runs",
    "integration-run": "/account/integrations/1/runs/1",
    "integration-remove": "/account/integrations/1/remove",
    "products": "/account/products",
    "products-import": "/account/products/import",
    "integration-connection": "/account/integrations/1/connection",
    "password": "/account/password",
    "not-found": "/nowhere",
}
LOOKS = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
    "phone-dark": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
}


def main() -> None:
    ALL.mkdir(parents=True, exist_ok=True)
    IMAGES.mkdir(parents=True, exist_ok=True)
    assert chromium(), "Chromium is needed to make pictures"
    with (
        tempfile.TemporaryDirectory() as directory,
        Running(Path(directory), arguments=("--demo",)) as server,
        sync_playwright() as playwright,
    ):
        browser = launch(playwright)
        for look in LOOKS:
            _take(browser, server.url, look)
        browser.close()


def _take(browser: Browser, url: str, look: str) -> None:
    context = browser.new_context(locale="en-GB", timezone_id="Europe/London", **LOOKS[look])  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(url)
    page.screenshot(path=ALL / f"sign-in-{look}.png", full_page=True)
    page.get_by_label("E-mail").fill(demo.EMAIL)
    page.get_by_label("Password").fill(demo.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile("/global/"))
    eventually(lambda: _all_synced(page, url))
    for name, path in PAGES.items():
        page.goto(url + path)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=ALL / f"{name}-{look}.png", full_page=True)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= page.viewport_size["width"], f"{name} is {width} px wide"  # type: ignore[index]
    if look == "light":
        page.goto(f"{url}{PAGES['global']}?sort=-over")
        page.wait_for_load_state("networkidle")
        page.screenshot(path=IMAGES / "global-list.png")
    context.close()


def _all_synced(page: Page, url: str) -> bool:
    page.goto(f"{url}/account/integrations")
    return page.get_by_text("Syncing...").count() == 0


if __name__ == "__main__":
    main()
