"""A database that is there and refuses: pages, commands and checks say what it refuses for, not that it is away."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from flask_migrate import upgrade
from psycopg import errors
from sqlalchemy import insert, text
from sqlalchemy.exc import OperationalError

from jobs.queue import report_worker
from settings.data_directory import LEAST_ROOM
from tests.support.settings import make_settings
from tests.support.waiting import eventually
from webapp import create_app, refusals
from webapp.database import is_away
from webapp.doctor.database import check_database
from webapp.doctor.finding import Health
from webapp.doctor.settings import check_settings
from webapp.extensions import db
from webapp.models import Organization, Problem
from webapp.refusals import (
    BROKEN_DISK,
    DAMAGED_FILE,
    FORGETFUL_POOLER,
    FULL,
    GAVE_WAY,
    IN_A_HURRY,
    NO_CONNECTION,
    NO_FILE,
    NO_STANDBY,
    POOLER_OF_STATEMENTS,
    POOLER_WITHOUT_CONNECTION,
    READ_ONLY,
    READ_ONLY_FILE,
    REPLACED_FILE,
    refusal_of,
)


def _full(path: Path) -> sqlite3.Error:
    """What SQLite says where it finds no more room."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA max_page_count=2")
        with pytest.raises(sqlite3.OperationalError) as caught:
            connection.execute("CREATE TABLE one AS SELECT zeroblob(100000)")
    return caught.value


@pytest.fixture
def full(tmp_path: Path) -> OperationalError:
    return OperationalError("INSERT s3cret", {}, _full(tmp_path / "full.db"))


def test_what_sqlite_refuses_for_is_known(full: OperationalError, tmp_path: Path) -> None:
    assert refusal_of(full) is FULL
    path = tmp_path / "only-read.db"
    sqlite3.connect(path).close()
    reader = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    with closing(reader), pytest.raises(sqlite3.OperationalError) as caught:
        reader.execute("CREATE TABLE one (id)")
    assert refusal_of(caught.value) is READ_ONLY_FILE
    no_room_for_what_is_shared = sqlite3.OperationalError("disk I/O error")
    no_room_for_what_is_shared.sqlite_errorname = "SQLITE_IOERR_SHMSIZE"
    assert refusal_of(no_room_for_what_is_shared) is FULL
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.OperationalError) as misspelt:
        connection.execute("SELEC")
    assert refusal_of(misspelt.value) is None


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        (errors.DiskFull(), FULL),
        (psycopg.OperationalError("FATAL:  could not write init file: No space left on device"), FULL),
        (psycopg.OperationalError("FATAL:  could not open file: Read-only file system"), BROKEN_DISK),
        (errors.IoError(), BROKEN_DISK),
        (errors.UndefinedFile(), BROKEN_DISK),
        (errors.ReadOnlySqlTransaction(), READ_ONLY),
        (errors.TooManyConnections(), NO_CONNECTION),
        (psycopg.OperationalError("connection failed: FATAL:  sorry, too many clients already"), NO_CONNECTION),
        (psycopg.OperationalError("connection failed: session is read-only"), READ_ONLY),
        (errors.ProtocolViolation("query_wait_timeout"), POOLER_WITHOUT_CONNECTION),
        (psycopg.OperationalError("FATAL:  no more connections allowed"), POOLER_WITHOUT_CONNECTION),
        (
            errors.ProtocolViolation("transaction blocks not allowed in statement pooling mode"),
            POOLER_OF_STATEMENTS,
        ),
        (errors.QueryCanceled(), IN_A_HURRY),
        (errors.LockNotAvailable(), IN_A_HURRY),
        (errors.TransactionTimeout(), IN_A_HURRY),
        (errors.DeadlockDetected(), GAVE_WAY),
        (errors.SerializationFailure(), GAVE_WAY),
        (errors.InvalidSqlStatementName(), FORGETFUL_POOLER),
        (errors.DuplicatePreparedStatement(), FORGETFUL_POOLER),
        (psycopg.OperationalError("connection failed: Connection refused"), None),
        (errors.AdminShutdown(), None),
    ],
)
def test_what_postgresql_refuses_for_is_known(error: psycopg.Error, refusal: object) -> None:
    assert refusal_of(OperationalError("SELECT", {}, error)) is refusal


