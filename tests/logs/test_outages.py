"""What is said of an outage: one warning a minute, whoever says it, and nothing else is touched."""

from __future__ import annotations

import logging
from typing import Any

import psycopg
import pytest
import redis.exceptions

from logs.outages import DATABASE_IS_AWAY, JOB_WITHOUT_DATABASE, JOB_WITHOUT_REDIS, NO_TURNS, REDIS_IS_AWAY, Outages

REFUSED = redis.exceptions.ConnectionError("Error 111 connecting to 127.0.0.1:6379. Connection refused.")
RETRYING = "Worker %s: could not connect to Redis instance: %s retrying in %d seconds..."


def record(name: str, message: str, *args: Any, error: Exception | None = None) -> logging.LogRecord:
    exc_info = (type(error), error, None) if error else None
    return logging.LogRecord(name, logging.ERROR, __file__, 1, message, args, exc_info)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (record("rq.worker", RETRYING, "one", REFUSED, 2), "Redis"),
        (record("rq.worker", "Worker %s: found an unhandled exception, quitting...", "one", error=REFUSED), "Redis"),
        (
            record(
                "rq.worker",
                "Worker %s: found an unhandled exception, quitting...",
                "one",
                error=redis.exceptions.ResponseError("UNBLOCKED force unblock: instance state changed"),
            ),
            "Redis",
        ),
        (
            record("sqlalchemy.pool.impl.QueuePool", "Exception during reset", error=psycopg.OperationalError("gone")),
            "The database",
        ),
    ],
)
def test_an_outage_is_a_warning_without_a_traceback(line: logging.LogRecord, what: str) -> None:
    assert Outages().filter(line)
    assert (line.levelname, line.levelno, line.exc_info) == ("WARNING", logging.WARNING, None)
    assert line.getMessage().startswith(f"{what} does not answer: ")


def test_an_outage_that_a_line_does_not_name_is_one_too() -> None:
    line = record("rq.worker", "Worker %s: Redis connection timeout, quitting...", "one")
    try:
        raise redis.exceptions.TimeoutError("Timeout reading from socket")
    except redis.exceptions.TimeoutError:
        assert Outages().filter(line)
    assert line.levelname == "WARNING"
    assert line.getMessage() == "Redis does not answer: Timeout reading from socket"


def test_it_is_told_once_a_minute_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 5.0
    monkeypatch.setattr("logs.outages.time.monotonic", lambda: now)
    filter_ = Outages()

    def passes() -> list[bool]:
        gone = psycopg.OperationalError("gone")
        lines = record("rq.worker", RETRYING, "one", REFUSED, 2), record("sqlalchemy.pool", "Reset", error=gone)
        return [filter_.filter(line) for line in lines]

    assert passes() == [True, True]
    now = 64.9
    assert passes() == [False, False]
    now = 65.0
    assert passes() == [True, True]


def test_of_who_tries_again_and_a_library_one_is_heard() -> None:
    filter_ = Outages()
    library = record("rq.worker", RETRYING, "one", REFUSED, 2)
    own = [record("jobs.worker", line, REFUSED) for line in (REDIS_IS_AWAY, DATABASE_IS_AWAY, REDIS_IS_AWAY)]
    assert [filter_.filter(line) for line in (library, *own)] == [True, False, True, False]


@pytest.mark.parametrize("line", [JOB_WITHOUT_DATABASE, JOB_WITHOUT_REDIS])
def test_of_each_kind_of_job_it_is_said_once_that_it_ended_early(line: str) -> None:
    filter_ = Outages()
    jobs = ["jobs.sync.work", "jobs.schedule.sweep", "jobs.sync.work", "jobs.schedule.sweep"]
    passes = [filter_.filter(record("jobs.worker", line, name, REFUSED)) for name in jobs]
    assert passes == [True, True, False, False]


def test_that_workers_take_no_turns_is_not_said_of_each_tenant() -> None:
    filter_ = Outages()
    lines = [record("jobs.turns", NO_TURNS, OSError(28, "No space left on device")) for _ in range(3)]
    assert [filter_.filter(line) for line in lines] == [True, False, False]


@pytest.mark.parametrize(
    "line",
    [
        record("rq.worker", "Worker %s: found an unhandled exception, quitting...", "one", error=ValueError("ours")),
        record("rq.worker", "Worker %s: cold shut down", "one"),
        record("sqlalchemy.pool", "Exception during reset", error=psycopg.ProgrammingError("ours")),
        record("webapp", "Reference 1: failed", error=REFUSED),
    ],
)
def test_whatever_else_is_an_error_stays_one(line: logging.LogRecord) -> None:
    told = (line.levelno, line.getMessage(), line.exc_info)
    assert Outages().filter(line)
    assert (line.levelno, line.getMessage(), line.exc_info) == told
