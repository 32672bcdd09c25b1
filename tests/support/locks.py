"""Rows that one session has and another waits for, which only PostgreSQL knows: SQLite has one writer at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import pytest
from flask import Flask
from sqlalchemy import text

from webapp.database import declare_writing
from webapp.extensions import db

from .waiting import eventually

Done = TypeVar("Done")

_WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


def need_many_writers() -> None:
    """Skip the test on SQLite."""
    if db.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has one writer at a time")


@contextmanager
def in_another_session(app: Flask, call: Callable[[], Done]) -> Iterator[Future[Done]]:
    """What comes of the call, which is made in a thread and an app context of its own, and is waited for at the end."""

    def made() -> Done:
        with app.app_context():
            declare_writing()
            return call()

    with ThreadPoolExecutor(1) as thread:
        try:
            yield thread.submit(made)
        except BaseException:
            # The other one may still wait for what this session has.
            db.session.rollback()
            raise


def wait_for_who_waits() -> None:
    """Until a session waits for a row that another one has."""
    eventually(_is_any_waiting)


def wait_until_done_or_waiting(other: Future[Done]) -> None:
    """Until the other session is done, or waits for what this one has."""
    eventually(lambda: other.done() or _is_any_waiting())


def _is_any_waiting() -> bool:
    # A connection of its own each time: within one transaction PostgreSQL tells the same again.
    with db.engine.connect() as onlooker:
        return bool(onlooker.scalar(_WAITING))
