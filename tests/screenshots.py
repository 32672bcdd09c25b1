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

# Pages whose addresses are the same in every demo.
PAGES = {
    "global": "/global/office-365-licenses",
    "global-filtered": "/global/office-365-licenses?q=e3&sort=-unused",
    "global-nothing": "/global/office-365-licenses?q=nothing+like+it",
    "organizations": "/organizations",
    "organization": "/organizations/1",
    "organization-edit": "/organizations/1/edit",
    "organization-archive": "/organizations/1/archive",
    "organization-add": "/organizations/add",
    "organizations-archived": "/organizations?state=archived",
    "organizations-import": "/organizations/import",
    "organization-licenses": "/organizations/2/office-365-licenses",
    "organization-contacts": "/organizations/2/contacts",
    "contact-add": "/organizations/2/contacts/add",
    "contacts": "/global/contacts",
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
    "tenants-add": "/account/integrations/2/tenants/add",
    "direct-tenants": "/account/integrations/2/tenants",
    "direct-settings": "/account/integrations/2/settings",
    "users": "/account/users",
    "user-invite": "/account/users/invite",
    "groups": "/account/groups",
    "group-add": "/account/groups/add",
    "audit-log": "/account/audit-log",
    "asset-types": "/account/flexible-asset-types",
    "asset-type-add": "/account/flexible-asset-types/add",
    "asset-type-synced": "/account/flexible-asset-types/1",
    "assets": "/global/assets/backups",
    "organization-assets": "/organizations/2/assets/backups",
    "asset-add": "/organizations/2/assets/backups/add",
    "account": "/account",
    "password": "/account/password",
    "not-found": "/nowhere",
}
# Pages of records whose ids the order of the first sync decides: the list that links to one, how the link begins, and
# what of the record is shown.
FOUND = {
    "license": ("/global/office-365-licenses?q=e3&sort=-consumed", "/licenses/", ""),
    "license-edit": ("/global/office-365-licenses?q=e3&sort=-consumed", "/licenses/", "/edit"),
    "license-history": ("/global/office-365-licenses?q=e3&sort=-consumed", "/licenses/", "/history"),
    "contact": ("/organizations/2/contacts", "/contacts/", ""),
    "contact-edit": ("/organizations/2/contacts", "/contacts/", "/edit"),
    "contact-delete": ("/organizations/2/contacts", "/contacts/", "/delete"),
    "user": ("/account/users?q=lite", "/account/users/", ""),
    "user-delete": ("/account/users?q=lite", "/account/users/", "/delete"),
    "asset-type": ("/account/flexible-asset-types", "/account/flexible-asset-types/", ""),
    "asset": ("/global/assets/backups", "/assets/", ""),
    "asset-edit": ("/global/assets/backups", "/assets/", "/edit"),
    "group": ("/account/groups", "/account/groups/", ""),
    "product-edit": ("/account/products", "/account/products/", ""),
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
    if look == next(iter(LOOKS)):
        _make_records(page, url)
    found = {name: _find(page, url, *where) for name, where in FOUND.items()}
    for name, path in (PAGES | found).items():
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


def _make_records(page: Page, url: str) -> None:
    """What the demo has none of: a group, and a type of one's own with an asset of it."""
    for form, name, button in (
        ("/account/groups/add", "First line", "Add group"),
        ("/account/flexible-asset-types/add", "Backups", "Create type"),
    ):
        page.goto(url + form)
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_role("button", name=button).click()
        page.wait_for_load_state("networkidle")
    for field, kind in (("Product", "Text"), ("Renewal", "Date"), ("Looked after by", "Tag of contacts")):
        page.get_by_role("link", name="Add field").first.click()
        page.get_by_label("Name", exact=True).fill(field)
        page.get_by_label("Kind").select_option(label=kind)
        page.get_by_role("button", name="Add field").click()
        page.wait_for_load_state("networkidle")
    page.goto(f"{url}/organizations/2/assets/backups/add")
    page.get_by_label("Name", exact=True).fill("Server room")
    page.get_by_label("Product").fill("Nightly, off site, kept for a year")
    page.get_by_role("button", name="Add", exact=True).click()
    page.wait_for_load_state("networkidle")


def _find(page: Page, url: str, where: str, start: str, rest: str) -> str:
    """The address of the first record that the list links to."""
    page.goto(url + where)
    links: list[str] = page.locator("main a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    record = re.compile(rf"{re.escape(start)}\d+")
    return next(link for link in links if record.fullmatch(link)) + rest


def _all_synced(page: Page, url: str) -> bool:
    page.goto(f"{url}/account/integrations")
    return page.get_by_text("Syncing...").count() == 0


if __name__ == "__main__":
    main()
