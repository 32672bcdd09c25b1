"""Connections: each thread of a process gets one, and who falls asleep in a transaction holds up nobody for long."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import psycopg
import pytest
from flask import Flask
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from settings.checks import MOST_TENANTS_AT_ONCE
from tests.support.settings import make_settings
from webapp import create_app, database
from webapp.engines import postgresql as engine
from webapp.engines import sqlite
from webapp.engines.sqlite_file import making_the_file
from webapp.extensions import db


@pytest.fixture
def postgresql(app: Flask) -> Flask:
    """The app, which has no connection yet."""
    if db.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no server that connections could lose")
    db.session.rollback()
    db.engine.dispose()
    return app


@pytest.fixture
def pings(postgresql: Flask, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The connections of which it was asked whether they are there."""
    found: list[object] = []
    ping = db.engine.dialect.do_ping

    def do_ping(connection: Any) -> bool:
        found.append(connection)
        return ping(connection)

    monkeypatch.setattr(db.engine.dialect, "do_ping", do_ping)
    return found


@pytest.mark.parametrize("at_once", [1, 16, MOST_TENANTS_AT_ONCE])
def test_each_thread_of_a_worker_gets_a_connection_without_waiting(app: Flask, at_once: int) -> None:
    crowded = create_app(replace(app.config["SETTINGS"], sync_tenants_at_once=at_once))
    with crowded.app_context():
        try:
            with ExitStack() as stack:
                # Those that sync, the one that takes jobs, and those that look after leases, versions and counts.
                for _ in range(at_once + 8):
                    connection = stack.enter_context(db.engine.connect())
                    assert connection.scalar(text("SELECT 1")) == 1
        finally:
            db.engine.dispose()


@pytest.mark.usefixtures("postgresql")
def test_a_transaction_that_nobody_goes_on_with_is_ended_by_postgresql() -> None:
    told = db.session.scalar(text("SHOW idle_in_transaction_session_timeout"))
    assert told == f"{engine.IDLE_SECONDS // 60}min"


@pytest.mark.usefixtures("postgresql")
def test_postgresql_compiles_no_statement() -> None:
    assert db.session.scalar(text("SHOW jit")) == "off"


@pytest.mark.usefixtures("postgresql")
def test_postgresql_notices_soon_that_whoever_holds_locks_vanished() -> None:
    # Over a Unix socket, as here, PostgreSQL tells no values of those that are about TCP.
    told = set(db.session.scalars(text("SELECT name FROM pg_settings WHERE source = 'session'")))
    assert set(engine.SESSION) <= told
    assert {"tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count", "tcp_user_timeout"} <= told


@pytest.mark.usefixtures("postgresql")
def test_a_connection_that_was_dropped_just_now_is_replaced() -> None:
    with db.engine.connect() as other:
        with db.engine.connect() as connection:
            dropped = _session_of(connection)
        other.execute(text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": dropped})
        with db.engine.connect() as connection:
            assert _session_of(connection) != dropped


@pytest.mark.usefixtures("postgresql")
def test_a_connection_that_is_asked_and_is_not_there_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_SURELY_THERE_SECONDS", 0.0)
    with db.engine.connect() as connection:
        lost = _session_of(connection)
        driver: Any = connection.connection.driver_connection
    # As behind a firewall that has forgotten the connection.
    with Path(os.devnull).open() as nowhere:
        os.dup2(nowhere.fileno(), driver.fileno())
    with db.engine.connect() as connection:
        assert _session_of(connection) != lost


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the system does not have it")
def test_whether_a_connection_is_there_is_asked_with_less_patience_than_all_else() -> None:
    def patience() -> float:
        return client.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) / 1000

    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        connection: Any = SimpleNamespace(fileno=client.fileno, info=SimpleNamespace(hostaddr="127.0.0.1"))
        with engine._impatient(connection):
            assert 0 < patience() <= 5
        assert patience() == engine._UNHEARD_SECONDS


def test_over_a_unix_socket_there_is_nothing_to_be_patient_about() -> None:
    connection: Any = SimpleNamespace(info=SimpleNamespace(hostaddr=""))
    with engine._impatient(connection):
        pass


def test_a_connection_is_not_asked_whether_it_is_there_where_it_was_used_just_now(pings: list[object]) -> None:
    for _ in range(3):
        with db.engine.connect() as connection:
            assert _session_of(connection)
    assert pings == []


