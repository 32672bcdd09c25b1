"""How long something took, in words."""

from __future__ import annotations

from datetime import datetime

from ..models import utc_now


def duration(started_at: datetime | None, finished_at: datetime | None) -> str:
    """How long it took, or takes by now; empty where it has not started."""
    if started_at is None:
        return ""
    seconds = round(((finished_at or utc_now()) - started_at).total_seconds())
    minutes, seconds = divmod(max(0, seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
