"""Outages, told as what they are: a warning, and not one for each attempt.

RQ calls it an error each time that Redis does not answer, and SQLAlchemy's pool each connection that broke, with a
traceback. They cannot know that this was foreseen.
"""

from __future__ import annotations

import logging
import sqlite3
import sys
import time
from collections.abc import Iterator

import psycopg
import redis.exceptions

# How long nothing more is said of the same outage.
QUIET_SECONDS = 60

# The lines in which whoever tries again says what is away, with the error.
REDIS_IS_AWAY = "Redis does not answer: %s"
DATABASE_IS_AWAY = "The database does not answer: %s"
# And what workers go on without, while the disk that it would be on is full, is away or may only be read.
NO_TURNS = "workers cannot take turns at writing, and go on without: %s"
_TOLD_BY_US = (REDIS_IS_AWAY, DATABASE_IS_AWAY, NO_TURNS)
# The same of a kind of job, of which there may be many: it comes first.
JOB_WITHOUT_DATABASE = "%s ended early: the database does not answer: %s"
JOB_WITHOUT_REDIS = "%s ended early: Redis does not answer: %s"

# Also what it refuses: its memory is full, or it became a replica while somebody waited at it.
_REDIS_ERRORS = (redis.exceptions.RedisError,)
_DATABASE_ERRORS = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    sqlite3.OperationalError,
    sqlite3.InterfaceError,
)
# What is away where a library tells of such an error, by the library's name.
_TOLD_BY: dict[str, tuple[str, tuple[type[Exception], ...]]] = {
    "rq": (REDIS_IS_AWAY, _REDIS_ERRORS),
    "sqlalchemy": (DATABASE_IS_AWAY, _DATABASE_ERRORS),
}


class Outages(logging.Filter):
    """Lets a line a minute through of what is said of an outage; those of libraries as warnings without tracebacks."""

    def __init__(self) -> None:
        super().__init__()
        self._told_at: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.msg in _TOLD_BY_US:
            return self._is_news(record.msg)
        if record.msg in (JOB_WITHOUT_DATABASE, JOB_WITHOUT_REDIS) and isinstance(record.args, tuple):
            return self._is_news(f"{record.msg} {record.args[0]}")
        line, kinds = _TOLD_BY.get(record.name.partition(".")[0], ("", ()))
        error = next((error for error in _errors(record) if isinstance(error, kinds)), None)
        if error is None:
            return True
        record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)
        record.msg, record.args = line, (error,)
        record.exc_info = record.exc_text = None
        return self._is_news(line)

    def _is_news(self, line: str) -> bool:
        now = time.monotonic()
        if now - self._told_at.get(line, -QUIET_SECONDS) < QUIET_SECONDS:
            return False
        self._told_at[line] = now
        return True


def _errors(record: logging.LogRecord) -> Iterator[object]:
    """What the line is about: among its values, with its traceback, or what is handled while it is written.

    Where Redis gives no answer in time, RQ says only that its worker quits, which ours does not.
    """
    if isinstance(record.args, tuple):
        yield from record.args
    if record.exc_info:
        yield record.exc_info[1]
    yield sys.exception()
