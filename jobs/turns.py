"""Who writes a tenant next, where the database takes one writer at a time.

SQLite lets who comes second sleep and try again, ever longer, so that writers of several processes leave it idle for
much of the time. By a lock of the file system they follow each other at once; it ends with the process that held it.
"""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import current_app

from webapp.extensions import db

_NAME = "writing.lock"
# The file's lock is this process's, whichever of its threads took it.
_ours = threading.Lock()


@contextmanager
def turn() -> Iterator[None]:
    """While this lasts, no other worker on this machine writes a tenant. On PostgreSQL many do at the same time."""
    if db.engine.dialect.name != "sqlite":
        yield
        return
    with _ours, (Path(current_app.config["SETTINGS"].data_dir) / _NAME).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
