"""How long an answer asks to wait.

Source: RFC 9110, "Retry-After": a number of seconds, or a date.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# Whatever is asked for, so long after it is asked again.
LONGEST_SECONDS = 7 * 24 * 3600.0


def retry_after(value: str | None, answered_at: datetime | None = None) -> float | None:
    """The seconds that a Retry-After header asks for, a week at the most; a date is counted from `answered_at`.

    `answered_at` is when the answer was given, by the clock of who gave it: so this server's own, which may be wrong,
    does not count where it is known. None where no wait is asked for: it says nothing usable, 0, or what has passed.
    """
    if value is None:
        return None
    seconds = _number(value)
    if seconds is None:
        seconds = _until(value, answered_at or datetime.now(UTC))
    return min(seconds, LONGEST_SECONDS) if seconds > 0 else None


def http_date(value: str) -> datetime | None:
    """The moment that a header names; None where it names none."""
    try:
        moment = parsedate_to_datetime(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _number(value: str) -> float | None:
    try:
        # One that came twice is joined by a comma.
        return max(float(part) for part in value.split(","))
    except ValueError:
        return None


def _until(value: str, since: datetime) -> float:
    moment = http_date(value)
    seconds = (moment - since).total_seconds() if moment is not None else 0.0
    # A date leaves out the part of a second that had passed.
    return seconds + 1 if seconds > 0 else 0.0
