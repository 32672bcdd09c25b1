"""How far a clock elsewhere is from the one here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from .finding import Finding, doubtful, ill, well

# Leases and schedules live with seconds; tokens are refused from about five minutes on.
_NOTICED = timedelta(seconds=10)
_HARMFUL = timedelta(minutes=4)


def compare_clocks(part: str, whose: str, there: datetime) -> Finding:
    """What to say of the clock here, given the moment that another one tells now."""
    off = abs(datetime.now(UTC) - there)
    text = f"The clock here is {off.total_seconds():,.0f} s away from {whose}."
    fix = "Set the clocks of all machines by NTP: runs, leases and sign-ins go by them."
    if off >= _HARMFUL:
        return ill(part, text, fix)
    if off >= _NOTICED:
        return doubtful(part, text, fix)
    return well(part, f"The clock here agrees with {whose}.")
