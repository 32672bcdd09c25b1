"""Handing over, every few seconds and at its end, what a process counted."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from ..background import in_background
from .counting import counts
from .store import hand_over

log = logging.getLogger(__name__)

FLUSH_SECONDS = 5.0


@contextmanager
def handing_over(app: Flask) -> Iterator[None]:
    """While this lasts, what the process counts is handed over; what is left, at its end."""
    with in_background("metrics", lambda ended: _flush(app, ended)):
        yield


def _flush(app: Flask, ended: threading.Event) -> None:
    was_away = False
    is_last = False
    while not is_last:
        is_last = ended.wait(FLUSH_SECONDS)
        with app.app_context():
            is_away = not _hand_over()
        if is_away and not was_away:
            log.warning("Redis does not answer: what is counted is kept")
        elif was_away and not is_away:
            log.info("Redis answers again")
        was_away = is_away


def _hand_over() -> bool:
    """Whatever breaks, the process goes on counting and working."""
    try:
        return hand_over(counts)
    except Exception:
        log.exception("What was counted could not be handed over")
        return True
