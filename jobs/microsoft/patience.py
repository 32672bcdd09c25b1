"""Asking again after a short wait, where that may help.

Source: Graph, "Microsoft Graph throttling guidance": wait as long as Retry-After says; back off where it is missing.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from typing import TypeVar

from .errors import Throttled, TimedOut, Transient

# A short wait is waited out here; a longer one is handed to the caller, who has other tenants to go on with.
LONGEST_WAIT_SECONDS = 5.0
TRIES = 3

Found = TypeVar("Found")


def patiently(ask: Callable[[], Found], sleep: Callable[[float], None] = time.sleep) -> Found:
    """What `ask` returns; it is called up to `TRIES` times while it raises a `Transient` error with a short wait."""
    for attempt in range(1, TRIES):
        try:
            return ask()
        except Transient as error:
            wait = wait_before_retry(error, attempt)
            if wait > LONGEST_WAIT_SECONDS:
                raise
            sleep(wait)
    return ask()


def wait_before_retry(error: Transient, attempt: int) -> float:
    """How many seconds to wait after the attempt (counted from 1) that ended with this error."""
    if isinstance(error, Throttled) and error.seconds is not None:
        return error.seconds
    if isinstance(error, TimedOut):
        return math.inf
    # Jitter, so that many who failed together do not come back together; half of it is waited in any case.
    return float(2**attempt) * random.uniform(0.5, 1)  # noqa: S311
