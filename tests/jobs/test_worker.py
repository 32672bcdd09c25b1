"""A worker under which Redis falls away, or another version is installed."""

from __future__ import annotations

import logging
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.registry import StartedJobRegistry
from sqlalchemy.exc import InterfaceError, OperationalError

from config import BASE_DIR
from jobs import crew, queue, skew, told_to_stop, worker
from jobs.hold import Hold
from jobs.queue.enqueueing import enqueue_once
from tests.support.waiting import eventually
from webapp import schema_version
from webapp.database import only_reading
from webapp.extensions import db
from webapp.models import Claim, PartState, RunState, SyncPart, SyncRun, leases, removal, utc_now

from .conftest import Work
from .hands import end


def lose_redis(
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    claim: Claim,
    do: Callable[[Hold], bool],
    begin: Callable[[worker.Worker], object] = lambda own: None,
) -> None:
    """Let a worker, once it has begun so, lose Redis while it does this to the part, until the worker has returned."""
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], sync_tenants_at_once=4)

    def work(self: worker.Worker, **options: object) -> bool:
        begin(self)
        own = crew.current(app)
        assert own.free(1) == 1
        own.give(claim, do)
        raise RedisError("it is away")

    monkeypatch.setattr(worker.Worker, "work", work)
    worker.work(app)


