"""A worker that is told to stop: it hears that at once, and gives what it has in hand back before it is killed.

Python calls the handler of a signal in the main thread, and not before that is back from a library: SQLite may wait for
its lock there for half a minute, which is as long as a supervisor waits for the worker.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from webapp.background import for_at_most, in_background
from webapp.database import declare_writing, driver_s_words
from webapp.metrics.flushing import hand_over_what_is_left

from . import crew

log = logging.getLogger(__name__)

# A worker that is told to stop ends after so long at the latest: an answer of Microsoft may take longer.
STOP_SECONDS = 20
# And gives what it has in hand back within so long: a supervisor kills it after 30 seconds.
HAND_BACK_SECONDS = 5.0
# Within so long it is told twice by whoever means it once, as Ctrl-C is that a terminal and a supervisor both hand on.
_SAME_SECONDS = 1.0
_SIGNALS = {signal.SIGINT, signal.SIGTERM}


@contextmanager
def heard(app: Flask) -> Iterator[None]:
    """While this lasts, a signal to stop sets `crew.stopping`, whatever the main thread, which calls this, waits for.

    It needs a handler, too, without which it ends the process. What is still in hand after STOP_SECONDS, or when the
    worker is told again, is given back, and the process ends.
    """
    hears, tells = socket.socketpair()
    tells.setblocking(False)
    with hears, in_background("signals", lambda _: _listen(app, hears)), tells:
        before = signal.set_wakeup_fd(tells.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)


def _listen(app: Flask, hears: socket.socket) -> None:
    """Wait for signals, of which each comes as a byte, until none can come any more."""
    told_at: float | None = None
    while True:
        hears.settimeout(None if told_at is None else max(0.01, told_at + STOP_SECONDS - time.monotonic()))
        try:
            signals = hears.recv(256)
        except TimeoutError:
            break
        if not signals:
            return
        if _SIGNALS.isdisjoint(signals):
            continue
        if told_at is None:
            told_at = time.monotonic()
            crew.stopping.set()
        elif time.monotonic() - told_at >= _SAME_SECONDS:
            break
    leave(app)


def leave(app: Flask) -> None:
    """Give what is in hand to others and end this process, whatever it waits for."""
    for_at_most(HAND_BACK_SECONDS, "handing back", lambda: _hand_back(app))
    hand_over_what_is_left(app)
    log.warning("stopped while something was waited for: what was in hand, others go on with")
    logging.shutdown()
    os._exit(0)


def _hand_back(app: Flask) -> None:
    """Where the database does not answer, this may take longer than the process has."""
    try:
        with app.app_context():
            declare_writing()
            crew.current(app).hand_back()
    except SQLAlchemyError as error:
        log.warning("what was in hand could not be given back, and is found by its lease: %s", driver_s_words(error))
