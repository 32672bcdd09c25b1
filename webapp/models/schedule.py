"""When an integration syncs by itself: the rule alone, which is told the time and stores nothing.

Each integration has slots, as far apart as its interval is long. They are counted from 1970 in UTC, so that no change
of clocks in spring or autumn moves them, and each integration's lie at an offset of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MANUAL_ONLY = 0
EVERY_HOURS = (1, 2, 4, 8, 12, 24)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The fractions of the golden ratio and of the square root of 2, in 32 bits. Their multiples fill a circle evenly
# however many there are: each new one falls into one of the widest gaps (Knuth, TAOCP 3, 6.4).
_GOLDEN_RATIO = 0x9E3779B1
_ROOT_OF_2 = 0x6A09E667


@dataclass(frozen=True)
class Step:
    """What to do about an integration now: whether its slot has come, and when to look at it again."""

    starts: bool
    next_sync_at: datetime


def offset(integration_id: int, every_hours: int) -> timedelta:
    """Where in its interval an integration's slots lie. Its place within the hour is the same in every interval."""
    hours = _spread(integration_id, _ROOT_OF_2, every_hours)
    return timedelta(hours=hours, seconds=_spread(integration_id, _GOLDEN_RATIO, 3600))


def next_slot(integration_id: int, every_hours: int, after: datetime) -> datetime:
    """The integration's first slot after that moment."""
    first, interval = _EPOCH + offset(integration_id, every_hours), timedelta(hours=every_hours)
    return first + ((after - first) // interval + 1) * interval


def step(integration_id: int, every_hours: int, next_sync_at: datetime | None, now: datetime) -> Step | None:
    """What to do about an integration that was to sync at `next_sync_at`; None where there is nothing to do yet.

    However many slots were missed, one sync makes up for them, and a slot that comes close behind it is left out.
    """
    if next_sync_at is None:
        return Step(False, next_slot(integration_id, every_hours, now))
    if next_sync_at <= now:
        return Step(True, next_slot(integration_id, every_hours, now + _close(every_hours)))
    if next_sync_at > latest(every_hours, now):
        # The clock was set back: waiting until it gets there again could take for ever, and the slots that come by
        # again were used already.
        return Step(False, now + timedelta(hours=every_hours))
    return None


def latest(every_hours: int, now: datetime) -> datetime:
    """No next sync that was planned by a right clock lies later than this."""
    return now + timedelta(hours=every_hours) + _close(every_hours)


def _close(every_hours: int) -> timedelta:
    return timedelta(hours=every_hours) / 4


def _spread(number: int, stride: int, places: int) -> int:
    return (number * stride % 2**32 * places) >> 32
