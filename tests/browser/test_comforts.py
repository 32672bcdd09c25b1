"""What scripts add: polling that rests with the tab, buttons that are busy, a theme, addresses that hold the view."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from sandbox import Fault, Sandbox, Sku
from sandbox.products import BY_PART_NUMBER
from tests.browser.conftest import EMAIL, PASSWORD, follow, sign_in
from tests.support.integrations import choose_action, connect, connected_and_synced, integration_row
from tests.support.microsoft import sandbox_tenant
from tests.support.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SHOW = """(hidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
STATUS = re.compile(r"/account/integrations/\d+/status")


def test_a_hidden_tab_does_not_poll_and_goes_on_when_it_is_shown(
    signed_in: Page, server: Running, microsoft: Sandbox
) -> None:
    page, name = signed_in, "Is hidden"
    tenant = sandbox_tenant(microsoft, display_name=name)
    microsoft.faults(tenant.tenant_id, Fault("subscribedSkus", "slow", times=None, after=1, seconds=12))
    page.clock.install()
    connect(page, server, tenant, name)
    expect(page.get_by_role("heading", name="Sync your data with Office 365")).to_be_visible()
    page.goto(f"{server.url}/account/integrations")
    with page.expect_response(STATUS):
        choose_action(page, name, "Start Manual Sync")
    row = integration_row(page, name)
    expect(row.get_by_text("Syncing...")).to_be_visible()

    page.evaluate(SHOW, True)
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request) if STATUS.search(request.url) else None)
    page.clock.run_for(60_000)
    assert asked == []
    with page.expect_response(STATUS):
        page.evaluate(SHOW, False)
    expect(row.get_by_text("OK", exact=True)).to_be_visible()


@pytest.mark.parametrize(
    ("select", "leave"),
    [
        (
            "getSelection().selectAllChildren(document.querySelector('#polled code'))",
            "getSelection().removeAllRanges()",
        ),
        ("document.querySelector('#polled input').select()", "document.querySelector('#polled input').blur()"),
    ],
)
def test_what_is_selected_to_be_copied_stays_for_half_a_minute(signed_in: Page, select: str, leave: str) -> None:
    page, asked = signed_in, "document.querySelector('#polled').dataset.asked ?? 0"
    # No time passes but what is told to pass, however long the machine takes.
    page.clock.install(time=0)
    page.clock.pause_at(1)
    begin = """() => {
      document.querySelector("#polled")?.remove();
      const part = document.createElement("div");
      part.innerHTML = '<code>a request</code><input value="an address" readonly autofocus>';
      part.id = "polled";
      part.dataset.poll = "1000";
      part.addEventListener("poll", () => { part.dataset.asked = 1; });
      document.getElementById("content").append(part);
      part.querySelector("input").focus();
      htmx.trigger(part, "htmx:load", { elt: part });
    }"""
    page.evaluate(begin)
    page.evaluate(select)
    page.clock.run_for(20_000)
    assert page.evaluate(asked) == 0
    page.evaluate(leave)
    page.clock.run_for(1_000)
    assert page.evaluate(asked) == "1"

    page.evaluate(begin)
    page.evaluate(select)
    page.clock.run_for(32_000)
    assert page.evaluate(asked) == "1", "a selection that somebody forgot does not end it"


def test_a_pressed_button_is_busy_and_cannot_be_pressed_twice(page: Page, server: Running) -> None:
    sent: list[Request] = []

    def answer_nothing(route: Route) -> None:
        """Leave the browser where it is, as it is while it waits for a slow answer."""
        if route.request.method == "POST":
            sent.append(route.request)
            route.fulfill(status=204)
        else:
            route.continue_()

    page.route("**/sign-in*", answer_nothing)
    page.goto(f"{server.url}/sign-in")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    button = page.get_by_role("button", name="Sign in")
    button.click()
    expect(button).to_be_disabled()
    expect(button.locator(".spinner-border")).to_be_visible()
    page.get_by_label("Password").press("Enter")
    button.click(force=True)
    page.goto(f"{server.url}/sign-in")
    expect(button).to_be_enabled()
    assert len(sent) == 1


