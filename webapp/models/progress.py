"""How far runs have come, counted from their parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select

from .base import DbSession
from .leases import OPEN_PARTS, PartState
from .part import SyncPart
from .problem import NOTHING_TO_DO


@dataclass(frozen=True)
class Progress:
    """A run's parts, counted: tenants by what became of them, and what the finished ones took and wrote."""

    open: int = 0
    ok: int = 0
    failed: int = 0
    requests: int = 0
    rows_written: int = 0
    cancelled: int = 0
    # What a newer version made of them.
    unknown: int = 0
    # Of those that are OK, where something that is synced could not be read.
    unread: int = 0

    @property
    def done(self) -> int:
        return self.ok + self.failed

    @classmethod
    def of(cls, session: DbSession, run_ids: Sequence[int]) -> dict[int, Progress]:
        """The progress of each of the runs, in one query."""

        def count(*states: PartState) -> ColumnElement[int]:
            return func.count(SyncPart.id).filter(SyncPart.state.in_(states))

        rows = session.execute(
            select(
                SyncPart.run_id,
                count(*OPEN_PARTS),
                count(PartState.OK),
                count(PartState.FAILED),
                func.coalesce(func.sum(SyncPart.requests), 0),
                func.coalesce(func.sum(SyncPart.rows_written), 0),
                count(PartState.CANCELLED),
                func.count(SyncPart.id).filter(SyncPart.state.not_in(tuple(PartState))),
                func.count(SyncPart.id).filter(
                    SyncPart.state == PartState.OK,
                    SyncPart.reason != "",
                    SyncPart.fix.not_like(f"{NOTHING_TO_DO}%"),
                ),
            )
            .where(SyncPart.run_id.in_(run_ids))
            .group_by(SyncPart.run_id)
        )
        counted = {run_id: cls(*(int(number) for number in numbers)) for run_id, *numbers in rows}
        return {run_id: counted.get(run_id, cls()) for run_id in run_ids}
