"""How connections to the database behave, the same for whoever opens one."""

from __future__ import annotations

import logging
import os
import secrets
import select
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import click
import psycopg
from flask import Flask, current_app, g, has_app_context, has_request_context, request
from psycopg import IsolationLevel
from psycopg.errors import (
    DuplicatePreparedStatement,
    IdleInTransactionSessionTimeout,
    InvalidSqlStatementName,
    ReadOnlySqlTransaction,
    TransactionTimeout,
)
from sqlalchemy import Connection, Engine, ExceptionContext, event
from sqlalchemy.exc import InterfaceError, InvalidatePoolError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from config import Settings

from .extensions import db

log = logging.getLogger(__name__)

# How long a writer waits for another's transaction to end. Transactions are short: none spans a request to Microsoft.
SQLITE_BUSY_SECONDS = 30
POSTGRESQL_CONNECT_SECONDS = 10
# Whoever stops in the midst of a transaction, as a machine that sleeps, holds up nobody for longer than this.
POSTGRESQL_IDLE_SECONDS = 60
# A connection over which something was sent that nobody acknowledged for so long is given up, on both sides.
_UNHEARD_SECONDS = 30
# In seconds, but for the count: after how long a silence either side asks whether the other is there, how long it waits
# for an answer, and how many it misses before it gives the connection up.
_KEPT_ALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
# What each of our sessions asks of PostgreSQL. The first of these does not count the time of who vanished while it sent
# rows (COPY), or was sent some: its locks would be held for as long as kernels try, which is up to two hours.
POSTGRESQL_SESSION = {
    "idle_in_transaction_session_timeout": f"{POSTGRESQL_IDLE_SECONDS}s",
    **{f"tcp_{name}": str(value) for name, value in _KEPT_ALIVE.items()},
    "tcp_user_timeout": f"{_UNHEARD_SECONDS}s",
    # The only one in which the driver reads moments; PgBouncer keeps it for each of its clients.
    "DateStyle": "ISO",
}
# A connection of PostgreSQL that was used so lately, and of which nothing was heard since, is taken to be there.
_SURELY_THERE_SECONDS = 2.0
# Whether one that was idle is there is asked with less patience than all else: where it is not, another one is made.
_PING_SECONDS = 5
_RETURNED_AT = "returned_at"
# What the driver takes for a fault within, and is none of ours: a database that may only be read, as a primary that
# became a standby, does its work as little as one that is away, and a transaction that it ended can be done again.
NO_FAULT_OF_OURS = (ReadOnlySqlTransaction, IdleInTransactionSessionTimeout, TransactionTimeout)
# What a pooler makes of prepared statements that does not know them, and has given the connection to another.
FORGOTTEN = (InvalidSqlStatementName, DuplicatePreparedStatement)
_WITHOUT = "DATABASE_PREPARED_STATEMENTS=false"
# How SQLite says that a table, or a column, is not there; its driver has the same error for both and for a locked file.
_SQLITE_LACKS = ("no such", "table ")
# How SQLite calls a file that is none of its own, or not as it wrote it; its driver has a wider error for both.
_SQLITE_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
# Connections for a process's threads beside those that sync: the web's, or what looks after leases and versions.
_OTHER_THREADS = 16


def engine_options(settings: Settings) -> dict[str, Any]:
    """Options for the engine of a process.

    No thread waits for a connection. They are made when they are needed, and kept open: a worker's threads would else
    make one anew for each transaction. The one that was used last is used next: it knows the most of the statements.
    """
    pool = {"pool_size": settings.sync_tenants_at_once + 4, "max_overflow": _OTHER_THREADS}
    # A statement's values belong in no log: among them are names of people and sealed secrets.
    common: dict[str, Any] = {"hide_parameters": True, "pool_use_lifo": True, **pool}
    if settings.database_url.startswith("sqlite"):
        return {**common, "connect_args": {"timeout": SQLITE_BUSY_SECONDS}}
    # A host that does not answer at all, or any more, is given up soon enough for the page to say so (libpq, "Parameter
    # Key Words").
    connect_args = {
        "connect_timeout": POSTGRESQL_CONNECT_SECONDS,
        **_KEPT_ALIVE,
        "tcp_user_timeout": _UNHEARD_SECONDS * 1000,
        # A database in SQL_ASCII would else give bytes for text.
        "client_encoding": "utf8",
        # How often a statement is executed before it stays prepared: psycopg's default, or never.
        "prepare_threshold": 5 if settings.database_prepared_statements else None,
    }
    return {**common, "connect_args": connect_args, "pool_recycle": 1800}


def init_app(app: Flask) -> None:
    """Tune the app's engine. Call it after `db.init_app`."""
    with app.app_context():
        engine = db.engine
    if engine.dialect.name == "sqlite":
        _tune_sqlite(engine)
    else:
        _tune_postgresql(engine)
    # gunicorn and RQ fork: a child must not share its parent's connections.
    os.register_at_fork(after_in_child=lambda: engine.dispose(close=False))
    # Before Flask-SQLAlchemy does so, which would raise past all handlers where the database went away after the answer
    # was made.
    app.teardown_appcontext(lambda _: _close_session())


