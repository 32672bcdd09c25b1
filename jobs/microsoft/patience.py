"""Asking again after a short wait, where that may help.

Sources: Graph, "Microsoft Graph throttling guidance": wait as long as Retry-After says; back off where it is missing.
Azure Architecture Center, "Retry Storm antipattern"; AWS Architecture Blog, "Exponential Backoff And Jitter", on why
the whole of the pause is drawn by lot ("full jitter"): who failed together does not come back together.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from webapp.metrics import events

from .errors import Expired, Throttled, TimedOut, Transient

# How often something is asked for in a row.
TRIES = 3
# The longest first pause; each further one may be twice as long.
FIRST_PAUSE_SECONDS = 1.0

# A wait that was asked for is over for certain only after the clocks of both sides have moved on.
_GRACE_SECONDS = 0.01

Found = TypeVar("Found")


@dataclass(frozen=True)
class Patience:
    """For how many seconds in all a thread itself waits: where Microsoft said how long, and where it did not.

    A longer wait is handed to the caller.
    """

    told: float
    untold: float


# A job that somebody waits for has nothing else to do.
SOMEBODY_WAITS = Patience(told=5.0, untold=5.0)
# A sync has other tenants to go on with: a wait that Microsoft asked for holds up no thread.
SYNC = Patience(told=0.0, untold=3.0)


def patiently(
    ask: Callable[[], Found], sleep: Callable[[float], None] = time.sleep, patience: Patience = SOMEBODY_WAITS
) -> Found:
    """What `ask` returns; it is called up to `TRIES` times while it raises a `Transient` error with a short wait."""
    slept = 0.0
    for attempt in range(1, TRIES):
        try:
            return ask()
        except Transient as error:
            seconds = error.seconds if isinstance(error, Throttled) else None
            wait = back_off(attempt, FIRST_PAUSE_SECONDS) if seconds is None else seconds
            longest = patience.untold if seconds is None else patience.told
            # What took long to fail is not asked for again at once.
            if isinstance(error, TimedOut) or slept + wait > longest:
                raise
            events.request_retried("throttled" if isinstance(error, Throttled) else "fault")
            slept += wait
            sleep(wait if seconds is None else wait + _GRACE_SECONDS)
    return ask()


def begun_anew(read: Callable[[], Found]) -> Found:
    """What `read` returns, which reads a list from its beginning; it does so once more where a page of it expired."""
    try:
        return read()
    except Expired:
        return read()


def back_off(attempt: int, first: float, longest: float = math.inf) -> float:
    """A pause, by lot, after the attempt (counted from 1) that failed: up to `first` seconds, then twice that, ...

    It is never longer than `longest`.
    """
    most = min(longest, first * 2.0 ** min(attempt - 1, 100))
    return random.uniform(0, most)  # noqa: S311
