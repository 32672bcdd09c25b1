"""Removing integrations, in either way, as somebody does it who is not sure yet."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from sandbox import Sandbox
from tests.support.integrations import choose_action, connect, connected_and_synced
from tests.support.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]

KEEP = "Permanently disconnect records from Office 365 but keep all data"
DELETE = "Permanently delete all data including all related/child records"
NAME = "Type the integration's name to confirm"


def licenses(page: Page, server: Running, name: str) -> None:
    page.goto(f"{server.url}/global/office-365-licenses?organization={name}")


def test_keeping_the_data_and_connecting_again(signed_in: Page, server: Running, microsoft: Sandbox) -> None:
    page, name = signed_in, "Keeps its data"
    tenant = connected_and_synced(page, server, microsoft, name)
    choose_action(page, name, "Remove")
    expect(page.get_by_role("heading", name=f"Remove {name}")).to_be_visible()
    expect(page.get_by_text("2 licenses of 1 tenant stay in the lists")).to_be_visible()

    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("Choose what becomes of its data.")).to_be_visible()
    page.get_by_label(KEEP).check()
    page.get_by_label(NAME).fill("something else")
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text(f"Type the integration's name, {name}")).to_be_visible()
    expect(page.get_by_label(KEEP)).to_be_checked()

    page.get_by_label(NAME).fill(name)
    page.get_by_label(NAME).press("Enter")
    expect(page.get_by_text(f"{name} was removed. Its data is kept: 2 licenses")).to_be_visible()
    expect(page.get_by_role("row").filter(has=page.get_by_text(name, exact=True))).to_have_count(0)

    licenses(page, server, name)
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Disconnected")
    page.get_by_role("link", name="Microsoft 365 E3").click()
    expect(page.get_by_text("Fields, as last synced")).to_be_visible()
    expect(page.get_by_text("Locked", exact=True)).to_have_count(0)
    license_address = page.url

    connect(page, server, tenant, name)
    expect(page.get_by_text("Its data is kept from when it was connected before.")).to_be_visible()
    page.goto(license_address)
    expect(page.get_by_text("Locked", exact=True)).to_be_visible()
    licenses(page, server, name)
    expect(rows).to_have_count(2)
    expect(page.get_by_text("Disconnected")).to_have_count(0)


def test_deleting_the_data(signed_in: Page, server: Running, microsoft: Sandbox) -> None:
    page, name = signed_in, "Deletes its data"
    connected_and_synced(page, server, microsoft, name)
    choose_action(page, name, "Remove")
    # Of more than one, where it also synced by itself meanwhile.
    expect(page.get_by_text(re.compile("2 licenses, 1 tenant and the logs of [12] syncs? are deleted"))).to_be_visible()
    page.get_by_label(DELETE).check()
    page.get_by_label(NAME).fill(name)
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text(re.compile(f"{name} is being removed, with its 2 licenses"))).to_be_visible()
    # The row goes by itself, where it was not gone already when the page was made.
    expect(page.locator(f"table >> text={name}")).to_have_count(0)

    page.goto(f"{server.url}/organizations?q=deletes")
    page.get_by_role("link", name=name).click()
    expect(page.get_by_text("No tenant is matched")).to_be_visible()
