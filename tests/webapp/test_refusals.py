"""A database that is there and refuses: pages, commands and checks say what it refuses for, not that it is away."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from psycopg import errors
from sqlalchemy.exc import OperationalError

from tests.support.settings import make_settings
from webapp import create_app
from webapp.doctor.database import check_database
from webapp.doctor.finding import Health
from webapp.extensions import db
from webapp.refusals import (
    BROKEN_DISK,
    DAMAGED_FILE,
    FORGETFUL_POOLER,
    FULL,
    GAVE_WAY,
    IN_A_HURRY,
    NO_CONNECTION,
    POOLER_OF_STATEMENTS,
    POOLER_WITHOUT_CONNECTION,
    READ_ONLY,
    READ_ONLY_FILE,
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


def test_a_damaged_file_is_said_to_be_one_by_pages_and_the_doctor(tmp_path: Path) -> None:
    app = create_app(make_settings(tmp_path))
    with app.app_context():
        Path(db.engine.url.database or "").write_bytes(b"no database " * 1000)
        (found,) = check_database()
        assert (found.health, found.text) == (Health.FAILED, DAMAGED_FILE.reason)
    page = app.test_client().get("/sign-in")
    assert page.status_code == 503
    assert DAMAGED_FILE.reason.removesuffix(".") in page.text.replace("&#39;", "'")
