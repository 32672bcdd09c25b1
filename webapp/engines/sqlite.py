"""SQLite's connections: transactions that begin as they are meant, and a file that nobody replaces unseen."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from flask import Flask
from sqlalchemy import Connection, Engine, ExceptionContext, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from ..extensions import db
from .sqlite_file import DatabaseFile, FileReplaced, FileTakenAway

# How long a writer waits for another's transaction to end. Transactions are short: none spans a request to Microsoft.
BUSY_SECONDS = 30
# How SQLite says that a table, or a column, is not there; its driver has the same error for both and for a locked file.
LACKS = ("no such", "table ")
# How SQLite calls a file that is none of its own, or not as it wrote it; its driver has a wider error for both.
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


def connect_args() -> dict[str, Any]:
    return {"timeout": BUSY_SECONDS}


def tune(engine: Engine, may_write: Callable[[], bool]) -> None:
    """Call it before the first connection is made. `may_write` tells of the transaction that begins."""
    file = DatabaseFile(engine.url.database or "")

    @event.listens_for(engine, "do_connect")
    def before_connect(*_: Any) -> None:
        file.require_same()
        file.require_there()

    @event.listens_for(engine, "connect")
    def on_connect(connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
        # Transactions are begun below, not by the driver, which would begin them too late.
        connection.isolation_level = None
        cursor = connection.cursor()
        # Readers and one writer at the same time; what was said to be saved is on the disk by then, whatever becomes of
        # the machine.
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
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
        except (FileReplaced, FileTakenAway) as error:
            raise OperationalError("BEGIN", None, error, hide_parameters=True) from error
        # A transaction that reads and then writes fails at once where another wrote in between, whatever the busy
        # timeout. So whoever may write says so at its begin and waits for its turn there.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if may_write() else "BEGIN")

    @event.listens_for(engine, "handle_error")
    def on_error(context: ExceptionContext) -> BaseException | None:
        # A file that is damaged does its work as little as one that is away.
        error = context.original_exception
        if getattr(error, "sqlite_errorname", "").startswith(_DAMAGED):
            return OperationalError(context.statement, None, error, hide_parameters=True)
        return None


def save_soon(app: Flask) -> None:
    """Let commits not wait for the disk, in a process whose work is done again where it is lost: a sync's.

    A crash of the process loses none, one of the machine those of the last half minute, and never the file. Call it
    before the first connection is made.
    """
    with app.app_context():
        engine = db.engine
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _save_soon)


def _save_soon(connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
    connection.execute("PRAGMA synchronous=NORMAL").close()
