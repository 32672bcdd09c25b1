"""How often an integration syncs by itself, in words."""

from __future__ import annotations

from datetime import datetime

from ..models import Integration
from ..models.schedule import MANUAL_ONLY


def label(hours: int) -> str:
    if hours == MANUAL_ONLY:
        return "Manual only"
    return "Every hour" if hours == 1 else f"Every {hours} hours"


def sentence(integration: Integration, now: datetime) -> str:
    """How often it syncs by itself and when it does next, for a terminal."""
    often = label(integration.sync_every_hours)
    if integration.paused_at is not None:
        return f"{often}, paused since {_moment(integration.paused_at)}"
    next_sync_at = integration.next_sync(now)
    if next_sync_at is None:
        return often
    return f"{often}, next {_moment(next_sync_at) if next_sync_at > now else 'due now'}"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
