"""A form that is refused: the focus is where it is to be mended, and that is in sight, on a phone too."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from sandbox import Fault, Sandbox
from tests.support.integrations import connect, send_connection
from tests.support.microsoft import sandbox_tenant
from tests.support.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def is_where_one_goes_on(field: Locator) -> None:
    expect(field).to_be_focused()
    expect(field).to_be_in_viewport()


def test_the_first_field_with_an_error_has_the_focus(signed_in: Page, server: Running) -> None:
    page = signed_in
    page.goto(f"{server.url}/account/integrations/add")
    page.get_by_label("Name", exact=True).fill("Lacks all else")
    page.get_by_role("button", name="Test and connect").click()
    is_where_one_goes_on(page.get_by_label("Tenant ID"))


def test_on_a_phone_a_select_far_below_is_scrolled_to(signed_in: Page, server: Running, microsoft: Sandbox) -> None:
    page, tenant = signed_in, sandbox_tenant(microsoft, display_name="Whose is it")
    page.set_viewport_size({"width": 390, "height": 664})
    page.goto(f"{server.url}/account/integrations/add")
    page.get_by_label("Use an existing organization").check()
    send_connection(page, tenant, "Whose is it")
    is_where_one_goes_on(page.locator("#organization + .ts-wrapper input"))
    expect(page.get_by_text("Choose one of the organizations")).to_be_in_viewport(ratio=1)
    expect(page.locator(".ts-dropdown")).to_be_hidden()
    page.keyboard.type("o")
    expect(page.locator(".ts-dropdown")).to_be_visible()


def test_of_choices_the_chosen_one_has_the_focus(signed_in: Page, server: Running) -> None:
    page = signed_in
    page.goto(f"{server.url}/account/integrations/add")
    page.evaluate("document.querySelector('[name=kind][value=partner]').value = 'nonsense'")
    page.locator("[name=kind][value=nonsense]").check(force=True)
    for label in ("Name", "Tenant ID", "Client ID", "Client secret"):
        page.get_by_label(label, exact=label == "Name").fill("11111111-1111-4111-8111-111111111111")
    page.get_by_role("button", name="Test and connect").click()
    is_where_one_goes_on(page.locator("[name=kind]").first)


def test_what_microsoft_refuses_has_the_focus(signed_in: Page, server: Running, microsoft: Sandbox) -> None:
    page, lacks = signed_in, (Fault("organization", "forbidden"), Fault("subscribedSkus", "forbidden"))
    tenant = sandbox_tenant(microsoft, display_name="Refused", faults=lacks)
    page.set_viewport_size({"width": 390, "height": 664})
    connect(page, server, tenant, "Refused")
    is_where_one_goes_on(page.get_by_role("alert"))


def test_a_page_without_errors_leaves_the_focus_alone(signed_in: Page, server: Running) -> None:
    page = signed_in
    page.goto(f"{server.url}/account/integrations/add")
    assert page.evaluate("document.activeElement === document.body")


def test_what_is_wrong_is_not_below_the_footer_that_stays_in_sight(
    signed_in: Page, server: Running, microsoft: Sandbox
) -> None:
    page, tenant = signed_in, sandbox_tenant(microsoft, display_name="Checks none")
    connect(page, server, tenant, "Checks none")
    expect(page.get_by_role("heading", name="Sync your data with Office 365")).to_be_visible()
    page.get_by_label("Only users who hold one of the checked licenses").check()
    wrong = page.get_by_role("alert").filter(has_text="Check at least one license")
    footer = page.locator(".settings-footer")
    # Where it would be in sight but for the footer; it is there at once, not after a while.
    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(reduced_motion="reduce")
    page.get_by_role("button", name="Save").click()
    expect(wrong).to_be_in_viewport(ratio=1)
    expect(page.locator("main :focus")).to_be_attached()
    edges = "element => [element.getBoundingClientRect().top, element.getBoundingClientRect().bottom]"
    assert wrong.evaluate(edges)[1] <= footer.evaluate(edges)[0]
