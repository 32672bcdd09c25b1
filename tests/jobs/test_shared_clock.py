"""Workers whose clocks differ by minutes go by one, that of Redis, in what one has in hand and another might take."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from rq import Queue

from jobs import parts, queue
from jobs.hold import Hold
from jobs.schedule import sweep
from jobs.sync import begin, work
from sandbox import Fault, Sandbox
from tests.support.factories import Make
from tests.support.microsoft import connected, new_run, sandbox_tenant
from webapp.extensions import db
from webapp.models import PartState, RunState, SyncPart, SyncRun, Tenant, utc_now
from webapp.models.leases import LEASE
from webapp.models.run import SILENCE

from .conftest import SetClock, Work
from .helpers import do

TEN_MINUTES = 600.0
# By so little that an end which a right clock wrote is believed.
A_LITTLE = 90.0
# A clock can be off by so little that nobody minds, and on a busy machine a test takes some time.
NEAR = 60.0


@pytest.fixture
def run(sandbox: Sandbox, make: Make) -> SyncRun:
    return new_run(connected(make, sandbox_tenant(sandbox)).integration)


@pytest.fixture(params=[-TEN_MINUTES, TEN_MINUTES], ids=["behind", "ahead"])
def off(request: pytest.FixtureRequest) -> float:
    return float(request.param)


def seconds_from_now(moment: datetime | None) -> float:
    assert moment is not None
    return (moment - utc_now()).total_seconds()


@pytest.mark.usefixtures("app")
def test_what_workers_share_is_by_redis_s_clock_once_they_have_heard_of_it(set_clock: SetClock, off: float) -> None:
    with set_clock(off):
        assert seconds_from_now(queue.shared_now()) == pytest.approx(off, abs=NEAR)
        queue.report_worker("off")
        assert seconds_from_now(queue.shared_now()) == pytest.approx(0, abs=NEAR)
    # Its clock was set right, of which it hears with its next report.
    queue.report_worker("off")
    assert seconds_from_now(queue.shared_now()) == pytest.approx(0, abs=NEAR)


def test_a_lease_lasts_as_long_as_any_whatever_the_clock_of_the_worker(
    run: SyncRun, set_clock: SetClock, off: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[float] = []
    heard: list[float] = []

    def do_part(hold: Hold) -> bool:
        part = db.session.get_one(SyncPart, hold.claim.part_id)
        ends.append(seconds_from_now(part.lease_until))
        heard.append(seconds_from_now(db.session.get_one(SyncRun, hold.claim.run_id).heard_at))
        hold.crew.renew()
        db.session.refresh(part)
        ends.append(seconds_from_now(part.lease_until))
        return False

    monkeypatch.setattr(parts, "do", do_part)
    with set_clock(off):
        queue.report_worker("off")
        do(begin, run.id)
        do(work, run.id, [db.session.query(SyncPart.id).scalar()])
    assert ends == pytest.approx([LEASE.total_seconds()] * 2, abs=NEAR)
    assert heard == pytest.approx([0], abs=NEAR)


def test_a_worker_whose_clock_is_off_takes_nothing_that_another_is_at(
    run: SyncRun, set_clock: SetClock, off: float
) -> None:
    do(begin, run.id)
    part = db.session.query(SyncPart).one()
    assert SyncPart.claim(db.session, [part.id], utc_now())
    db.session.commit()
    queue.connection().flushall()
    with set_clock(off):
        queue.report_worker("off")
        do(sweep)
        do(work, run.id, [part.id])
    db.session.refresh(part)
    assert (part.state, part.attempts) == (PartState.SYNCING, 1)
    assert [Queue(name, connection=queue.connection()).count for name in queue.QUEUES] == [0] * len(queue.QUEUES)


@pytest.mark.parametrize("lost", [SILENCE, LEASE])
def test_a_worker_whose_clock_is_behind_finds_what_was_lost(
    run: SyncRun, set_clock: SetClock, lost: timedelta, work: Work
) -> None:
    then = utc_now() - lost - timedelta(seconds=1)
    if lost == LEASE:
        do(begin, run.id)
        assert SyncPart.claim(db.session, [db.session.query(SyncPart.id).scalar()], then - LEASE)
    run.heard_at = then
    db.session.commit()
    queue.connection().flushall()
    with set_clock(-A_LITTLE):
        queue.report_worker("behind")
        do(sweep)
        work()
    assert run.state == RunState.OK


def test_a_wait_that_microsoft_asked_for_ends_when_it_should_whatever_the_clock(
    sandbox: Sandbox, make: Make, set_clock: SetClock, off: float, work: Work
) -> None:
    given = sandbox_tenant(sandbox, faults=(Fault("subscribedSkus", "throttle", times=1, retry_after=90),))
    tenant: Tenant = connected(make, given)
    run = new_run(tenant.integration)
    queue.sync(run.id)
    with set_clock(off):
        work()
    db.session.refresh(tenant)
    assert seconds_from_now(tenant.not_before) == pytest.approx(90, abs=NEAR)
    assert seconds_from_now(db.session.query(SyncPart).one().not_before) == pytest.approx(90, abs=NEAR)
    assert seconds_from_now(run.started_at) == pytest.approx(0, abs=NEAR)
