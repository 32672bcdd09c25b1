"""The integrations whose time to sync has come, and the runs that begin for them.

However many processes look at once, each slot begins one run: the integration's next sync is moved on in the same
transaction, and only by who still finds it where it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, Select, and_, exists, or_, select, update

from . import schedule
from .base import DbSession
from .integration import Integration
from .run import SyncRun, Trigger
from .tenant import Tenant


@dataclass(frozen=True)
class Begun:
    """How many integrations were looked at, and the ids of the runs that began for some of them."""

    looked_at: int
    run_ids: list[int]


def begin_due(session: DbSession, now: datetime, limit: int) -> Begun:
    """Begin a run for each integration whose slot has come, the first `limit` of them. Commit, then enqueue the runs.

    A slot passes unused where there is no tenant to sync, or nothing is chosen, or where a run is active already.
    """
    due = session.execute(_due(now, limit)).all()
    # Everybody takes them in the same order, so that no two wait for each other.
    begun = [_begin(session, row, now) for row in sorted(due, key=lambda row: row.id)]
    return Begun(len(due), [run_id for run_id in begun if run_id is not None])


def _due(now: datetime, limit: int) -> Select[int, int, datetime | None, bool]:
    column, every = Integration.next_sync_at, Integration.sync_every_hours
    astray = [and_(every == hours, column > schedule.latest(hours, now)) for hours in schedule.EVERY_HOURS]
    has_tenants = exists().where(Tenant.integration_id == Integration.id, Tenant.is_synced())
    return (
        select(Integration.id, every, column, and_(Integration.syncs_something, has_tenants).label("has_work"))
        .where(Integration.syncs_by_itself, or_(column.is_(None), column <= now, *astray))
        .order_by(column, Integration.id)
        .limit(limit)
    )


def _begin(session: DbSession, row: Row[int, int, datetime | None, bool], now: datetime) -> int | None:
    """Move the integration on to its next slot. Returns the id of the run that began, where one did."""
    step = schedule.step(row.id, row.sync_every_hours, row.next_sync_at, now)
    if step is None:
        return None
    unmoved = (
        Integration.next_sync_at.is_(None) if row.next_sync_at is None else Integration.next_sync_at == row.next_sync_at
    )
    moved = session.execute(
        update(Integration)
        .where(
            Integration.id == row.id,
            Integration.syncs_by_itself,
            Integration.sync_every_hours == row.sync_every_hours,
            unmoved,
        )
        .values(next_sync_at=step.next_sync_at)
        .returning(Integration.id)
    )
    if moved.scalar() is None or not (step.starts and row.has_work):
        return None
    run, is_new = SyncRun.begin(session, row.id, Trigger.SCHEDULE)
    return run.id if is_new else None
