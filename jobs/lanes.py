"""Which queue a run's jobs wait in: what was started by hand goes ahead of what was scheduled."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select

from webapp.extensions import db
from webapp.models import SyncRun, Trigger

from . import queue


def lane_of(run_id: int) -> str:
    """The queue of this run. It ends the transaction, as below."""
    return lanes([run_id])[run_id]


def lanes(run_ids: Collection[int]) -> dict[int, str]:
    """The queue of each of these runs. Call it between transactions: it ends its own, before Redis is asked."""
    scheduled = select(SyncRun.id).where(SyncRun.id.in_(run_ids), SyncRun.trigger == Trigger.SCHEDULE)
    found = dict.fromkeys(run_ids, queue.SYNC) | dict.fromkeys(db.session.scalars(scheduled), queue.SCHEDULED)
    db.session.rollback()
    return found
