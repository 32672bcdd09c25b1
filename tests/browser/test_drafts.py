"""What was typed into a form is not lost where the session ended meanwhile: it is there again after sign-in."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import EMAIL, PASSWORD, follow, sign_in
from tests.support.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SAID = "What you had typed is in the form again"


def send(page: Page) -> None:
    follow(page, page.locator("main form[method=post] button[type=submit]").last)


def save_meanwhile(server: Running, tmp_path: Path, line: str) -> None:
    file = tmp_path / "organizations.csv"
    file.write_text(f"name,address,phone\n{line}\n")
    assert server.command("organizations", "import", str(file), "--update").returncode == 0


def type_a_phone_and_lose_the_session(page: Page, server: Running, organization: str) -> str:
    server.command("organizations", "create", organization, "--address", "Old Street", "--phone", "1")
    page.goto(f"{server.url}/organizations?q={organization}")
    page.get_by_role("link", name=organization).click()
    follow(page, page.get_by_role("link", name="Edit"))
    form = page.url
    page.get_by_label("Phone").fill("+44 20 7946 0000")
    page.context.clear_cookies()
    send(page)
    return form


def open_again(page: Page) -> None:
    page.get_by_role("link", name="Open the form again").click()
    with page.expect_navigation():
        sign_in(page)


def test_who_signed_out_in_another_tab_sends_what_they_had_typed(
    signed_in: Page, server: Running, tmp_path: Path
) -> None:
    page = signed_in
    form = type_a_phone_and_lose_the_session(page, server, "Typed Ltd")
    # What others saved meanwhile is not typed over.
    save_meanwhile(server, tmp_path, "Typed Ltd,New Street,1")
    open_again(page)
    expect(page).to_have_url(form)
    expect(page.get_by_text(SAID)).to_be_visible()
    expect(page.get_by_label("Phone")).to_have_value("+44 20 7946 0000")
    expect(page.get_by_label("Address")).to_have_value("New Street")
    send(page)
    expect(page.get_by_text("+44 20 7946 0000")).to_be_visible()
    page.goto(form)
    expect(page.get_by_text(SAID)).to_have_count(0)


def test_what_is_in_the_form_again_is_so_until_it_is_sent_or_left(signed_in: Page, server: Running) -> None:
    page = signed_in
    form = type_a_phone_and_lose_the_session(page, server, "Loaded anew Ltd")
    open_again(page)
    expect(page.get_by_text(SAID)).to_be_visible()
    page.reload()
    expect(page.get_by_text(SAID)).to_be_visible()
    expect(page.get_by_label("Phone")).to_have_value("+44 20 7946 0000")
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("link", name="Edit")).to_be_visible()
    page.goto(form)
    expect(page.get_by_label("Phone")).to_have_value("1")
    expect(page.get_by_text(SAID)).to_have_count(0)


def test_what_others_changed_meanwhile_too_is_told_before_it_is_overwritten(
    signed_in: Page, server: Running, tmp_path: Path
) -> None:
    page = signed_in
    type_a_phone_and_lose_the_session(page, server, "Typed twice Ltd")
    save_meanwhile(server, tmp_path, "Typed twice Ltd,Old Street,2")
    open_again(page)
    send(page)
    expect(page.get_by_text("Somebody else changed Phone while you were editing")).to_be_visible()
    expect(page.get_by_label("Phone")).to_have_value("+44 20 7946 0000")
    expect(page.get_by_text("Saved meanwhile: 2")).to_be_visible()


def test_after_a_session_that_was_ended_sign_in_leads_back_to_the_form(page: Page, server: Running) -> None:
    create = ("users", "create", "eve@msp.example", "--role", "manager", "--password-stdin")
    server.command(*create, stdin=f"{PASSWORD}\n")
    page.goto(f"{server.url}/sign-in?next=/account/integrations/add")
    page.get_by_label("E-mail").fill("eve@msp.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Name", exact=True).fill("Contoso")
    page.get_by_label("Client secret").fill("a secret that stays in no browser")
    page.get_by_label("Match it later").check()
    server.command("users", "deactivate", "eve@msp.example")
    server.command("users", "reactivate", "eve@msp.example")
    send(page)
    expect(page.get_by_text("Your session has ended")).to_be_visible()
    assert "a secret" not in page.evaluate("JSON.stringify(sessionStorage)")

    # It is not for somebody else's eyes.
    address = page.url
    sign_in(page)
    expect(page).to_have_url(f"{server.url}/account/integrations/add")
    expect(page.get_by_label("Name", exact=True)).to_have_value("")

    page.context.clear_cookies()
    page.goto(address)
    page.get_by_label("E-mail").fill("eve@msp.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Contoso")
    expect(page.get_by_label("Match it later")).to_be_checked()
    expect(page.get_by_label("Client secret")).to_have_value("")


def test_who_signs_out_leaves_nothing_that_they_typed(signed_in: Page, server: Running) -> None:
    page = signed_in
    page.goto(f"{server.url}/organizations/add")
    page.get_by_label("Name", exact=True).fill("Left behind")
    page.context.clear_cookies()
    send(page)
    page.get_by_role("link", name="Open the form again").click()
    sign_in(page)
    expect(page.get_by_label("Name", exact=True)).to_have_value("Left behind")
    page.get_by_role("button", name=f"Your menu {EMAIL}").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out")).to_be_visible()
    assert page.evaluate("sessionStorage.getItem('unsent-form')") is None