def test_the_page_says_that_the_disk_is_full(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, full: OperationalError
) -> None:
    def view() -> NoReturn:
        raise full

    monkeypatch.setitem(app.view_functions, "home", view)
    answer = client.get("/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "The disk that the database is on is full" in answer.text
    assert "Try again in a moment" in answer.text
    assert "Make room" in answer.text
    assert "does not answer" not in answer.text
    assert "s3cret" not in answer.text


def test_a_command_says_that_the_disk_is_full(
    run_command: FlaskCliRunner, monkeypatch: pytest.MonkeyPatch, full: OperationalError
) -> None:
    def fail(*_: object) -> NoReturn:
        raise full

    monkeypatch.setattr("webapp.commands.doctor.checks.every_check", fail)
    result = run_command.invoke(args=["doctor"])
    assert result.exit_code == 1
    assert result.output == f"Error: {FULL.reason} {FULL.fix}\n"


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
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json is not None
        assert answer.json["problems"] == [f"{FULL.reason} {FULL.fix}"]
        [found] = check_database()
        assert (found.health, found.text) == (Health.FAILED, FULL.reason)


def test_a_file_that_may_only_be_read_is_found(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    if db.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL's files are its own")
    report_worker("one")
    monkeypatch.setattr(os, "access", lambda path, how: False)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["problems"] == [f"{READ_ONLY_FILE.reason} {READ_ONLY_FILE.fix}"]
    [found] = check_database()
    assert (found.health, found.text) == (Health.FAILED, READ_ONLY_FILE.reason)


def test_a_postgresql_that_may_only_be_read_is_found_and_is_no_fault_of_ours(app: Flask, client: FlaskClient) -> None:
    if db.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has files that may only be read")
    report_worker("one")
    db.session.rollback()
    db.session.execute(text("SET TRANSACTION READ ONLY"))
    assert refusals.foreseen_refusal(db.session.connection()) is READ_ONLY
    with pytest.raises(OperationalError) as caught:
        db.session.execute(insert(Organization))
    assert is_away(caught.value)
    assert refusal_of(caught.value) is READ_ONLY
    db.session.rollback()
    assert refusals.foreseen_refusal(db.session.connection()) is None


def test_a_commit_that_waits_for_a_standby_which_is_away_is_found(
    app: Flask, client: FlaskClient, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if db.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no standby")
    report_worker("one")
    assert client.get("/readyz").status_code == 200
    monkeypatch.setattr(refusals, "_STANDBY_SECONDS", 0.0)
    with (
        psycopg.connect(postgresql_url.replace("+psycopg", ""), autocommit=True) as server,
        psycopg.connect(postgresql_url.replace("+psycopg", ""), autocommit=True) as writer,
        ThreadPoolExecutor() as threads,
    ):
        try:
            server.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
            server.execute("SELECT pg_reload_conf()")
            eventually(lambda: writer.execute("SHOW synchronous_standby_names").fetchone() == ("nobody",))
            waiting = threads.submit(writer.execute, "CREATE TABLE kept ()")
            eventually(lambda: client.get("/readyz").status_code == 503)
            [found] = check_database()
            assert (found.health, found.text) == (Health.FAILED, NO_STANDBY.reason)
        finally:
            server.execute("ALTER SYSTEM RESET synchronous_standby_names")
            server.execute("SELECT pg_reload_conf()")
        waiting.result(timeout=30)
        writer.execute("DROP TABLE kept")
    assert client.get("/readyz").status_code == 200


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

    assert refusals.foreseen_refusal(db.session.connection()) is None
    monkeypatch.setattr(os, "utime", refuse)
    assert refusals.foreseen_refusal(db.session.connection()) is refusal


def test_a_damaged_file_is_said_to_be_one_by_pages_and_the_doctor(tmp_path: Path) -> None:
    app = create_app(make_settings(tmp_path))
    with app.app_context():
        Path(db.engine.url.database or "").write_bytes(b"no database " * 1000)
        (found,) = check_database()
        assert (found.health, found.text) == (Health.FAILED, DAMAGED_FILE.reason)
    page = app.test_client().get("/sign-in")
    assert page.status_code == 503
    assert DAMAGED_FILE.reason.removesuffix(".") in page.text.replace("&#39;", "'")


def test_a_file_that_is_replaced_under_a_process_is_refused_by_it_and_nothing_is_written_beside_it(
    tmp_path: Path,
) -> None:
    app = create_app(make_settings(tmp_path))
    client = app.test_client()
    with app.app_context():
        file = Path(db.engine.url.database or "")
        upgrade()
    assert client.get("/sign-in").status_code < 400
    other = tmp_path / "other.db"
    sqlite3.connect(other).close()
    away = file.rename(tmp_path / "away.db")
    _assert_refuses(app, NO_FILE)
    assert not file.exists()
    other.rename(file)
    _assert_refuses(app, REPLACED_FILE)
    assert file.stat().st_size == 0
    away.replace(file)
    assert client.get("/sign-in").status_code < 400


def test_a_database_that_is_not_there_is_made_by_a_migration_alone(tmp_path: Path) -> None:
    """Else a command that is given while its disk is away would put an empty one in its place."""
    app = create_app(make_settings(tmp_path))
    with app.app_context():
        file = Path(db.engine.url.database or "")
        (found,) = check_database()
        expected = app.extensions["schema_version"].expected
        assert found.health is Health.FAILED
        assert found.text == f"There is no database yet (revision none), and this version needs {expected}."
        assert "disk" in found.fix
    listed = app.test_cli_runner().invoke(args=["users", "list"])
    assert listed.exit_code == 1
    assert "There is no database yet" in listed.output
    assert app.test_client().get("/sign-in").status_code == 503
    assert not file.exists()
    with app.app_context():
        upgrade()
    assert create_app(app.config["SETTINGS"]).test_client().get("/sign-in").status_code < 400


def _assert_refuses(app: Flask, refusal: Problem) -> None:
    client = app.test_client()
    page = client.get("/sign-in")
    assert page.status_code == 503
    assert refusal.reason.removesuffix(".") in page.text.replace("&#39;", "'")
    # As a thread of the same process that has no connection yet.
    with app.app_context():
        db.engine.dispose()
    assert client.get("/sign-in").status_code == 503
    assert client.get("/readyz").get_json()["problems"][0] == refusal.text
