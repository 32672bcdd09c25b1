"""Real processes: workers and the schedule are started, killed, stopped, and lose their Redis."""

from __future__ import annotations

import signal
import subprocess
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis
from redis.exceptions import RedisError

from jobs import queue
from jobs.schedule import sweep
from launcher import embedded_redis
from sandbox import Fault, Sandbox
from tests.support.factories import Make
from tests.support.microsoft import connected_together, new_run, sandbox_tenant
from webapp.extensions import db
from webapp.models import License, PartState, RunState, SyncPart, SyncRun, Tenant
from webapp.models.leases import LEASE
from webapp.models.run import SILENCE

from .helpers import do, move_time_on
from .processes import Start, eventually, start

pytestmark = pytest.mark.slow

__all__ = ["start"]


def a_run(sandbox: Sandbox, make: Make, *tenants: tuple[Fault, ...]) -> SyncRun:
    """A run over one tenant for each of these sets of faults."""
    given = [sandbox_tenant(sandbox, faults=faults) for faults in tenants]
    first, *_ = connected_together(sandbox, make, *given, sync_every_hours=0)  # the schedule starts nothing by itself
    return new_run(first.integration)


# So long that a test which is held up itself still finds its worker at it.
SLOW = (Fault("subscribedSkus", "slow", times=1, seconds=60),)
A_LITTLE_SLOW = (Fault("graph", "slow", seconds=0.4),)


def in_state(state: PartState) -> int:
    return db.session.query(SyncPart).filter_by(state=state).count()


def let_nothing_be_slow(sandbox: Sandbox) -> None:
    for tenant in db.session.query(Tenant):
        sandbox.faults(tenant.tenant_id)


def test_a_worker_that_is_killed_leaves_a_run_that_another_finishes(sandbox: Sandbox, make: Make, start: Start) -> None:
    run = a_run(sandbox, make, (), SLOW, ())
    worker = start("jobs.worker")
    queue.sync(run.id)
    eventually(lambda: in_state(PartState.OK) == 1 and in_state(PartState.SYNCING) == 1)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    assert in_state(PartState.SYNCING) == 1
    let_nothing_be_slow(sandbox)  # it may have been killed before it asked

    start("jobs.worker")
    move_time_on(LEASE + SILENCE)
    do(sweep)
    eventually(lambda: not run.state.is_active)
    assert (run.state, run.tenants_ok, run.rows_written) == (RunState.OK, 3, 3)
    assert db.session.query(License).count() == 3
    assert sorted(part.attempts for part in db.session.query(SyncPart)) == [1, 1, 2]


def test_a_worker_told_to_stop_ends_soon_and_leaves_the_rest_to_others(
    sandbox: Sandbox, make: Make, start: Start
) -> None:
    run = a_run(sandbox, make, (), *[A_LITTLE_SLOW] * 15)
    worker = start("jobs.worker")
    queue.sync(run.id)
    eventually(lambda: in_state(PartState.OK) >= 1 and in_state(PartState.SYNCING) == 1)
    assert queue.workers_alive() == 1
    worker.terminate()
    assert worker.wait(60) == 0
    assert queue.workers_alive() == 0
    assert in_state(PartState.SYNCING) == 0
    assert in_state(PartState.WAITING) >= 1

    let_nothing_be_slow(sandbox)
    start("jobs.worker")
    # What was begun and given back waits for the sweep; the rest went back into the queue.
    eventually(lambda: in_state(PartState.WAITING) <= 1)
    do(sweep)
    eventually(lambda: not run.state.is_active)
    assert (run.state, run.tenants_ok) == (RunState.OK, 16)
    assert db.session.query(License).count() == 16


