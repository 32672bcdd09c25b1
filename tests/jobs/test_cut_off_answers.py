"""What somebody waits for, taken up by a worker whose machine alone cannot reach Microsoft."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from jobs import leaving, queue, worker
from jobs.microsoft import contact
from jobs.queue import enqueueing
from sandbox import Sandbox
from tests.jobs.connections import credentials_of
from tests.support.factories import Make
from tests.support.locks import in_another_session
from tests.support.microsoft import connected, sandbox_tenant
from tests.support.waiting import eventually
from webapp.extensions import db

from .conftest import Unplug

OTHER = "another-worker"

Ask = Callable[[], dict[str, Any]]

pytestmark = pytest.mark.usefixtures("hasty", "lasting_reports")


@pytest.fixture(autouse=True)
def _nobody_stands_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "_STAND_BACK_SECONDS", 0.0)


@pytest.fixture(params=["check", "discover", "compare"])
def ask(request: pytest.FixtureRequest, sandbox: Sandbox, make: Make) -> Ask:
    """Something that is asked of Microsoft, through a worker."""
    given = sandbox_tenant(sandbox)
    tenant = connected(make, given)
    sealed, integration_id, tenant_id = credentials_of(given), tenant.integration_id, tenant.id
    asks: dict[str, Ask] = {
        "check": lambda: queue.check_connection(sealed),
        "discover": lambda: queue.discover(integration_id),
        "compare": lambda: queue.compare(tenant_id),
    }
    db.session.commit()
    return asks[request.param]


def take_one(app: Flask) -> None:
    db.session.commit()
    worker.work(app, burst=True, max_jobs=1)


def try_in_vain(app: Flask) -> bool:
    take_one(app)
    return bool(contact._missed)


def test_it_is_asked_again_of_a_worker_that_may_get_an_answer(app: Flask, ask: Ask, unplug: Unplug) -> None:
    queue.report_worker(OTHER)
    with in_another_session(app, ask) as answer:
        with unplug():
            eventually(lambda: try_in_vain(app))
            eventually(lambda: queue.waiting()[queue.INTERACTIVE][0] == 1)
            take_one(app)
            assert (answer.done(), queue.waiting()[queue.INTERACTIVE][0]) == (False, 1)
        contact._missed.clear()  # as with the other

        def is_answered() -> bool:
            take_one(app)
            return answer.done()

        eventually(is_answered)
        assert answer.result()["ok"]


@pytest.mark.parametrize("when", ["from the first", "once the other has gone"])
def test_where_no_worker_gets_a_connection_it_is_told_at_once(app: Flask, ask: Ask, unplug: Unplug, when: str) -> None:
    queue.report_worker(OTHER)
    with in_another_session(app, ask) as answer, unplug() as host:
        if when == "from the first":
            queue.report_reached(OTHER, [], [host])
        eventually(lambda: try_in_vain(app))
        queue.forget_worker(OTHER)

        def is_answered() -> bool:
            take_one(app)
            return answer.done()

        eventually(is_answered)
        found = answer.result()
    assert (found["ok"], found["problem"]["reason"]) == (False, f"{host} cannot be reached.")
    assert set(found) <= {"ok", "problem", "field"}


def test_where_no_other_worker_takes_it_up_what_this_one_found_is_told(
    app: Flask, ask: Ask, unplug: Unplug, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enqueueing, "_OTHERS_SECONDS", 2)
    queue.report_worker(OTHER)
    with in_another_session(app, ask) as answer, unplug():
        eventually(lambda: try_in_vain(app))
        assert "cannot be reached" in answer.result(60)["problem"]["reason"]
    assert queue.waiting()[queue.INTERACTIVE][0] == 0