def test_a_form_whose_button_stands_outside_of_it_is_sent_once(signed_in: Page, server: Running) -> None:
    page, sent = signed_in, []
    page.goto(f"{server.url}/organizations/import")
    lines = b"name\nPressed twice\n"
    page.get_by_label("CSV file").set_input_files({"name": "names.csv", "mimeType": "text/csv", "buffer": lines})
    follow(page, page.get_by_role("button", name="Check the file"))
    button = page.get_by_role("button", name="Import", exact=True)
    expect(button).to_be_visible()

    def answer_nothing(route: Route) -> None:
        sent.append(route.request.method)
        route.fulfill(status=204)

    page.route(page.url, answer_nothing)
    button.click()
    expect(button).to_be_disabled()
    page.evaluate("document.getElementById('import').requestSubmit()")
    page.goto(f"{server.url}/organizations")
    expect(page.get_by_role("heading", name="Organizations")).to_be_visible()
    assert sent == ["POST"]


def test_the_theme_is_remembered(signed_in: Page, server: Running) -> None:
    page = signed_in
    theme = page.locator("html")
    expect(theme).not_to_have_attribute("data-bs-theme", "dark")
    page.get_by_role("button", name="Switch between light and dark").click()
    expect(theme).to_have_attribute("data-bs-theme", "dark")
    page.goto(f"{server.url}/organizations")
    expect(theme).to_have_attribute("data-bs-theme", "dark")
    page.get_by_role("button", name="Switch between light and dark").click()
    page.reload()
    expect(theme).not_to_have_attribute("data-bs-theme", "dark")


def test_times_and_days_are_those_of_the_reader_s_zone(signed_in: Page) -> None:
    page = signed_in
    page.evaluate("""() => {
      const part = document.createElement("p");
      part.id = "late";
      part.innerHTML = '<time datetime="2026-01-01T23:30:00+00:00">2026-01-01 23:30 UTC</time>, '
        + '<time datetime="2026-01-01T23:30:00+00:00" data-day>2026-01-01</time>';
      document.getElementById("content").append(part);
      htmx.process(part);
      htmx.trigger(part, "htmx:load", { elt: part });
    }""")
    expect(page.locator("#late")).to_have_text("2 Jan 2026, 00:30, 2 Jan 2026")


def test_days_of_the_audit_log_are_chosen_in_the_reader_s_zone(signed_in: Page, server: Running) -> None:
    page = signed_in
    page.goto(f"{server.url}/account/audit-log")
    page.get_by_label("From").fill("2026-01-02")
    expect(page).to_have_url(f"{server.url}/account/audit-log?since=2026-01-02&zone=Europe/Berlin")


@pytest.mark.parametrize(
    ("width", "stops"),
    [
        (
            1280,
            ["Seatledger", "Organizations", "Global", "Account", "Switch between light and dark", f"Your menu {EMAIL}"],
        ),
        (390, ["Menu", "Seatledger", "Switch between light and dark", "Your menu"]),
    ],
)
def test_tab_goes_through_the_head_of_the_page_from_left_to_right(
    signed_in: Page, width: int, stops: list[str]
) -> None:
    page = signed_in
    page.set_viewport_size({"width": width, "height": 800})
    page.get_by_role("link", name="Skip to content").focus()
    seen, lefts = [], []
    for _ in stops:
        page.keyboard.press("Tab")
        # What is not displayed belongs to no name.
        told = "[document.activeElement.ariaLabel ?? document.activeElement.innerText.trim()]"
        seen += [" ".join(name.split()) for name in page.evaluate(told)]
        lefts.append(page.evaluate("document.activeElement.getBoundingClientRect().left"))
    assert seen == stops
    assert lefts == sorted(lefts)


