"""Removing an integration. The page and the command share it."""

from __future__ import annotations

from contextlib import suppress

from jobs import queue

from .. import audit
from ..extensions import db
from ..models import AuditArea, Integration, Removal, removal, utc_now
from ..models.removal import Concerned
from ..text import one_line
from . import running


class NotConfirmed(Exception):
    """The name that was typed is not the integration's. The message says so."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Type the integration's name, {name}, to confirm that this is the one to remove.")


def concerned(integration_id: int) -> Concerned:
    """What removing the integration would keep or delete."""
    return Concerned.by(db.session, integration_id)


def remove(integration_id: int, what: Removal, typed_name: str) -> Concerned:
    """Remove the integration, or begin to. Returns what is kept, or what a job deletes from now on.

    Raises `NotConfirmed`, or `IntegrationRemoved` where somebody was first; nothing is changed then. Where the queue
    cannot be reached, the sweep finds the work later.
    """
    name = Integration.live(db.session, integration_id).name
    if one_line(typed_name) != name:
        raise NotConfirmed(name)
    affected = removal.begin(db.session, integration_id, what, utc_now())
    becomes = "kept its data" if what == Removal.KEEP else "deletes its data"
    audit.record(
        AuditArea.INTEGRATIONS,
        f"Removed the integration {name} and {becomes}",
        licenses=affected.licenses,
        tenants=affected.tenants,
    )
    db.session.commit()
    if affected.cancelled_run_id is not None:
        running.tell_cancelled(affected.cancelled_run_id)
    if what == Removal.DELETE:
        with suppress(queue.QueueUnavailable):
            queue.remove(integration_id)
    return affected
