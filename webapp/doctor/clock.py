"""How far two clocks are from each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from .finding import Finding, doubtful, ill, well

# Nobody minds some seconds; tokens are refused from about five minutes on.
_NOTICED = timedelta(seconds=10)
_HARMFUL = timedelta(minutes=4)


def compare_clocks(part: str, whose: str, there: datetime) -> Finding:
    """What to say of the clock here, given the moment that another one tells now."""
    off = datetime.now(UTC) - there
    if is_off(off):
        return wrong_clock(part, f"The clock here is {how_far(off, whose)}.", off)
    return well(part, f"The clock here agrees with {whose}.")


def is_off(off: timedelta) -> bool:
    return abs(off) >= _NOTICED


def how_far(off: timedelta, whose: str) -> str:
    """In words: a clock that is so much later than that of another, or earlier, below 0."""
    return f"{abs(off).total_seconds():,.0f} s {'ahead of' if off > timedelta() else 'behind'} {whose}"


def wrong_clock(part: str, text: str, off: timedelta) -> Finding:
    """What a clock that is off by so much is worth."""
    fix = "Set the clocks of all machines by NTP: runs, sign-ins and the times that pages show go by them."
    return ill(part, text, fix) if abs(off) >= _HARMFUL else doubtful(part, text, fix)
