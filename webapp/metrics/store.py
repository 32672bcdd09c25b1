"""Where all processes add up what they counted: one hash in Redis, which any web process reads to answer for all.

Redis may be emptied at any time. The counters then begin again, which Prometheus knows from processes that restart.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping

from redis.exceptions import RedisError, ResponseError

from jobs import queue

from .counting import Counts, Field

log = logging.getLogger(__name__)

# Another version of what a field means has another number.
KEY = "seatledger:metrics:1"


def hand_over(counts: Counts) -> None:
    """Add what was counted to that of all processes. Raises Redis' error where it is away: then it stays counted here.

    Where the connection breaks before Redis could confirm, it may be added twice; that is rare, and a figure to watch
    is not an account.
    """
    taken = counts.take()
    if not taken:
        return
    try:
        with queue.connection().pipeline(transaction=True) as pipeline:
            for field, number in taken.items():
                pipeline.hincrbyfloat(KEY, json.dumps(field), number)
            answers = pipeline.execute(raise_on_error=False)
    except RedisError:
        counts.give_back(taken)
        raise
    for field, answer in zip(taken, answers, strict=True):
        if isinstance(answer, ResponseError):
            log.warning("%s could not be added up: what Redis holds of it is no number", "/".join(field))


def read() -> dict[Field, float]:
    """What all processes counted. Raises `QueueUnavailable`. What is no number of ours is left out."""
    try:
        stored: Mapping[bytes, bytes] = queue.connection().hgetall(KEY)  # type: ignore[assignment]
    except ResponseError:
        return {}
    except RedisError as error:
        raise queue.QueueUnavailable from error
    found: dict[Field, float] = {}
    for name, text in stored.items():
        try:
            field, number = tuple(json.loads(name)), float(text)
        except (ValueError, TypeError):
            continue
        if math.isfinite(number) and all(isinstance(part, str) for part in field):
            found[field] = number
    return found
