"""Moments that a clock which was wrong has written, told from those that hold.

A clock that was ahead, and was set right since, leaves moments in the future. To wait until they come could take hours
or years. What no right clock can have written is therefore not believed. Clocks of several machines may differ by as
much as a lease, or a silence, is long.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_

# Nobody is made to wait longer than this because Microsoft asked for it.
LONGEST_WAIT = timedelta(days=7)
# What clocks of several machines may differ by.
_DIFFERENCE = timedelta(minutes=5)


def waits(not_before: datetime | None, now: datetime) -> bool:
    """Whether what Microsoft asked for, to wait until that moment, still holds."""
    return not_before is not None and now < not_before <= now + LONGEST_WAIT + _DIFFERENCE


def ends_before(not_before: Any, until: datetime, now: datetime) -> Any:
    """The condition that a stored wait, if there is one, ends before `until`, or is not believed."""
    return or_(not_before.is_(None), not_before < until, not_before > now + LONGEST_WAIT + _DIFFERENCE)


def latest_end(now: datetime, length: timedelta) -> datetime:
    """No right clock has written, for a time of that length, an end later than this."""
    return now + 2 * length


def is_over(ends_at: Any, now: Any, latest: Any) -> Any:
    """The condition that a time is over, whose end was written when it began, and is at `latest` at the latest."""
    return or_(ends_at <= now, ends_at > latest)


def is_silent(heard_at: Any, now: datetime, silence: timedelta) -> Any:
    """The condition that nothing was heard for so long."""
    return is_over(heard_at, now - silence, latest_end(now - silence, silence))
