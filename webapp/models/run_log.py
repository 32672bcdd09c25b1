"""The logs of runs that ended long ago: what is kept, and how the rest is deleted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import aliased

from .base import DbSession
from .part import SyncPart
from .run import ACTIVE_STATES, SyncRun

# Rows that one transaction deletes: few enough that nobody waits long to write.
BATCH = 1000


def oldest_expired(session: DbSession, before: datetime) -> int | None:
    """The id of the oldest run that ended before that moment and is of no use any more.

    The latest run of an integration is kept however old it is, and so is one that is active.
    """
    later, parts = aliased(SyncRun), select(SyncRun.id)
    is_not_latest = select(later.id).where(later.integration_id == SyncRun.integration_id, later.id > SyncRun.id)
    expired = parts.where(SyncRun.finished_at < before, SyncRun.state.not_in(ACTIVE_STATES), is_not_latest.exists())
    return session.scalar(expired.order_by(SyncRun.id).limit(1))


def delete_some(session: DbSession, run_id: int) -> bool:
    """Delete some of the run's parts in the transaction that is open, or the run, the last of it.

    Returns whether something is left.
    """
    some = select(SyncPart.id).where(SyncPart.run_id == run_id).limit(BATCH)
    deleted = session.execute(delete(SyncPart).where(SyncPart.id.in_(some)).returning(SyncPart.id)).all()
    if len(deleted) == BATCH:
        return True
    session.execute(delete(SyncRun).where(SyncRun.id == run_id))
    return False
