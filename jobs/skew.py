"""A worker, or the schedule, beside a database of another version: it says so, and does nothing with it."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from webapp.background import in_background
from webapp.database import reason_of
from webapp.schema_version import Fit, Found, look
from webapp.text import at_the_end

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
# A program that is too old ends after so long, and its supervisor starts the one that is installed then.
PAUSE_SECONDS = 10.0

_NOBODY = threading.Event()


@dataclass
class _Last:
    is_away: bool = False


_last = _Last()


class TooOld(SystemExit):
    """This program is older than the database, and ends."""

    def __init__(self) -> None:
        super().__init__(1)


def wait_until_it_fits(app: Flask, stopping: threading.Event = _NOBODY) -> None:
    """Return once the database is of this version, or `stopping` is set. Raises `TooOld` where it is of a newer one."""
    said = ""
    while not stopping.is_set():
        found, problem = _look(app)
        if found is not None and found.fit is Fit.SAME:
            if said:
                log.info("The database is of this version now: work begins")
            return
        if problem != said:
            log.warning("%s Until then nothing is done.", problem)
            said = problem
        if found is not None and found.fit is Fit.NEWER:
            stopping.wait(PAUSE_SECONDS)
            raise TooOld
        stopping.wait(LOOK_SECONDS)


def wait_until_it_answers(app: Flask, stopping: threading.Event) -> None:
    """Return once the database answers, of whatever version, or `stopping` is set."""
    was_away = False
    while not stopping.is_set():
        found, problem = _look(app)
        if found is not None:
            if was_away:
                log.info("The database answers: work goes on")
            return
        if not was_away:
            log.warning("%s Until then no job is taken.", problem)
            was_away = True
        stopping.wait(LOOK_SECONDS)


@contextmanager
def watched(app: Flask) -> Iterator[None]:
    """While this lasts, look every few seconds; tell this process to stop, as by SIGTERM, where it no longer fits."""
    # A look may wait for a database that does not answer, and has nothing to end.
    with in_background("schema version", lambda ended: _watch(app, ended, _stop), ends_within=1.0):
        yield


def _watch(app: Flask, ended: threading.Event, stop: Callable[[], None]) -> None:
    while not ended.wait(LOOK_SECONDS):
        found, problem = _look(app)
        if found is not None and found.fit is not Fit.SAME:
            log.warning("%s What is in hand is ended or handed back, and nothing more is begun.", problem)
            stop()
            return


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def is_database_away() -> bool:
    """Whether the database did not answer this process when it looked last; a worker looks every few seconds."""
    return _last.is_away


def _look(app: Flask) -> tuple[Found | None, str]:
    """What was found, and what is wrong in words; nothing was found where the database does not answer."""
    with app.app_context():
        try:
            found, _last.is_away = look(), False
        except SQLAlchemyError as error:
            _last.is_away = True
            advice = "Check that it is running and that DATABASE_URL is right."
            return None, f"The database does not answer: {at_the_end(reason_of(error))} {advice}"
    return found, found.problem
