"""SQLite's connections: transactions that begin as they are meant, and a file that nobody replaces unseen."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Connection, Engine, ExceptionContext, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from ..extensions import db

# How long a writer waits for another's transaction to end. Transactions are short: none spans a request to Microsoft.
BUSY_SECONDS = 30
# How SQLite says that a table, or a column, is not there; its driver has the same error for both and for a locked file.
LACKS = ("no such", "table ")
# How SQLite calls a file that is none of its own, or not as it wrote it; its driver has a wider error for both.
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


_may_make_it: ContextVar[bool] = ContextVar("may_make_it", default=False)


def connect_args() -> dict[str, Any]:
    return {"timeout": BUSY_SECONDS}


class FileReplaced(sqlite3.OperationalError):
    """Another file is where the database's was: what is written to the one that is open would be lost."""

    def __init__(self) -> None:
        super().__init__("the database's file was replaced under this process")


class FileTakenAway(sqlite3.OperationalError):
    """No file is where the database's was, as where its disk is not there any more. It may come back."""

    def __init__(self) -> None:
        super().__init__("the database's file was taken away under this process")


class NoFile(sqlite3.OperationalError):
    """There is no database yet, or its disk is not there: an empty one would be taken for it, and be in its place."""

    def __init__(self) -> None:
        super().__init__("no such file: the database's is not there")


@contextmanager
def making_the_file() -> Iterator[None]:
    """While this lasts, the database's file is made where there is none. It is for migrations alone."""
    token = _may_make_it.set(True)
    try:
        yield
    finally:
        _may_make_it.reset(token)


class _File:
    """The database's file, by which a process knows it again. It is the same one for as long as the process runs.

    What is beside it, and belongs to it, is found by its name: opened together with another file, it would damage that.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._first: tuple[int, int] | None = None

    def require_same(self) -> None:
        """Raise `FileReplaced` or `FileTakenAway` where it is not the one that was opened first, if one was."""
        if self._first is None or (found := self._found()) == self._first:
            return
        raise FileReplaced if found else FileTakenAway

    def require_there(self) -> None:
        """Raise `NoFile` where SQLite would make one. What keeps it from that, it tells of itself."""
        if not _may_make_it.get() and self._path.parent.is_dir() and not os.path.lexists(self._path):
            raise NoFile

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


def tune(engine: Engine, may_write: Callable[[], bool]) -> None:
    """Call it before the first connection is made. `may_write` tells of the transaction that begins."""
    file = _File(engine.url.database or "")

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
