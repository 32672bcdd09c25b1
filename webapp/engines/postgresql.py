"""PostgreSQL's connections: kept while they are there, given up in time where not, at home with poolers."""

from __future__ import annotations

import logging
import os
import secrets
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import psycopg
from flask import Flask
from psycopg import IsolationLevel
from psycopg.errors import (
    DuplicatePreparedStatement,
    IdleInTransactionSessionTimeout,
    InvalidSqlStatementName,
    ReadOnlySqlTransaction,
    TransactionTimeout,
)
from sqlalchemy import Connection, Engine, ExceptionContext, event
from sqlalchemy.exc import InvalidatePoolError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from config import Settings

from ..extensions import db

log = logging.getLogger(__name__)

CONNECT_SECONDS = 10
# Whoever stops in the midst of a transaction, as a machine that sleeps, holds up nobody for longer than this.
IDLE_SECONDS = 60
# A connection over which something was sent that nobody acknowledged for so long is given up, on both sides.
_UNHEARD_SECONDS = 30
# In seconds, but for the count: after how long a silence either side asks whether the other is there, how long it waits
# for an answer, and how many it misses before it gives the connection up.
_KEPT_ALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
# What each of our sessions asks of PostgreSQL. The first of these does not count the time of who vanished while it sent
# rows (COPY), or was sent some: its locks would be held for as long as kernels try, which is up to two hours.
SESSION = {
    "idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s",
    **{f"tcp_{name}": str(value) for name, value in _KEPT_ALIVE.items()},
    "tcp_user_timeout": f"{_UNHEARD_SECONDS}s",
    # The only one in which the driver reads moments; PgBouncer keeps it for each of its clients.
    "DateStyle": "ISO",
    # Compiling a statement takes up to seconds and saves less: no page reads enough to be worth it.
    "jit": "off",
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


def connect_args(settings: Settings) -> dict[str, Any]:
    # A host that does not answer at all, or any more, is given up soon enough for the page to say so (libpq, "Parameter
    # Key Words").
    return {
        "connect_timeout": CONNECT_SECONDS,
        **_KEPT_ALIVE,
        "tcp_user_timeout": _UNHEARD_SECONDS * 1000,
        # A database in SQL_ASCII would else give bytes for text.
        "client_encoding": "utf8",
        # How often a statement is executed before it stays prepared: psycopg's default, or never.
        "prepare_threshold": 5 if settings.database_prepared_statements else None,
    }


def tune(engine: Engine, only_reads: Callable[[], bool]) -> None:
    """Call it before the first connection is made. `only_reads` tells of the transaction that begins."""
    is_forgetful = threading.Event()

    @event.listens_for(engine, "connect")
    def on_connect(connection: psycopg.Connection[Any], entry: ConnectionPoolEntry) -> None:
        # Not by the connection's options, which poolers refuse; and all at once, in one round trip.
        connection.execute("; ".join(f"SET {name} = '{value}'" for name, value in SESSION.items()).encode())
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
        is_alone = only_reads()
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
            lost = context.is_disconnect
            return OperationalError(context.statement, None, error, hide_parameters=True, connection_invalidated=lost)
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
