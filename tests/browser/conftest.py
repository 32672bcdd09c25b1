"""A whole Seatledger with the sandbox as its Microsoft, and a real Chromium to use it with."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, expect, sync_playwright

from sandbox import Sandbox
from tests.support.running import Running

# What should come about is waited for as long as a busy machine may take; when it comes, the test goes on at once.
expect.set_options(timeout=30_000)

EMAIL, PASSWORD = "admin@msp.example", "correct horse battery staple"

_FLAGS = [
    "--no-sandbox",  # Chromium's own sandbox does not work for root, which is who CI runs as
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def chromium() -> str | None:
    """The path of the system's Chromium, if there is one."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if chromium() is None and not os.environ.get("REQUIRE_BROWSER"):
        skip = pytest.mark.skip(reason="no Chromium was found: install it to run the browser tests")
        for item in items:
            if "tests/browser/" in item.nodeid:
                item.add_marker(skip)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    assert chromium(), "no Chromium was found, and REQUIRE_BROWSER says that there must be one"
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


def launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=chromium(), args=_FLAGS)


@pytest.fixture(scope="session")
def microsoft() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def new_server(tmp_path: Path, microsoft: Sandbox) -> Iterator[Running]:
    """A server that nobody has visited yet."""
    with Running(tmp_path, _settings(microsoft)) as running:
        yield running


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, microsoft: Sandbox) -> Iterator[Running]:
    """A server that all tests share: each connects tenants of its own, under names of its own."""
    with Running(tmp_path_factory.mktemp("server"), _settings(microsoft)) as running:
        create = ("users", "create", EMAIL, "--role", "administrator", "--password-stdin")
        created = running.command(*create, stdin=f"{PASSWORD}\n")
        assert created.returncode == 0, created.stderr
        yield running


def _settings(microsoft: Sandbox) -> dict[str, str]:
    return {
        "MICROSOFT_LOGIN_URL": microsoft.url,
        "MICROSOFT_GRAPH_URL": microsoft.url,
        "MICROSOFT_CA_BUNDLE": str(microsoft.ca_bundle),
    }


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB", timezone_id="Europe/Berlin")
    yield context
    context.close()


@pytest.fixture
def plain(browser: Browser) -> Iterator[Page]:
    """A tab in which scripts are off."""
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


@pytest.fixture
def signed_in(page: Page, server: Running) -> Page:
    """A tab in which the Administrator of the shared server is signed in."""
    page.goto(server.url)
    sign_in(page)
    page.wait_for_url(re.compile("/global/"))
    return page


def sign_in(page: Page) -> None:
    """Fill in and send the form of the page Sign in, as the Administrator of the shared server."""
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def follow(page: Page, link: Locator) -> None:
    """Press what leads to another page, and wait until its scripts are there: a press before does without them."""
    with page.expect_navigation():
        link.click()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A tab that fails the test where a page breaks the Content-Security-Policy or a script of it fails."""
    faults: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(f"script error: {error}"))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    yield page
    # For who types on while a search is under way, it is asked anew. HTMX logs that nobody waits for the one before any
    # more; of one that got no answer it logs more than that.
    abandoned = ("htmx:afterRequest", "htmx:sendAbort")
    expected = ("the server responded with a status of 4", *abandoned)
    assert [fault for fault in faults if not any(text in fault for text in expected)] == []
