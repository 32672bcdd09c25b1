"""Outages as libraries tell of them, turned into what they are: a warning, and not one for each attempt.

RQ calls it an error each time that Redis does not answer, and SQLAlchemy's pool each connection that broke, with a
traceback. They cannot know that this was foreseen.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator

import psycopg
import redis.exceptions

# How long nothing more is said of the same outage.
QUIET_SECONDS = 60

_REDIS_IS_AWAY = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError)
_DATABASE_IS_AWAY = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    sqlite3.OperationalError,
    sqlite3.InterfaceError,
)
# What is away, by whose lines tell of it.
_OUTAGES: dict[str, tuple[str, tuple[type[Exception], ...]]] = {
    "rq": ("Redis", _REDIS_IS_AWAY),
    "sqlalchemy": ("The database", _DATABASE_IS_AWAY),
}


class Outages(logging.Filter):
    """Lets one line a minute through of what libraries say of an outage, as a warning without a traceback."""

    def __init__(self) -> None:
        super().__init__()
        self._told_at: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        what, kinds = _OUTAGES.get(record.name.partition(".")[0], ("", ()))
        error = next((error for error in _errors(record) if isinstance(error, kinds)), None)
        if error is None:
            return True
        now = time.monotonic()
        if now - self._told_at.get(what, -QUIET_SECONDS) < QUIET_SECONDS:
            return False
        self._told_at[what] = now
        record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)
        record.msg, record.args = "%s does not answer: %s", (what, error)
        record.exc_info = record.exc_text = None
        return True


def _errors(record: logging.LogRecord) -> Iterator[object]:
    """What the line is about: among its values, or with its traceback."""
    if isinstance(record.args, tuple):
        yield from record.args
    if record.exc_info:
        yield record.exc_info[1]