class FileReplaced(sqlite3.OperationalError):
    """Another file is where the database's was, or none: what is written to the one that is open would be lost."""

    def __init__(self) -> None:
        super().__init__("the database's file was replaced, or taken away, under this process")


class _File:
    """The database's file, by which a process knows it again. It is the same one for as long as the process runs.

    What is beside it, and belongs to it, is found by its name: opened together with another file, it would damage that.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._first: tuple[int, int] | None = None

    def require_same(self) -> None:
        """Raise `FileReplaced` where it is not the one that was opened first, if one was."""
        if self._first is not None and self._found() != self._first:
            raise FileReplaced

    def note(self) -> None:
        """It was opened."""
        if self._first is None:
            self._first = self._found()

    def _found(self) -> tuple[int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino


def _tune_sqlite(engine: Engine) -> None:
    file = _File(engine.url.database or "")

    @event.listens_for(engine, "do_connect")
    def before_connect(*_: Any) -> None:
        file.require_same()

    @event.listens_for(engine, "connect")
    def on_connect(connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
        # Transactions are begun below, not by the driver, which would begin them too late.
        connection.isolation_level = None
        cursor = connection.cursor()
        # Readers and one writer at the same time; a commit survives a crash of the process, and of the machine
        # loses at most the last commits, never the file.
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        # What was written goes to the file itself, for which the writer waits for the disk, less often and more of it
        # at once: some 30 MB. Until then it is beside it, as safe.
        cursor.execute("PRAGMA wal_autocheckpoint=8000")
        cursor.close()
        # Now that it was written to: some file systems make another file of it before.
        file.note()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        try:
            file.require_same()
        except FileReplaced as error:
            raise OperationalError("BEGIN", None, error, hide_parameters=True) from error
        # A transaction that reads and then writes fails at once where another wrote in between, whatever the busy
        # timeout. So whoever may write says so at its begin and waits for its turn there.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if _may_write() else "BEGIN")

    @event.listens_for(engine, "handle_error")
    def on_error(context: ExceptionContext) -> BaseException | None:
        # A file that is damaged does its work as little as one that is away.
        error = context.original_exception
        if getattr(error, "sqlite_errorname", "").startswith(_SQLITE_DAMAGED):
            return OperationalError(context.statement, None, error, hide_parameters=True)
        return None


def _tune_postgresql(engine: Engine) -> None:
    is_forgetful = threading.Event()

    @event.listens_for(engine, "connect")
    def on_connect(connection: psycopg.Connection[Any], entry: ConnectionPoolEntry) -> None:
        # Not by the connection's options, which poolers refuse; and all at once, in one round trip.
        connection.execute("; ".join(f"SET {name} = '{value}'" for name, value in POSTGRESQL_SESSION.items()).encode())
        connection.commit()
        # What all that writes is made for, whatever this user or this database has for a default: at another level a
        # transaction fails where this one waits. Said at each BEGIN, so it holds behind poolers, too.
        connection.isolation_level = IsolationLevel.READ_COMMITTED
        # By itself psycopg counts from 0 on each connection: behind a pooler that does not know prepared statements,
        # one would execute another's of the same name. So such a statement is not there, which is noticed below.
        connection._prepared._prepared_idx = secrets.randbits(62)
        if is_forgetful.is_set():
            connection.prepare_threshold = None

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        # At READ COMMITTED each statement sees what is committed when it begins, in a transaction or without one: what
        # only reads does without, and saves the round trips for BEGIN and COMMIT.
        raw = driver_of(connection)
        is_alone = _only_reads()
        if raw.autocommit is not is_alone:
            raw.autocommit = is_alone

    @event.listens_for(engine, "checkin")
    def on_checkin(connection: psycopg.Connection[Any] | None, entry: ConnectionPoolEntry) -> None:
        # By the clock on the wall: the other one stands still while a machine sleeps.
        entry.info[_RETURNED_AT] = time.time()

    @event.listens_for(engine, "checkout")
    def on_checkout(
        connection: psycopg.Connection[Any], entry: ConnectionPoolEntry, proxy: PoolProxiedConnection
    ) -> None:
        # A connection that the database or a proxy dropped is replaced before a page meets it. SQLAlchemy's own ping
        # asks at each transaction, of which a sync has several for each tenant.
        returned_at = entry.info.get(_RETURNED_AT)
        if returned_at is None:
            return  # it was made just now
        try:
            was_just_used = 0 <= time.time() - returned_at <= _SURELY_THERE_SECONDS
            if not (was_just_used and _is_quiet(connection)):
                with _impatient(connection):
                    engine.dialect.do_ping(connection)  # type: ignore[arg-type]
            if connection.autocommit:
                connection.autocommit = False  # whoever uses the driver itself, as `doctor.pooler`, counts on that
        except psycopg.Error as error:
            raise InvalidatePoolError from error

    @event.listens_for(engine, "handle_error")
    def on_error(context: ExceptionContext) -> BaseException | None:
        error = context.original_exception
        if isinstance(error, FORGOTTEN):
            # All connections are made anew, and prepare nothing: what failed is done again by whoever does that anyway.
            context.is_disconnect = True
            if not is_forgetful.is_set():
                is_forgetful.set()
                log.warning("a pooler lost prepared statements, so there are no more: set %s", _WITHOUT)
        if isinstance(error, (*NO_FAULT_OF_OURS, *FORGOTTEN)):
            is_lost = context.is_disconnect
            return OperationalError(
                context.statement, None, error, hide_parameters=True, connection_invalidated=is_lost
            )
        return None


def driver_of(connection: Connection) -> psycopg.Connection[Any]:
    """psycopg's connection behind SQLAlchemy's."""
    return cast(psycopg.Connection[Any], connection.connection.driver_connection)


def plan_once(app: Flask) -> None:
    """Let PostgreSQL keep the plan of what stays prepared, for a process that finds its rows by their keys.

    Call it before the first connection is made. By itself PostgreSQL plans a statement anew each time where it guesses
    that to be cheaper in the end; that may take longer than all else of it. Pages, whose statements depend on what is
    searched for, are worse off with plans that are kept.

    Source: PostgreSQL, "PREPARE", "Query Planning" on `plan_cache_mode`.
    """
    with app.app_context():
        engine = db.engine
    if engine.dialect.name == "postgresql":
        event.listen(engine, "connect", _keep_plans)


# Behind a pooler, which tells another process than the one that answers, a page might get the session next.
_KEEP_PLANS = "SELECT set_config('plan_cache_mode', 'force_generic_plan', false) WHERE pg_backend_pid() = %s"


def _keep_plans(connection: psycopg.Connection[Any], entry: ConnectionPoolEntry) -> None:
    connection.execute(_KEEP_PLANS, (connection.info.backend_pid,))
    connection.commit()


def _is_quiet(connection: psycopg.Connection[Any]) -> bool:
    """Whether the server said nothing since the last answer; where it ends a connection, it says so."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)


