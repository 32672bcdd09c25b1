"""How long an answer asks to wait.

Source: RFC 9110, "Retry-After": a number of seconds, or a date.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# Whatever is asked for, so long after it is asked again.
LONGEST_SECONDS = 7 * 24 * 3600.0
_BETWEEN = re.compile(r",(?!\s*\d{1,2}[ -][A-Za-z])")


def retry_after(value: str | None, answered_at: datetime | None = None) -> float | None:
    """The seconds that a Retry-After header asks for, a week at the most; a date is counted from `answered_at`.

    `answered_at` is when the answer was given, by the clock of who gave it: so this server's own, which may be wrong,
    does not count where it is known. None where no wait is asked for: it says nothing usable, 0, or what has passed.
    """
    if value is None:
        return None
    # One that came several times is joined by commas, as the day of the week is to its date.
    asked = (_seconds(one, answered_at or datetime.now(UTC)) for one in _BETWEEN.split(value))
    longest = max((seconds for seconds in asked if seconds > 0), default=None)
    return None if longest is None else min(longest, LONGEST_SECONDS)


def http_date(value: str) -> datetime | None:
    """The moment that a header names; None where it names none."""
    try:
        moment = parsedate_to_datetime(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _seconds(value: str, since: datetime) -> float:
    try:
        return float(value)
    except ValueError:
        return _until(value, since)


def _until(value: str, since: datetime) -> float:
    moment = http_date(value)
    seconds = (moment - since).total_seconds() if moment is not None else 0.0
    # A date leaves out the part of a second that had passed.
    return seconds + 1 if seconds > 0 else 0.0