def test_back_and_a_shared_link_show_the_same_filtered_list(
    signed_in: Page, browser: Browser, server: Running, microsoft: Sandbox
) -> None:
    page, name = signed_in, "Goes-back"
    connected_and_synced(page, server, microsoft, name)
    page.goto(f"{server.url}/global/office-365-licenses?organization={name}")
    rows, search = page.locator("tbody tr"), page.get_by_role("searchbox")
    expect(rows).to_have_count(2)
    search.fill("e3")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile(r"\?q=e3&organization=\d+$"))
    shared = page.url

    page.get_by_role("link", name="Microsoft 365 E3").click()
    expect(page.get_by_text("Synced fields")).to_be_visible()
    page.go_back()
    expect(page).to_have_url(shared)
    expect(rows).to_have_count(1)
    expect(search).to_have_value("e3")
    page.go_back()
    expect(page).to_have_url(re.compile(r"licenses\?organization=Goes-back$"))
    expect(rows).to_have_count(2)
    expect(search).to_have_value("")

    with browser.new_context() as colleagues:
        page = colleagues.new_page()
        page.goto(shared)
        sign_in(page)
        expect(page).to_have_url(shared)
        expect(page.locator("tbody tr")).to_have_count(1)
        expect(page.get_by_role("searchbox")).to_have_value("e3")


def test_who_pages_to_the_end_by_keyboard_goes_on_at_the_list(
    signed_in: Page, server: Running, microsoft: Sandbox
) -> None:
    page, name = signed_in, "Has two pages"
    skus = tuple(Sku.of(part_number, enabled=5) for part_number in list(BY_PART_NUMBER)[:11])
    connected_and_synced(page, server, microsoft, name, skus)
    page.goto(f"{server.url}/global/office-365-licenses?organization={name}&per_page=10")
    page.get_by_role("link", name="Next").press("Enter")
    expect(page.get_by_text("11–11 of 11").first).to_be_visible()
    expect(page.locator("#listing")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Clear")).to_be_focused()


def test_on_a_phone_no_main_page_scrolls_sideways(signed_in: Page, server: Running, microsoft: Sandbox) -> None:
    page, name = signed_in, "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
    connected_and_synced(page, server, microsoft, name)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server.url}/global/office-365-licenses?q={name}")
    license_address = page.locator("tbody a").first.get_attribute("href")
    organization = page.locator("tbody td[data-label=Organization] a").first.get_attribute("href")
    page.goto(f"{server.url}/account/integrations")
    tenants = integration_row(page, name).locator("td[data-label=Tenants] a").get_attribute("href")
    assert license_address
    assert organization
    assert tenants
    integration = tenants.removesuffix("/tenants")
    page.goto(f"{server.url}{integration}/runs")
    # Of several, where it also synced by itself meanwhile.
    run = page.locator("td[data-label=Started] a").first.get_attribute("href")
    assert run
    addresses = [
        "/global/office-365-licenses",
        "/organizations",
        organization,
        organization.removesuffix("/office-365-licenses"),
        license_address,
        "/account/integrations",
        "/account/integrations/add",
        *(f"{integration}/{part}" for part in ("settings", "tenants", "runs", "connection", "remove")),
        run,
        "/account/products",
        "/account/password",
    ]
    too_wide = {}
    for address in addresses:
        page.goto(server.url + address)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 390:
            too_wide[address] = width
    assert too_wide == {}


def test_a_state_of_two_lines_has_room_for_them(signed_in: Page, server: Running) -> None:
    page = signed_in
    page.goto(f"{server.url}/account/integrations")
    inner, outer = page.evaluate("""() => {
      const narrow = document.createElement("div"), state = document.createElement("span");
      narrow.style.width = "12rem";
      state.className = "status";
      state.textContent = "Partly failed (500 of 5,000, keep last good data)";
      narrow.append(state);
      document.querySelector("main").append(narrow);
      return [state.scrollHeight, state.clientHeight];
    }""")
    assert inner <= outer