@pytest.mark.parametrize("hands", [1, 4])
def test_a_worker_told_twice_to_stop_hands_back_what_it_has_at_once(
    hands: int, app: Flask, sandbox: Sandbox, make: Make, start: Start
) -> None:
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], sync_tenants_at_once=hands)
    run = a_run(sandbox, make, ())
    worker = start("jobs.worker")
    queue.sync(run.id)
    eventually(lambda: not run.state.is_active)
    [tenant] = db.session.query(Tenant).all()
    # Nothing changed, so this is all that is asked: its answer comes after the worker was told.
    sandbox.faults(tenant.tenant_id, Fault("batch", "slow", times=1, seconds=60))
    again = new_run(tenant.integration)
    queue.sync(again.id)
    eventually(lambda: in_state(PartState.SYNCING) == 1)
    worker.terminate()
    # On a busy machine it was told before it asked, and has ended already.
    with suppress(subprocess.TimeoutExpired):
        worker.wait(1.5)
    worker.terminate()
    assert worker.wait(60) == 0
    db.session.rollback()
    assert (in_state(PartState.SYNCING), in_state(PartState.WAITING)) == (0, 1)


def test_a_queue_that_is_emptied_under_a_worker_loses_no_run(sandbox: Sandbox, make: Make, start: Start) -> None:
    run = a_run(sandbox, make, *[A_LITTLE_SLOW] * 15)
    other = a_run(sandbox, make, ())
    worker = start("jobs.worker")
    queue.sync(run.id)
    eventually(lambda: in_state(PartState.SYNCING) == 1)
    queue.sync(other.id)
    queue.connection().flushall()
    let_nothing_be_slow(sandbox)
    # What the worker has in hand it goes on with; whether that is all of the run depends on the numbers of its parts.
    eventually(lambda: in_state(PartState.SYNCING) == 0)
    assert other.state == RunState.QUEUED
    move_time_on(SILENCE + timedelta(seconds=1))
    do(sweep)
    eventually(lambda: not (run.state.is_active or other.state.is_active))
    assert (run.state, other.state) == (RunState.OK, RunState.OK)
    assert worker.poll() is None


def test_the_schedule_finds_a_run_that_was_lost(sandbox: Sandbox, make: Make, start: Start) -> None:
    run = a_run(sandbox, make, ())
    move_time_on(SILENCE + timedelta(seconds=1))
    start("jobs.worker")
    schedule = start("jobs.schedule")
    eventually(lambda: not run.state.is_active)
    assert run.state == RunState.OK
    schedule.terminate()
    assert schedule.wait(60) == 0


def test_two_workers_share_the_runs_of_many_integrations(sandbox: Sandbox, make: Make, start: Start) -> None:
    runs = [a_run(sandbox, make, ()) for _ in range(8)]
    start("jobs.worker")
    start("jobs.worker")
    eventually(lambda: queue.workers_alive() == 2)
    for run in runs:
        queue.sync(run.id)
    eventually(lambda: all(not run.state.is_active for run in runs))
    assert [run.state for run in runs] == [RunState.OK] * 8
    assert db.session.query(License).count() == 8


def test_a_worker_and_the_schedule_outlive_a_restart_of_redis(
    app: Flask, sandbox: Sandbox, make: Make, start: Start, tmp_path: Path
) -> None:
    socket = tmp_path / "redis.sock"
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], redis_url=f"unix://{socket}")
    command = [embedded_redis.executable(), "--port", "0", "--unixsocket", str(socket), "--dir", str(tmp_path)]
    command += ["--save", "", "--logfile", str(tmp_path / "redis.log")]
    redis = subprocess.Popen(command)
    try:
        eventually(lambda: answers(socket))
        worker, schedule = start("jobs.worker"), start("jobs.schedule")
        eventually(lambda: queue.workers_alive() == queue.schedules_alive() == 1)
        redis.kill()
        redis.wait()
        assert not queue.is_reachable()
        redis = subprocess.Popen(command)
        eventually(lambda: answers(socket))
        # Nobody enqueues it but the schedule, and nobody works on it but the worker.
        run = a_run(sandbox, make, ())
        move_time_on(SILENCE + timedelta(seconds=1))
        eventually(lambda: not run.state.is_active)
        assert run.state == RunState.OK
        assert (worker.poll(), schedule.poll()) == (None, None)
        eventually(lambda: queue.workers_alive() == 1)
    finally:
        redis.kill()
        redis.wait()


def answers(socket: Path) -> bool:
    try:
        return bool(Redis.from_url(f"unix://{socket}").ping())
    except RedisError:
        return False
