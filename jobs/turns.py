"""Who writes a tenant next.

SQLite takes one writer at a time, and lets who comes second sleep and try again, ever longer, so that writers of
several processes leave it idle for much of the time. By a lock of the file system they follow each other at once; it
ends with the process that held it.

PostgreSQL takes any number of writers. But a process's threads share one processor: more of them would not be done
sooner, and need more connections, each of which has to learn the statements, and more processors of the database.
"""

from __future__ import annotations

import fcntl
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from flask import current_app

from logs.outages import NO_TURNS
from webapp.engines.sqlite import BUSY_SECONDS
from webapp.extensions import db

log = logging.getLogger(__name__)

_NAME = "writing.lock"
# The file's lock is this process's, whichever of its threads took it.
_ours = threading.Lock()
_POLL_SECONDS = 0.002
# So many of this process's threads write to PostgreSQL at once. Who waited so long, as for very large tenants, goes on.
FEW = 4
_FEW_SECONDS = 1.0
_few = threading.BoundedSemaphore(FEW)


@contextmanager
def turn() -> Iterator[None]:
    """While this lasts, no other worker on this machine writes a tenant; on PostgreSQL, few threads of this one do.

    It is a courtesy and no protection, which the databases give: who waited as long as for SQLite itself, as where a
    worker was stopped with the turn in its hand, goes on without.
    """
    with ExitStack() as held:
        if db.engine.dialect.name == "sqlite":
            _wait(held, Path(current_app.config["SETTINGS"].data_dir) / _NAME)
        elif _few.acquire(timeout=_FEW_SECONDS):
            held.callback(_few.release)
        yield


def _wait(held: ExitStack, path: Path) -> None:
    until = time.monotonic() + BUSY_SECONDS
    if not _ours.acquire(timeout=BUSY_SECONDS):
        return
    held.callback(_ours.release)
    try:
        file = held.enter_context(path.open("a"))
        while not _take(file) and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)
    except OSError as error:
        log.warning(NO_TURNS, error)


def _take(file: IO[str]) -> bool:
    """Lock the file where nobody else has it locked; returns whether that was done."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
