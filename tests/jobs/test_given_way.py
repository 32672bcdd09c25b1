"""A tenant whose transaction the database ended or refused, while it goes on answering, says so meanwhile."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient
from psycopg import errors
from sqlalchemy.exc import OperationalError

from jobs import queue
from jobs import tenant as tenants
from sandbox import Sandbox
from tests.support.factories import Make
from tests.support.microsoft import connected, sandbox_tenant
from webapp.doctor.database import check_database
from webapp.doctor.finding import Health
from webapp.extensions import db
from webapp.models import License, PartState, RunState, SyncPart
from webapp.models.leases import LEASE, MAX_ATTEMPTS
from webapp.refusals import FULL, GAVE_WAY, IN_A_HURRY

from .conftest import Sync, Work
from .helpers import move_time_on, resume

A_PAUSE = timedelta(minutes=2)


def end_writing(monkeypatch: pytest.MonkeyPatch, error: psycopg.Error, times: int) -> None:
    """Let so many attempts at writing a tenant end with the error, after they wrote."""
    write, left = tenants.write, [error] * times

    def written(*args: Any) -> Any:
        outcome = write(*args)
        if left:
            raise OperationalError("INSERT", {}, left.pop())
        return outcome

    monkeypatch.setattr(tenants, "write", written)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (errors.DeadlockDetected("deadlock detected"), GAVE_WAY.reason),
        (errors.SerializationFailure("could not serialize access"), GAVE_WAY.reason),
        (errors.QueryCanceled("canceling statement due to statement timeout"), IN_A_HURRY.reason),
    ],
    ids=["deadlock", "serialization", "timeout"],
)
def test_it_is_put_off_for_seconds_and_done_then(
    sandbox: Sandbox,
    make: Make,
    sync: Sync,
    work: Work,
    monkeypatch: pytest.MonkeyPatch,
    error: psycopg.Error,
    reason: str,
) -> None:
    end_writing(monkeypatch, error, times=1)
    run = sync(connected(make, sandbox_tenant(sandbox)))
    part = db.session.query(SyncPart).one()
    assert (part.state, part.reason, part.attempts, part.faults) == (PartState.WAITING, reason, 1, 0)
    assert part.not_before is not None
    assert part.not_before <= queue.shared_now() + timedelta(seconds=5)
    assert db.session.query(License).count() == 0
    move_time_on(A_PAUSE)
    resume(work)
    assert (run.state, part.state, part.attempts) == (RunState.OK, PartState.OK, 2)
    assert db.session.query(License).count() == 1


def test_where_the_database_fell_away_under_it_nothing_is_recorded_and_its_lease_tells(
    sandbox: Sandbox, make: Make, sync: Sync, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_writing(monkeypatch, psycopg.OperationalError("the connection is lost"), times=1)
    run = sync(connected(make, sandbox_tenant(sandbox)))
    part = db.session.query(SyncPart).one()
    assert (run.state, part.state, part.reason) == (RunState.SYNCING, PartState.SYNCING, "")
    move_time_on(LEASE)
    resume(work)
    assert (run.state, part.state, part.attempts, part.faults) == (RunState.OK, PartState.OK, 2, 0)


def test_what_is_ended_again_and_again_fails_with_its_reason(
    sandbox: Sandbox, make: Make, sync: Sync, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_writing(monkeypatch, errors.LockNotAvailable("canceling statement due to lock timeout"), times=MAX_ATTEMPTS)
    run = sync(connected(make, sandbox_tenant(sandbox)))
    for _ in range(MAX_ATTEMPTS - 1):
        move_time_on(A_PAUSE)
        resume(work)
    part = db.session.query(SyncPart).one()
    assert (run.state, part.state, part.attempts) == (RunState.FAILED, PartState.FAILED, MAX_ATTEMPTS)
    assert (part.reason, part.fix) == (IN_A_HURRY.reason, IN_A_HURRY.fix)


def test_what_the_database_has_no_room_for_says_so_while_it_waits_and_is_done_when_there_is(
    sandbox: Sandbox, make: Make, sync: Sync, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk that is nearly full: it takes what a part says, and not what a tenant has."""
    end_writing(monkeypatch, errors.DiskFull("could not extend file: No space left on device"), times=1)
    run = sync(connected(make, sandbox_tenant(sandbox)))
    part = db.session.query(SyncPart).one()
    assert (part.state, part.reason, part.fix) == (PartState.WAITING, FULL.reason, FULL.fix)
    assert part.not_before is not None
    assert timedelta(seconds=50) < part.not_before - queue.shared_now() <= LEASE
    assert db.session.query(License).count() == 0
    move_time_on(A_PAUSE)
    resume(work)
    assert (run.state, part.state, part.attempts) == (RunState.OK, PartState.OK, 2)


def test_what_there_never_is_room_for_fails_with_that_reason(
    sandbox: Sandbox, make: Make, sync: Sync, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_writing(monkeypatch, errors.DiskFull(), times=MAX_ATTEMPTS)
    run = sync(connected(make, sandbox_tenant(sandbox)))
    for _ in range(MAX_ATTEMPTS - 1):
        move_time_on(A_PAUSE)
        resume(work)
    part = db.session.query(SyncPart).one()
    assert (run.state, part.state, part.reason) == (RunState.FAILED, PartState.FAILED, FULL.reason)


@pytest.mark.usefixtures("lasting_reports")
def test_a_disk_that_has_no_room_for_a_tenant_is_told_of_for_as_long_as_that_waits(
    sandbox: Sandbox,
    make: Make,
    sync: Sync,
    work: Work,
    monkeypatch: pytest.MonkeyPatch,
    client: FlaskClient,
) -> None:
    """Nothing else tells it of PostgreSQL, whose disk may be another machine's."""
    queue.report_worker("one", queue.QUEUES)
    end_writing(monkeypatch, errors.DiskFull(), times=1)
    sync(connected(make, sandbox_tenant(sandbox)))
    answer = client.get("/readyz")
    assert (answer.status_code, answer.get_json()["problems"]) == (503, [FULL.text])
    (found,) = check_database()
    assert (found.health, found.text) == (Health.FAILED, FULL.reason)
    move_time_on(A_PAUSE)
    resume(work)
    assert client.get("/readyz").status_code == 200