@contextmanager
def _impatient(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """While this lasts, a server that acknowledges nothing is given up early; where the system can do that.

    Else a page would wait for half a minute before it even tried to connect anew.
    """
    if not (hasattr(socket, "TCP_USER_TIMEOUT") and connection.info.hostaddr):
        yield
        return
    with socket.socket(fileno=os.dup(connection.fileno())) as same:
        same.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _PING_SECONDS * 1000)
        try:
            yield
        finally:
            same.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNHEARD_SECONDS * 1000)


def is_away(error: BaseException | None) -> bool:
    """Whether the error says that the database does not answer, not in time, or that it cannot work (`refusals`)."""
    if isinstance(error, OperationalError) and str(error.orig).startswith(_SQLITE_LACKS):
        return False
    return isinstance(error, OperationalError | InterfaceError | NoConnectionFree)


def driver_s_words(error: BaseException) -> str:
    """What went wrong without the statement that met it."""
    return str(getattr(error, "orig", None) or error)


def reason_of(error: BaseException) -> str:
    """The first line of these words: libpq tells below it of each address that it tried."""
    return (driver_s_words(error).strip().splitlines() or [type(error).__name__])[0].strip()


def forget_transaction() -> None:
    """End this app context's transaction, if one is open, without its changes.

    What is broken may break here, too, which is logged: it must not hide what happened, or an answer that was made.
    """
    try:
        db.session.rollback()
    except SQLAlchemyError as error:
        _warn("The transaction could not be rolled back", error)


def _close_session() -> None:
    """The same at the end of an app context; what was loaded stays readable, as for an answer that is streamed."""
    try:
        db.session.close()
    except SQLAlchemyError as error:
        _warn("The session could not be closed", error)


def _warn(what: str, error: SQLAlchemyError) -> None:
    current_app.logger.warning("%s: %s", what, driver_s_words(error), exc_info=None if is_away(error) else error)


def declare_writing() -> None:
    """Let the transactions of this app context, or of this request, that begin from now on be ones that may write."""
    g.may_write = True


def declare_reading() -> None:
    """Let the transactions of this request, though it was posted, begin as ones that only read: nobody waits for them.

    What was read so far is forgotten.
    """
    db.session.rollback()
    g.only_reads = True


@contextmanager
def only_reading() -> Iterator[None]:
    """A transaction of an app context that otherwise writes, or of a command, which only reads: nobody waits for it.

    It ends here. On PostgreSQL it is none at all (`_tune_postgresql`).
    """
    before = g.get("only_reads", False)
    g.only_reads = True
    try:
        yield
        db.session.commit()
    finally:
        db.session.rollback()
        g.only_reads = before


def _only_reads() -> bool:
    """Whether it was declared that nothing is written from here on."""
    return has_app_context() and bool(g.get("only_reads"))


def _may_write() -> bool:
    if _only_reads():
        return False
    if has_request_context():
        return request.method not in {"GET", "HEAD", "OPTIONS"} or bool(g.get("may_write"))
    if click.get_current_context(silent=True) is not None:
        return True
    return bool(has_app_context() and g.get("may_write"))
