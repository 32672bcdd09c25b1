"""Handing over, every few seconds and at its end, what a process counted."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from redis.exceptions import RedisError

from ..background import for_at_most, in_background
from .counting import counts
from .store import hand_over

log = logging.getLogger(__name__)

FLUSH_SECONDS = 5.0
# Who ends in the midst of it all has so long to hand over what is left.
LAST_SECONDS = 1.0


@contextmanager
def handing_over(app: Flask) -> Iterator[None]:
    """While this lasts, what the process counts is handed over; what is left, at its end."""
    with in_background("metrics", lambda ended: _flush(app, ended)):
        yield


def hand_over_what_is_left(app: Flask) -> None:
    """The same at the end of a process that ends while `handing_over` lasts; a Redis that gives no answer holds up no
    end.
    """

    def hand_it_over() -> None:
        with app.app_context():
            _hand_over()

    for_at_most(LAST_SECONDS, "last metrics", hand_it_over)


def _flush(app: Flask, ended: threading.Event) -> None:
    was_away = False
    is_last = False
    while not is_last:
        is_last = ended.wait(FLUSH_SECONDS)
        with app.app_context():
            problem = _hand_over()
        if problem and not was_away:
            log.warning("Redis does not answer, so what is counted is kept: %s", problem)
        elif was_away and not problem:
            log.info("Redis answers again")
        was_away = bool(problem)


def _hand_over() -> str:
    """What Redis, or its connection, says against it; empty where that is nothing.

    Whatever else breaks, the process goes on counting and working.
    """
    try:
        hand_over(counts)
    except RedisError as error:
        return str(error) or type(error).__name__
    except Exception:
        log.exception("What was counted could not be handed over")
    return ""