def test_what_is_in_hand_when_redis_falls_away_is_ended_with_its_lease_renewed_before_the_worker_returns(
    app: Flask, claim: Claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LEASE", timedelta(seconds=3))
    part = db.session.get_one(SyncPart, claim.part_id)
    part.lease_until = utc_now()
    db.session.commit()

    def is_renewed() -> bool:
        with only_reading():
            until = db.session.get_one(SyncPart, claim.part_id).lease_until
            return until is not None and until > utc_now()

    def end_when_renewed(hold: Hold) -> bool:
        eventually(is_renewed)
        return end(hold)

    lose_redis(app, monkeypatch, claim, end_when_renewed)
    db.session.refresh(part)
    assert (part.state, db.session.get_one(SyncRun, claim.run_id).state) == (PartState.OK, RunState.OK)


@pytest.fixture
def signals_as_before() -> Iterator[None]:
    """Whoever handles the signals that stop a process does so again after the test."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("signals_as_before")
def test_who_is_told_to_stop_after_redis_fell_away_ends_what_is_in_hand(
    app: Flask, claim: Claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "stopping", threading.Event())
    found: list[worker.Worker] = []

    def be_told_and_end(hold: Hold) -> bool:
        eventually(lambda: found[0].is_ending)
        os.kill(os.getpid(), signal.SIGTERM)
        assert crew.stopping.wait(60)
        return end(hold)

    def listen(own: worker.Worker) -> None:
        found.append(own)
        own._install_signal_handlers()  # type: ignore[no-untyped-call]

    with told_to_stop.heard(app):
        lose_redis(app, monkeypatch, claim, be_told_and_end, listen)
    part = db.session.get_one(SyncPart, claim.part_id)
    assert (part.state, db.session.get_one(SyncRun, claim.run_id).state) == (PartState.OK, RunState.OK)


def test_a_worker_that_begins_gives_nothing_up_that_another_may_be_at(app: Flask) -> None:
    begun = StartedJobRegistry(queue.INTERACTIVE, connection=queue.connection())
    # It was to say by now that it is still at it: by the clock here, and the other's may be behind.
    begun.connection.zadd(begun.key, {"job:execution": 1.0})
    worker.work(app, burst=True)
    assert begun.connection.zscore(begun.key, "job:execution") == 1.0


@pytest.mark.parametrize(
    ("error", "level", "words"),
    [
        (OperationalError("SELECT", {}, Exception("refused")), "WARNING", "the database does not answer: refused"),
        (InterfaceError("SELECT", {}, Exception("closed")), "WARNING", "the database does not answer: closed"),
        (queue.QueueUnavailable(), "WARNING", "Redis does not answer"),
        (InvalidJobOperation("no status"), "WARNING", "Redis forgot it meanwhile"),
        (NoSuchJobError("no job"), "WARNING", "Redis forgot it meanwhile"),
        (RuntimeError("nobody foresaw it"), "ERROR", "nobody foresaw it"),
        (OperationalError("SELECT", {}, Exception("no such table: sync_run")), "ERROR", "no such table"),
    ],
)
def test_a_job_that_ends_by_an_outage_is_a_warning_on_one_line(
    work: Work,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    level: str,
    words: str,
) -> None:
    def fail(*given: object) -> None:
        raise error

    monkeypatch.setattr(SyncRun, "silent", fail)
    enqueue_once(queue.UPKEEP, "jobs.schedule.sweep", {"sweep": ()})
    work()
    [record] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert record.levelname == level
    assert words in record.getMessage()
    assert ("Traceback" in record.getMessage()) == (level == "ERROR")


@pytest.mark.usefixtures("app")
def test_a_worker_that_is_cut_off_from_the_database_leaves_the_other_jobs_to_others(
    work: Work, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    waited: list[int] = []
    away = OperationalError("SELECT", {}, Exception("refused"))
    look = schema_version.look

    def silent(*given: object) -> list[int]:
        if not waited:
            raise away
        return []

    def look_in_vain() -> object:
        waited.append(Queue(queue.UPKEEP, connection=queue.connection()).count)
        if len(waited) < 3:
            raise away
        return look()

    monkeypatch.setattr(removal, "silent", silent)
    monkeypatch.setattr(skew, "look", look_in_vain)
    monkeypatch.setattr(skew, "LOOK_SECONDS", 0.01)
    enqueue_once(queue.UPKEEP, "jobs.schedule.sweep", {f"sweep-{number}": () for number in range(3)})
    with caplog.at_level(logging.INFO):
        work()
    # It took the first one, and the others not before the database answered; then it did not look again.
    assert waited == [2, 2, 2]
    [told] = [record for record in caplog.records if "Until then no job is taken" in record.getMessage()]
    assert told.levelname == "WARNING"


def test_a_worker_that_is_told_to_stop_does_not_wait_for_the_database(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping = threading.Event()

    def look() -> None:
        stopping.set()
        raise OperationalError("SELECT", {}, Exception("refused"))

    monkeypatch.setattr(skew, "look", look)
    skew.wait_until_it_answers(app, stopping)


def test_a_redis_that_gives_no_answer_holds_up_nobody_for_long(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def silence_of(redis: Redis) -> float:
        return float(redis.connection_pool.connection_kwargs["socket_timeout"])

    found: list[worker.Worker] = []

    def work(self: worker.Worker, **options: object) -> bool:
        found.append(self)
        return True

    monkeypatch.setattr(worker.Worker, "work", work)
    with app.app_context():
        before = silence_of(queue.connection())
        worker.work(app)
        [rq_s] = found
        # Longer than it waits for a job, and short enough to be back at work well within two minutes.
        assert rq_s.dequeue_timeout < silence_of(rq_s.connection) <= 30
        assert rq_s.max_connection_wait_time <= 30
        # Whoever reports, counts or enqueues beside it waits no longer than before.
        assert silence_of(queue.connection()) == before <= 5


def test_a_look_at_the_database_that_gets_no_answer_holds_up_no_end(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, looks = threading.Event(), threading.Event()
    looked: list[bool] = []

    def look(app: Flask) -> tuple[None, str]:
        looks.set()
        looked.append(answers.wait(30))
        return None, ""

    monkeypatch.setattr(skew, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(skew, "_look", look)
    with skew.watched(app):
        assert looks.wait(60)
    was_waited_for = bool(looked)
    answers.set()
    assert not was_waited_for


def test_a_worker_loads_every_job_before_another_version_is_installed_under_it() -> None:
    named = re.findall(r'"jobs\.(\w+)\.\w+"', (BASE_DIR / "jobs/queue/__init__.py").read_text(encoding="utf-8"))
    assert {*named, "schedule", "prune"} == set(worker._JOBS)
