"""What would keep somebody from saving is told before they try."""

from __future__ import annotations

import errno
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any, NoReturn

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, text
from sqlalchemy.exc import OperationalError

from jobs.queue import report_worker
from settings.data_directory import LEAST_ROOM
from tests.support.waiting import eventually
from webapp import foreseen
from webapp.database import is_away
from webapp.doctor.database import check_database
from webapp.doctor.finding import Health
from webapp.doctor.settings import check_settings
from webapp.extensions import db
from webapp.foreseen import foreseen_refusal
from webapp.models import Organization, Problem
from webapp.refusals import BROKEN_DISK, FULL, NO_STANDBY, READ_ONLY, READ_ONLY_FILE, refusal_of


def test_a_disk_that_is_as_good_as_full_is_found(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    report_worker("one")
    assert client.get("/readyz").status_code == 200
    room = shutil.disk_usage("/")._replace(free=LEAST_ROOM - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: room)
    [disk] = [finding for finding in check_settings() if finding.part == "disk"]
    assert (disk.health, disk.text.split(" are ")[0]) == (Health.FAILED, "10.0 MB")
    if db.engine.dialect.name == "sqlite":
        _assert_told(client, FULL)


def test_a_file_that_may_only_be_read_is_found(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    if db.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL's files are its own")
    report_worker("one")
    monkeypatch.setattr(os, "access", lambda path, how: False)
    _assert_told(client, READ_ONLY_FILE)


def test_a_postgresql_that_may_only_be_read_is_found_and_is_no_fault_of_ours(app: Flask, client: FlaskClient) -> None:
    if db.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has files that may only be read")
    report_worker("one")
    db.session.rollback()
    db.session.execute(text("SET TRANSACTION READ ONLY"))
    assert foreseen_refusal(db.session.connection()) is READ_ONLY
    with pytest.raises(OperationalError) as caught:
        db.session.execute(insert(Organization))
    assert is_away(caught.value)
    assert refusal_of(caught.value) is READ_ONLY
    db.session.rollback()
    assert foreseen_refusal(db.session.connection()) is None


def readiness(client: FlaskClient) -> dict[str, Any]:
    answer: dict[str, Any] = client.get("/readyz").get_json()
    return answer


def test_a_commit_that_waits_for_a_standby_which_is_away_is_found(
    app: Flask, client: FlaskClient, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if db.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no standby")
    assert readiness(client)["database"]
    monkeypatch.setattr(foreseen, "_STANDBY_SECONDS", 0.0)
    told = Event()
    with (
        psycopg.connect(postgresql_url.replace("+psycopg", ""), autocommit=True) as server,
        psycopg.connect(postgresql_url.replace("+psycopg", ""), autocommit=True) as writer,
        ThreadPoolExecutor() as threads,
    ):
        try:
            server.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
            server.execute("SELECT pg_reload_conf()")
            writing = threads.submit(_write_until, told, writer)
            eventually(lambda: not readiness(client)["database"])
            [found] = check_database()
            assert (found.health, found.text) == (Health.FAILED, NO_STANDBY.reason)
        finally:
            told.set()
            server.execute("ALTER SYSTEM RESET synchronous_standby_names")
            server.execute("SELECT pg_reload_conf()")
        writing.result(timeout=120)
    assert readiness(client)["database"]


def _write_until(told: Event, writer: psycopg.Connection[Any]) -> None:
    """Commit again and again: the first commits do not wait yet, since the checkpointer reads the setting later."""
    while not told.is_set():
        writer.execute("CREATE TABLE kept ()")
        writer.execute("DROP TABLE kept")


@pytest.mark.parametrize(
    ("number", "refusal"), [(errno.EROFS, READ_ONLY_FILE), (errno.EIO, BROKEN_DISK), (errno.EPERM, None)]
)
def test_a_disk_that_the_system_writes_to_no_more_is_found_before_somebody_saves(
    app: Flask, monkeypatch: pytest.MonkeyPatch, number: int, refusal: Problem | None
) -> None:
    """As after a fault, where permissions, free room and the way it is mounted are as ever."""
    if db.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL's files are its own")

    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    assert foreseen_refusal(db.session.connection()) is None
    monkeypatch.setattr(os, "utime", refuse)
    assert foreseen_refusal(db.session.connection()) is refusal


def _assert_told(client: FlaskClient, refusal: Problem) -> None:
    """By `/readyz` and by the doctor."""
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["problems"] == [f"{refusal.reason} {refusal.fix}"]
    [found] = check_database()
    assert (found.health, found.text) == (Health.FAILED, refusal.reason)
