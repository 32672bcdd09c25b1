"""The file of an SQLite database: whether it is there, and the one that was opened first."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

_may_make_it: ContextVar[bool] = ContextVar("may_make_it", default=False)


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


class DatabaseFile:
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
        """Raise `NoFile` where SQLite would make one. What keeps it from that, it tells of itself.

        Where one is to be made it is this user's alone, and so is what SQLite puts beside it: by itself SQLite lets
        everybody read it, and it may be in a directory that others look into.
        """
        path = self._path.resolve()  # a link may lead to a disk that is away, and SQLite follows it
        if not path.parent.is_dir() or path.exists():
            return
        if not _may_make_it.get():
            raise NoFile
        with suppress(OSError):
            path.touch(mode=0o600)

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
