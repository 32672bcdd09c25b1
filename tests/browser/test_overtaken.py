"""Answers that overtake each other: what somebody pressed is shown, whatever was asked for before it."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, Route, expect

from sandbox import Fault, Sandbox
from tests.browser.test_walk import choose_action, connect, integration_row
from tests.support.microsoft import sandbox_tenant
from tests.support.running import Running
from tests.support.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.slow]

STATUS, SYNC = re.compile(r"/integrations/\d+/status"), re.compile(r"/integrations/\d+/sync$")


def kept(page: Page, asked: re.Pattern[str]) -> list[Route]:
    """The requests to what is asked from now on, which get no answer yet."""
    requests: list[Route] = []

    def keep(request: Route) -> None:
        requests.append(request)

    page.route(asked, keep)
    return requests


def first_of(page: Page, requests: list[Route]) -> Route:
    def look() -> list[Route]:
        page.wait_for_timeout(20)  # in which Playwright tells of what the page asks
        return requests

    return eventually(look)[0]


def has_ended(server: Running, name: str) -> bool:
    runs = json.loads(server.command("runs", "list", "--integration", name, "--json").stdout)
    return bool(runs) and runs[0]["state"] == "ok"


def test_a_sync_that_is_started_as_the_one_before_ends_is_shown(
    signed_in: Page, server: Running, microsoft: Sandbox
) -> None:
    page, name = signed_in, "Overtaken"
    tenant = sandbox_tenant(microsoft, display_name=name)
    connect(page, server, tenant, name)
    expect(page.get_by_role("heading", name="Sync your data with Office 365")).to_be_visible()
    page.goto(f"{server.url}/account/integrations")
    row = integration_row(page, name)
    looks = kept(page, STATUS)
    choose_action(page, name, "Start Manual Sync")
    expect(row.get_by_text("Syncing...")).to_be_visible()
    look = first_of(page, looks)
    eventually(lambda: has_ended(server, name))
    that_it_ended = look.fetch()

    microsoft.faults(tenant.tenant_id, Fault("batch", "slow", times=1, seconds=2))
    presses = kept(page, SYNC)
    choose_action(page, name, "Start Manual Sync")
    press = first_of(page, presses)
    that_it_began = press.fetch()
    look.fulfill(response=that_it_ended)
    expect(row.get_by_text("OK", exact=True)).to_be_visible()
    press.fulfill(response=that_it_began)
    expect(row.get_by_text("Syncing...")).to_be_visible()
    page.unroute(STATUS)
    for other in looks[1:]:
        other.continue_()
    expect(row.get_by_text("OK", exact=True)).to_be_visible()
