"""A server that cannot be reached while a page is open: whoever is there sees it, and what waits goes on."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from sandbox import Fault, Sandbox
from tests.browser.conftest import sign_in
from tests.support.integrations import add_tenants, choose_action, connect, have_tenants, integration_row
from tests.support.microsoft import sandbox_tenant
from tests.support.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def cut_off(context: BrowserContext, server: Running) -> Page:
    """A tab of the Administrator that, unlike others, may log errors: those of its requests."""
    page = context.new_page()
    page.goto(server.url)
    sign_in(page)
    page.wait_for_url(re.compile("/global/"))
    return page


def answer_nothing(route: Route) -> None:
    """Leave the request without an answer, as a network does that drops packets."""


def test_a_status_goes_on_after_an_answer_that_never_came(cut_off: Page, server: Running, microsoft: Sandbox) -> None:
    page, name, asked = cut_off, "Drops packets", re.compile(r"/integrations/\d+/status")
    tenant = sandbox_tenant(microsoft, display_name=name)
    microsoft.faults(tenant.tenant_id, Fault("subscribedSkus", "slow", times=None, after=1, seconds=3))
    connect(page, server, tenant, name)
    expect(page.get_by_role("heading", name="Sync your data with Office 365")).to_be_visible()
    page.goto(f"{server.url}/account/integrations")
    # Of what is asked by itself: a press has the time that it needs.
    page.evaluate("""() => {
      window.patience = 300;
      const hurry = ({ detail }) => { if (detail.verb === "get") detail.timeout = patience; };
      document.addEventListener("htmx:configRequest", hurry);
    }""")
    page.route(asked, answer_nothing)
    choose_action(page, name, "Start Manual Sync")
    expect(page.get_by_text("This page goes on by itself when it can.")).to_be_visible()
    page.evaluate("window.patience = 30000")
    page.unroute(asked)
    expect(integration_row(page, name).get_by_text("OK", exact=True)).to_be_visible()
    expect(page.get_by_text("cannot be reached at the moment")).to_have_count(0)


@pytest.mark.parametrize("trouble", ["no connection", "an error"])
def test_who_pressed_something_far_down_sees_that_nothing_came_of_it(
    cut_off: Page, server: Running, microsoft: Sandbox, trouble: str
) -> None:
    page, words = cut_off, "Far down"
    have_tenants(server, microsoft, *(f"{words} {number}" for number in range(5)))
    page.set_viewport_size({"width": 1280, "height": 400})
    page.goto(f"{server.url}/account/integrations/tenants?q={words}")
    button, asked = page.get_by_role("link", name="Match to another").last, "**/choose*"
    if trouble == "an error":
        page.route(asked, lambda route: route.continue_(url=f"{server.url}/nowhere"))
        told = page.get_by_text("There is nothing here")
    else:
        page.route(asked, lambda route: route.abort())
        told = page.get_by_text("so this page is as it was. Try again in a moment.")
    button.click()
    expect(told).to_be_in_viewport()
    expect(button).to_be_in_viewport()


@pytest.mark.parametrize(
    ("status", "words"), [(401, "Your session has ended. Sign in again"), (503, "Seatledger cannot be reached")]
)
def test_a_select_whose_entries_could_not_be_asked_for_says_so(cut_off: Page, status: int, words: str) -> None:
    page = cut_off
    page.route("**/some/choices*", lambda route: route.fulfill(status=status))
    page.evaluate("""() => {
      const part = document.createElement("p");
      part.innerHTML = '<select id="chosen" data-choices data-choices-url="/some/choices"></select>';
      document.getElementById("content").append(part);
      htmx.trigger(part, "htmx:load", { elt: part });
    }""")
    field = page.locator("#chosen + .ts-wrapper input")
    field.press_sequentially("contoso")
    expect(page.get_by_text(words)).to_be_visible()
    expect(page.get_by_text("No results found")).to_have_count(0)

    page.unroute("**/some/choices*")
    page.route("**/some/choices*", lambda route: route.fulfill(json=[{"value": "1", "text": "Contoso 株式会社"}]))
    field.press("Backspace")
    expect(page.get_by_role("option", name="Contoso 株式会社")).to_be_visible()


def test_a_forecast_that_could_not_be_made_is_not_taken_for_the_one_before(
    cut_off: Page, server: Running, microsoft: Sandbox
) -> None:
    page, name = cut_off, "Has no forecast"
    add_tenants(server, microsoft, name)
    page.goto(f"{server.url}/account/integrations")
    choose_action(page, name, "Sync Settings")
    forecast = page.locator("#forecast")
    expect(forecast).to_contain_text("No contact will be created or unlinked")
    page.route("**/preview", lambda route: route.abort())
    page.get_by_role("radio", name="All users").check()
    expect(forecast).to_contain_text("What the next sync will do could not be worked out.")
    expect(forecast).not_to_contain_text("No contact will be created")
    page.unroute("**/preview")
    page.get_by_role("radio", name="Off").check()
    expect(forecast).to_contain_text("No contact will be created or unlinked")
