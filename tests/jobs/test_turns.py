"""Workers of one machine that write tenants one after another, where the database wants that."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from jobs.turns import turn
from webapp.extensions import db

_HOLDER = """
import fcntl, sys
with open(sys.argv[1], "a") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.readline()
"""
# So long somebody must be seen to wait.
_A_MOMENT = 0.2
_LONG_ENOUGH = 30


@contextmanager
def another_worker_writes(app: Flask) -> Iterator[subprocess.Popen[str]]:
    path = app.config["SETTINGS"].data_dir / "writing.lock"
    command = [sys.executable, "-c", _HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield holder
        finally:
            holder.kill()


@contextmanager
def whoever_wants_to_write(app: Flask) -> Iterator[threading.Event]:
    """Yields what is set when it is its turn."""
    has_turn = threading.Event()

    def take() -> None:
        with app.app_context(), turn():
            has_turn.set()

    thread = threading.Thread(target=take)
    thread.start()
    try:
        yield has_turn
    finally:
        thread.join(_LONG_ENOUGH)


def test_on_sqlite_whoever_writes_next_waits_for_the_worker_that_writes_and_not_for_one_that_died(app: Flask) -> None:
    with another_worker_writes(app) as holder, whoever_wants_to_write(app) as has_turn:
        waits = db.engine.dialect.name == "sqlite"
        assert has_turn.wait(_A_MOMENT if waits else _LONG_ENOUGH) is not waits
        holder.kill()
        assert has_turn.wait(_LONG_ENOUGH)
