"""Cancelling a run and trying again what failed in one, for the pages and the commands."""

from __future__ import annotations

import logging
from contextlib import suppress

from jobs import queue

from .. import audit
from ..extensions import db
from ..metrics import events
from ..models import AuditArea, RunState, SyncRun, Trigger, utc_now

log = logging.getLogger(__name__)


class NothingToRetry(Exception):
    """No run can repeat this one. The message says why."""


def cancel(run_id: int, who: str) -> bool:
    """End the run now. Returns False where it had ended already; then it stays as it is."""
    cancelled = SyncRun.cancel(db.session, run_id, utc_now(), who)
    if cancelled:
        integration = db.session.get_one(SyncRun, run_id).integration
        audit.record(AuditArea.INTEGRATIONS, f"Cancelled the sync {run_id} of {integration.name}")
    db.session.commit()
    if cancelled:
        tell_cancelled(run_id)
    return cancelled


def tell_cancelled(run_id: int) -> None:
    """Say in the log, and count, that a run was cancelled, after the commit."""
    events.run_ended(RunState.CANCELLED)
    log.info("The sync was cancelled", extra={"run": run_id})


def retry(run_id: int, trigger: Trigger, started_by_id: int | None = None) -> tuple[int, bool]:
    """Sync again the tenants that failed in a run. Returns the id of the run that does, and whether it is new.

    Where another run of the integration is active, it is that one. Raises `NothingToRetry`, and `IntegrationRemoved`.
    Where the queue cannot be reached, the run stays queued and a later sweep finds it.
    """
    repeated = db.session.get_one(SyncRun, run_id)
    if not repeated.may_be_repeated:
        db.session.rollback()
        raise NothingToRetry("Only a sync that failed, wholly or partly, can be tried again.")
    found = SyncRun.retry(db.session, run_id, trigger, started_by_id)
    if found is None:
        db.session.rollback()
        raise NothingToRetry(
            "No tenant that failed in this sync is matched to an organization any more, so nothing can be tried again."
        )
    run, is_new = found
    retried_id, waits = run.id, run.state == RunState.QUEUED
    db.session.commit()
    if waits:
        with suppress(queue.QueueUnavailable):
            queue.sync(retried_id)
    return retried_id, is_new
