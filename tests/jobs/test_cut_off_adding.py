"""A list of tenants that a worker takes up whose machine alone cannot reach Microsoft."""

from __future__ import annotations

import pytest
from flask import Flask

from jobs import leaving, queue, worker
from jobs.microsoft import contact
from sandbox import Sandbox
from tests.support.factories import Make
from tests.support.microsoft import connected, sandbox_tenant
from webapp.extensions import db
from webapp.models import Integration, LineState, TenantAddition, addition

from .additions import app_in, line_of, listed
from .conftest import Unplug, Work

OTHER = "another-worker"

pytestmark = pytest.mark.usefixtures("hasty", "lasting_reports")


@pytest.fixture(autouse=True)
def _nobody_stands_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "_STAND_BACK_SECONDS", 0.0)


@pytest.fixture
def asked_for(sandbox: Sandbox, make: Make) -> tuple[Integration, str]:
    """An integration, and a further tenant that it may reach."""
    home = sandbox_tenant(sandbox)
    return connected(make, home).integration, app_in(sandbox, home).tenant_id


def take_one(app: Flask) -> None:
    db.session.commit()
    worker.work(app, burst=True, max_jobs=1)


def state_of(asked: TenantAddition, text: str) -> tuple[LineState, int, str]:
    line = line_of(asked, text)
    return line.state, line.attempts, line.reason


def test_a_line_that_gets_no_connection_here_waits_for_a_worker_that_may_get_one(
    app: Flask, asked_for: tuple[Integration, str], unplug: Unplug, work: Work
) -> None:
    integration, text = asked_for
    asked = listed(integration, text)
    queue.report_worker(OTHER)
    with unplug():
        queue.add_tenants(asked.id)
        take_one(app)
        assert state_of(asked, text) == (LineState.WAITING, 1, "")
        take_one(app)  # and is not asked about here again
        assert state_of(asked, text) == (LineState.WAITING, 1, "")
    contact._missed.clear()  # as with the other
    work()
    assert state_of(asked, text)[0] == LineState.ADDED


def test_a_line_counts_as_not_taken_up_where_others_are_known_to_get_answers(
    app: Flask, asked_for: tuple[Integration, str], unplug: Unplug
) -> None:
    integration, text = asked_for
    asked = listed(integration, text)
    queue.report_worker(OTHER)
    with unplug() as host:
        queue.report_reached(OTHER, [host], [])
        for _ in range(2 * addition.MAX_ATTEMPTS):
            contact._missed.clear()  # as if it tried again
            queue.add_tenants(asked.id)
            take_one(app)
    assert state_of(asked, text) == (LineState.WAITING, 0, "")


def test_a_line_that_no_worker_gets_a_connection_for_says_so(
    app: Flask, asked_for: tuple[Integration, str], unplug: Unplug
) -> None:
    integration, text = asked_for
    asked = listed(integration, text)
    with unplug() as host:
        queue.report_worker(OTHER)
        queue.report_reached(OTHER, [], [host])
        queue.add_tenants(asked.id)
        take_one(app)
        state, attempts, reason = state_of(asked, text)
    assert (state, attempts, reason) == (LineState.REFUSED, 1, f"{host} cannot be reached.")


def test_a_line_that_others_may_have_answered_and_did_not_says_so_in_the_end(
    app: Flask, asked_for: tuple[Integration, str], unplug: Unplug
) -> None:
    integration, text = asked_for
    asked = listed(integration, text)
    queue.report_worker(OTHER)
    with unplug():
        for _ in range(addition.MAX_ATTEMPTS):
            assert state_of(asked, text)[0] == LineState.WAITING
            contact._missed.clear()
            queue.add_tenants(asked.id)
            take_one(app)
    assert state_of(asked, text)[:2] == (LineState.REFUSED, addition.MAX_ATTEMPTS)
    assert "cannot be reached" in state_of(asked, text)[2]
