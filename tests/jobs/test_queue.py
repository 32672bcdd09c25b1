"""The queue: nothing waits in it twice, nothing that was enqueued is lost, and without Redis that is said."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from jobs import queue, schedule
from jobs.microsoft.transport import Answer, Transport
from jobs.queue.enqueueing import enqueue_awaited
from jobs.sync import begin
from sandbox import Sandbox
from tests.support.factories import Make
from tests.support.microsoft import connected, new_run, sandbox_tenant
from tests.support.together import all_at_once
from webapp.extensions import db
from webapp.models import PartState, RunState, SyncPart, utc_now

from .conftest import Work
from .helpers import do, waiting


@pytest.mark.usefixtures("app")
def test_a_run_that_waits_is_not_enqueued_again() -> None:
    for _ in range(3):
        queue.sync(7)
    queue.sync(8)
    assert [job.args for job in waiting()] == [(7,), (8,)]


@pytest.mark.usefixtures("app")
def test_parts_that_wait_are_not_enqueued_again_and_a_part_that_does_not_is() -> None:
    queue.sync_parts(7, [3, 4])
    queue.sync_parts(7, [4, 3])
    assert [job.args for job in waiting()] == [(7, [3, 4])]
    queue.sync_parts(7, [3, 5])
    assert [job.args for job in waiting()] == [(7, [3, 4]), (7, [3, 5])]


@pytest.mark.usefixtures("app")
def test_parts_are_enqueued_in_groups_that_workers_can_share() -> None:
    queue.sync_parts(7, list(range(1, 66)))
    groups = [job.args[1] for job in waiting()]
    assert [number for group in groups for number in group] == list(range(1, 66))
    assert max(map(len, groups)) == queue.GROUP_SIZE


@pytest.mark.usefixtures("app")
def test_the_groups_that_wait_are_known_again_when_some_parts_are_done() -> None:
    queue.sync_parts(7, list(range(1, 66)))
    count = len(waiting())
    queue.sync_parts(7, list(range(14, 66)))
    assert len(waiting()) == count + 1  # the group of 14, which is not whole any more


@pytest.mark.usefixtures("app")
def test_no_parts_make_no_job() -> None:
    queue.sync_parts(7, [])
    assert waiting() == []


def test_many_who_enqueue_at_once_do_no_harm(app: Flask) -> None:
    all_at_once(app, [lambda: queue.sync(7)] * 8)
    assert 1 <= len(waiting()) <= 8
    queue.sync(7)
    assert {job.args for job in waiting()} == {(7,)}


def test_a_job_enqueued_again_while_it_is_worked_on_is_not_lost(
    app: Flask, sandbox: Sandbox, make: Make, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = connected(make, sandbox_tenant(sandbox))
    given = sandbox_tenant(sandbox)
    sandbox.patch_tenant(given.tenant_id, client_id=first.integration.client_id, secret=first.integration.client_secret)
    make.tenant(integration=first.integration, tenant_id=given.tenant_id, organization=make.organization())
    run = new_run(first.integration)
    run_id = run.id
    real, again = Transport.send, [True]

    def send(self: Transport, method: str, url: str, **options: Any) -> Answer:
        if given.tenant_id in url and again:
            again.clear()
            with app.app_context():
                part_ids = [part.id for part in db.session.query(SyncPart).order_by(SyncPart.id)]
                db.session.get_one(SyncPart, part_ids[0]).state = PartState.WAITING
                db.session.commit()
                queue.sync_parts(run_id, part_ids)
        return real(self, method, url, **options)

    monkeypatch.setattr(Transport, "send", send)
    queue.sync(run_id)
    work()
    assert [part.attempts for part in db.session.query(SyncPart).order_by(SyncPart.id)] == [2, 1]
    assert run.state == RunState.OK


def test_jobs_leave_nothing_behind_in_redis(sandbox: Sandbox, make: Make, work: Work) -> None:
    run = new_run(connected(make, sandbox_tenant(sandbox)).integration)
    queue.sync(run.id)
    work()
    assert run.state == RunState.OK
    assert not [key for key in queue.connection().scan_iter() if b"rq:job" in key or b"rq:execution" in key]


@pytest.mark.usefixtures("app")
def test_upkeep_that_expired_while_no_worker_took_it_is_not_counted_and_does_not_become_ever_more() -> None:
    cron = schedule.scheduler()
    expired = queue.connection()
    for _ in range(5):
        for job in waiting(queue.UPKEEP):
            expired.delete(job.key)
        for cron_job in cron.get_jobs():
            cron_job.latest_enqueue_time = None
        cron.enqueue_jobs()
    assert queue.waiting()[queue.UPKEEP][0] == len(cron.get_jobs()) == len(waiting(queue.UPKEEP))


@pytest.mark.usefixtures("app")
def test_what_waits_behind_what_expired_is_the_oldest() -> None:
    first = enqueue_awaited("jobs.connect.check", "")
    second = enqueue_awaited("jobs.connect.check", "")
    second.enqueued_at = utc_now() - timedelta(seconds=50)
    second.save()
    queue.connection().delete(first.key)
    assert queue.waiting()[queue.INTERACTIVE][1] == pytest.approx(50, abs=5)


@pytest.mark.parametrize("url", ["unix:///nowhere/redis.sock", "redis://127.0.0.1:1/0"])
def test_without_redis_it_is_said_at_once_and_what_to_do(app: Flask, url: str) -> None:
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], redis_url=url)
    began = time.monotonic()
    for ask in (lambda: queue.sync(1), lambda: queue.sync_parts(1, [2]), lambda: queue.discover(3)):
        with pytest.raises(queue.QueueUnavailable, match="REDIS_URL"):
            ask()
    with pytest.raises(queue.QueueUnavailable):
        queue.workers_alive()
    assert not queue.is_reachable()
    assert time.monotonic() - began < 10


def test_a_connection_that_turns_out_to_be_dead_when_it_is_used_is_replaced(app: Flask) -> None:
    pool = queue.connection().connection_pool
    dead, other = socket.socketpair()
    dead.shutdown(socket.SHUT_WR)
    with app.app_context(), dead, other:
        queue.connection().ping()
        connection = pool.get_connection()
        os.dup2(dead.fileno(), connection._sock.fileno())  # type: ignore[attr-defined]
        pool.release(connection)
        assert queue.is_reachable()


@pytest.mark.usefixtures("app")
def test_a_worker_counts_while_it_reports() -> None:
    assert queue.workers_alive() == 0
    queue.report_worker("one")
    queue.report_worker("one")
    queue.report_worker("two")
    assert queue.workers_alive() == 2
    queue.forget_worker("one")
    assert queue.workers_alive() == 1
    queue.connection().zadd(queue.workers_key(queue.SYNC), {"two": time.time() - queue.WORKER_SILENCE_SECONDS - 1})
    # Its clock, or that of Redis, was ahead when it reported last, and it is not there any more.
    queue.connection().zadd(queue.workers_key(queue.SYNC), {"three": time.time() + 1800})
    assert queue.workers_alive() == 0


def test_a_run_that_was_planned_while_the_queue_was_away_is_not_planned_again(
    app: Flask, sandbox: Sandbox, make: Make, work: Work
) -> None:
    run = new_run(connected(make, sandbox_tenant(sandbox)).integration)
    settings = app.config["SETTINGS"]
    app.config["SETTINGS"] = replace(settings, redis_url="unix:///nowhere/redis.sock")
    with pytest.raises(queue.QueueUnavailable):
        do(begin, run.id)
    app.config["SETTINGS"] = settings
    do(begin, run.id)
    work()
    assert run.state == RunState.OK
    assert db.session.query(SyncPart).count() == 1