def test_a_connection_that_was_idle_for_long_is_asked_whether_it_is_there(
    pings: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_SURELY_THERE_SECONDS", 0.0)
    for _ in range(2):
        with db.engine.connect() as connection:
            assert _session_of(connection)
    assert len(pings) == 1


@pytest.mark.parametrize("seconds", [3600.0, -3600.0])
def test_a_connection_is_asked_after_a_sleep_of_the_machine_and_where_the_clock_was_set_back(
    pings: list[object], monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    with db.engine.connect() as connection:
        assert _session_of(connection)
    clock = SimpleNamespace(time=lambda: time.time() + seconds, monotonic=time.monotonic)
    monkeypatch.setattr(engine, "time", clock)
    with db.engine.connect() as connection:
        assert _session_of(connection)
    assert len(pings) == 1


@pytest.mark.usefixtures("postgresql")
def test_what_is_read_again_and_again_is_prepared_once() -> None:
    statement, prepared = "SELECT 'again'", set()
    known = text("SELECT name FROM pg_prepared_statements WHERE statement = :statement")
    for _ in range(12):
        with database.only_reading():
            db.session.scalar(text(statement))
            prepared |= set(db.session.scalars(known, {"statement": statement}))
    assert len(prepared) == 1


@pytest.mark.usefixtures("postgresql")
def test_no_connection_gives_a_prepared_statement_the_name_that_another_gives_one() -> None:
    with db.engine.connect() as one, db.engine.connect() as other:
        names: list[str] = []
        for connection in (one, other):
            engine.driver_of(connection).execute("SELECT 1", prepare=True)
            names += connection.scalars(text("SELECT name FROM pg_prepared_statements")).all()
    assert len(set(names)) == 2


@pytest.mark.usefixtures("postgresql")
def test_where_a_pooler_loses_prepared_statements_it_is_an_outage_that_passes_since_there_are_no_more() -> None:
    def ask() -> None:
        for _ in range(8):
            db.session.execute(text("SELECT 'again'"))

    with db.engine.connect() as idle:
        idle.execute(text("SELECT 1"))
    ask()
    engine.driver_of(db.session.connection()).pgconn.exec_(b"DEALLOCATE ALL")
    with pytest.raises(OperationalError) as caught:
        ask()
    assert database.is_away(caught.value)
    database.forget_transaction()
    ask()
    assert not db.session.scalars(text("SELECT name FROM pg_prepared_statements")).all()
    with db.engine.connect() as idle:
        assert engine.driver_of(idle).prepare_threshold is None


@pytest.mark.usefixtures("postgresql")
def test_what_only_reads_does_without_a_transaction_and_what_comes_after_it_does_not() -> None:
    with database.only_reading():
        db.session.scalar(text("SELECT 1"))
        assert _status_of(db.session.connection()) == TransactionStatus.IDLE
    db.session.scalar(text("SELECT 1"))
    assert _status_of(db.session.connection()) == TransactionStatus.INTRANS


@pytest.mark.usefixtures("postgresql")
def test_whoever_takes_the_driver_s_connection_gets_one_with_transactions_whatever_was_done_with_it_before() -> None:
    with database.only_reading():
        before = _session_of(db.session.connection())
        db.session.rollback()
        with db.engine.connect() as connection:
            driver = engine.driver_of(connection)
            assert (driver.info.backend_pid, driver.autocommit) == (before, False)


@pytest.mark.parametrize("level", ["serializable", "repeatable read"])
def test_a_transaction_waits_for_others_where_the_default_is_that_it_fails(postgresql: Flask, level: str) -> None:
    with _by_default(postgresql, "default_transaction_isolation", level):
        assert db.session.scalar(text("SHOW transaction_isolation")) == "read committed"


def test_moments_are_read_whatever_the_default_is_how_they_are_written(postgresql: Flask) -> None:
    with _by_default(postgresql, "DateStyle", "German"):
        assert db.session.scalar(text("SELECT timestamptz '2026-02-01 00:00Z'")) == datetime(2026, 2, 1, tzinfo=UTC)


@contextmanager
def _by_default(app: Flask, name: str, value: str) -> Iterator[None]:
    """An app context of an app whose sessions begin with this setting, as `ALTER ROLE ... SET` makes them."""
    settings = app.config["SETTINGS"]
    parts = urlsplit(settings.database_url)
    option = urlencode({"options": f"-c {name}=" + value.replace(" ", r"\ ")}, quote_via=quote)
    query = f"{parts.query}&{option}" if parts.query else option
    other = create_app(replace(settings, database_url=parts._replace(query=query).geturl()))
    with other.app_context():
        try:
            yield
        finally:
            db.session.rollback()
            db.engine.dispose()


@pytest.mark.usefixtures("postgresql")
@pytest.mark.parametrize("name", ["idle_in_transaction_session_timeout", "transaction_timeout"])
def test_a_transaction_that_postgresql_ended_is_an_outage_that_passes_and_no_fault_of_ours(name: str) -> None:
    if not db.session.scalar(text("SELECT count(*) FROM pg_settings WHERE name = :name"), {"name": name}):
        pytest.skip("this PostgreSQL ends no transaction for taking long")
    before = _session_of(db.session.connection())
    db.session.execute(text(f"SET LOCAL {name} = '20ms'"))
    time.sleep(0.3)
    with pytest.raises(OperationalError) as caught:
        db.session.execute(text("SELECT 1"))
    assert database.is_away(caught.value)
    database.forget_transaction()
    assert _session_of(db.session.connection()) != before


@pytest.mark.parametrize(("asked_of_a_pooler", "mode"), [(False, "force_generic_plan"), (True, "auto")])
def test_a_worker_s_plans_are_kept_but_by_a_session_that_a_page_might_get_next(
    postgresql: Flask, monkeypatch: pytest.MonkeyPatch, asked_of_a_pooler: bool, mode: str
) -> None:
    if asked_of_a_pooler:
        monkeypatch.setattr(psycopg.ConnectionInfo, "backend_pid", 1)
    worker = create_app(postgresql.config["SETTINGS"])
    engine.plan_once(worker)
    with worker.app_context():
        try:
            assert db.session.scalar(text("SHOW plan_cache_mode")) == mode
        finally:
            db.session.rollback()
            db.engine.dispose()


def _status_of(connection: Connection) -> TransactionStatus:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver.info.transaction_status


def _session_of(connection: Connection) -> int:
    """PostgreSQL's number of the connection."""
    return int(connection.scalar(text("SELECT pg_backend_pid()")) or 0)


def test_what_people_save_is_on_the_disk_before_they_are_told_and_a_worker_does_not_wait_for_that(
    tmp_path: Path,
) -> None:
    levels = []
    for is_a_worker in (False, True):
        app = create_app(make_settings(tmp_path))
        if is_a_worker:
            sqlite.save_soon(app)
        with app.app_context(), making_the_file():
            levels.append(db.session.scalar(text("PRAGMA synchronous")))
    full, normal = 2, 1
    assert levels == [full, normal]
