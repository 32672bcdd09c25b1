"""Pausing and resuming an integration's automatic sync. The pages and the commands share it."""

from __future__ import annotations

from .. import audit
from ..models import AuditArea, Integration, utc_now


def pause(integration: Integration) -> None:
    """Let it not sync by itself until it is resumed; the caller commits. A run that is under way goes on."""
    if integration.paused_at is None:
        integration.pause(utc_now())
        audit.record(AuditArea.SETTINGS, f"Paused the automatic sync of {integration.name}")


def resume(integration: Integration) -> None:
    """Let it sync by itself again; the caller commits."""
    if integration.paused_at is not None:
        integration.resume(utc_now())
        audit.record(AuditArea.SETTINGS, f"Resumed the automatic sync of {integration.name}")
