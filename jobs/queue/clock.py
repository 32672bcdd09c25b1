"""The clock of Redis, which is the same for all machines, and how far this machine's is from it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from .redis_server import redis_now


@dataclass
class _Compared:
    """By how many seconds this machine's clock was ahead of Redis' the last time."""

    ahead: float = 0.0


_last = _Compared()


def compare() -> tuple[float, float]:
    """The moment by Redis' clock, and by how many seconds this machine's is ahead of it, or behind it, below 0.

    By so many at the least: how long Redis took to answer is no fault of the clock. `shared_now` goes by it from now
    on. Raises the errors of redis-py.
    """
    before = time.time()
    now = redis_now()
    after = time.time()
    _last.ahead = max(before - now, 0.0) + min(after - now, 0.0)
    return now, _last.ahead


def shared_now() -> datetime:
    """The moment by the clock that all workers share, as far as this one knows it; before it does, by its own.

    By this are written, and judged, all ends and silences of what one worker has in hand and another might take.
    """
    return datetime.fromtimestamp(time.time() - _last.ahead, UTC)
