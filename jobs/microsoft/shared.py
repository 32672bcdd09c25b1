"""What workers share through Redis, as far as it is there: nothing of it is needed for a right answer.

Each question is one round trip. Where Redis does not answer, it is left alone for some seconds, so that tenants are not
held up by it one after another, and whoever asked does without.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

log = logging.getLogger(__name__)

# For so long it is not asked again after it gave no answer.
AWAY_SECONDS = 5.0

# So often at the most it is told that it answers with an error.
_QUIET_SECONDS = 60.0

Found = TypeVar("Found")

_away_until: dict[str, float] = {}
_quiet_until: dict[str, float] = {}


@lru_cache
def client(url: str) -> Redis:
    """The connections of this process, which all its threads use."""
    # One more try makes up for a connection that a Redis before a restart had left behind.
    return Redis.from_url(url, socket_connect_timeout=1, socket_timeout=2, retry=Retry(NoBackoff(), 1))


def ask(url: str, question: Callable[[Redis], Found]) -> Found | None:
    """What the question finds at this Redis; None where it does not answer or answers with an error."""
    if time.monotonic() < _away_until.get(url, 0.0):
        return None
    try:
        return question(client(url))
    except ResponseError as error:
        # It is there, and the next question may be another matter; but where it is full, each gets the same answer.
        if time.monotonic() >= _quiet_until.get(url, 0.0):
            _quiet_until[url] = time.monotonic() + _QUIET_SECONDS
            reason = str(error).partition(",")[0]
            log.warning("Redis answers with an error, so what workers share is not used: %s", reason)
    except RedisError as error:
        _away_until[url] = time.monotonic() + AWAY_SECONDS
        log.warning("Redis does not answer, so workers share neither tokens nor waits: %s", type(error).__name__)
    return None
