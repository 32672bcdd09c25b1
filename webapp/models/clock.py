"""Moments that a clock which was wrong has written, told from those that hold.

A clock that was ahead, and was set right since, leaves moments in the future. To wait until they come could take hours
or years. What no right clock can have written is therefore not believed. Clocks of several machines may differ by as
much as a lease, or a silence, is long.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_

# Nobody is made to wait longer than this because Microsoft asked for it.
LONGEST_WAIT = timedelta(days=7)
# What clocks of several machines may differ by.
_DIFFERENCE = timedelta(minutes=5)


def waits(not_before: datetime | None, told_at: datetime | None, now: datetime) -> bool:
    """Whether what Microsoft asked for, at `told_at`, to wait until that moment, still holds.

    Where nobody noted when it was told, the wait alone has to do.
    """
    if told_at is not None and is_ahead(told_at, now):
        return False
    return not_before is not None and now < not_before <= now + LONGEST_WAIT + _DIFFERENCE


def ends_before(not_before: Any, told_at: Any, until: datetime, now: datetime) -> Any:
    """The condition that a stored wait, if there is one, ends before `until`, or is not believed."""
    is_believed = and_(not_before <= now + LONGEST_WAIT + _DIFFERENCE, or_(told_at.is_(None), ~is_ahead(told_at, now)))
    return or_(not_before.is_(None), not_before < until, ~is_believed)


def is_ahead(moment: Any, now: Any) -> Any:
    """Whether the moment, which has come already, was written by a clock that is ahead; or the condition."""
    return moment > now + _DIFFERENCE


def holds(expires_at: Any, now: datetime, life: timedelta) -> Any:
    """The condition that what is good for so long from when it was made is good now."""
    return and_(expires_at > now, expires_at <= now + life + _DIFFERENCE)


def latest_end(now: datetime, length: timedelta) -> datetime:
    """No right clock has written, for a time of that length, an end later than this."""
    return now + 2 * length


def is_over(ends_at: Any, now: Any, latest: Any) -> Any:
    """The condition that a time is over, whose end was written when it began, and is at `latest` at the latest."""
    return or_(ends_at <= now, ends_at > latest)


def is_silent(heard_at: Any, now: datetime, silence: timedelta) -> Any:
    """The condition that nothing was heard for so long."""
    return is_over(heard_at, now - silence, latest_end(now - silence, silence))
