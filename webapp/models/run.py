"""Sync runs: a run is *queued*, then *syncing*, then ends *ok*, *partial*, *failed* or *cancelled*."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, ForeignKey, Index, Text, func, insert, literal, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .base import DbSession, Model, Named, UtcDateTime, primary_key, utc_now
from .integration import Integration, Tenant
from .part import OPEN_PARTS, PartState, SyncPart
from .problem import NOTHING_CHOSEN, NOTHING_MATCHED, Problem

# A run of which nothing was heard for so long has lost its jobs.
SILENCE = timedelta(seconds=30)

_TRIES_TO_BEGIN = 5


class Trigger(StrEnum):
    MANUAL = "manual"
    COMMAND = "command"
    SCHEDULE = "schedule"


class RunState(StrEnum):
    QUEUED = "queued"
    SYNCING = "syncing"
    OK = "ok"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_active(self) -> bool:
        return self in ACTIVE_STATES


ACTIVE_STATES = (RunState.QUEUED, RunState.SYNCING)


@dataclass(frozen=True)
class Progress:
    """A run's parts, counted: tenants that are open, ok and failed, and what the finished ones took and wrote."""

    open: int = 0
    ok: int = 0
    failed: int = 0
    requests: int = 0
    rows_written: int = 0

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
                count(PartState.FAILED, PartState.CANCELLED),
                func.coalesce(func.sum(SyncPart.requests), 0),
                func.coalesce(func.sum(SyncPart.rows_written), 0),
            )
            .where(SyncPart.run_id.in_(run_ids))
            .group_by(SyncPart.run_id)
        )
        counted = {run_id: cls(*(int(number) for number in numbers)) for run_id, *numbers in rows}
        return {run_id: counted.get(run_id, cls()) for run_id in run_ids}


class SyncRun(Model):
    """One pass of an integration over its matched tenants. An integration has one active run at the most."""

    __tablename__ = "sync_run"
    __table_args__ = (
        Index("ix_sync_run_integration_id", "integration_id", "id"),
        Index(
            "uq_sync_run_active",
            "integration_id",
            unique=True,
            sqlite_where=text("state IN ('queued', 'syncing')"),
            postgresql_where=text("state IN ('queued', 'syncing')"),
        ),
    )

    id: Mapped[primary_key]
    integration_id: Mapped[int] = mapped_column(ForeignKey("integration.id", ondelete="CASCADE"))
    started_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id", ondelete="SET NULL"))
    trigger: Mapped[Trigger] = mapped_column(Named(Trigger))
    state: Mapped[RunState] = mapped_column(Named(RunState), default=RunState.QUEUED)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # When a job last showed that this run is being worked on, or was put in the queue.
    heard_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    tenants_total: Mapped[int] = mapped_column(default=0)
    # These four are counted when the run ends; until then `Progress` counts them.
    tenants_ok: Mapped[int] = mapped_column(default=0)
    tenants_failed: Mapped[int] = mapped_column(default=0)
    requests: Mapped[int] = mapped_column(default=0)
    rows_written: Mapped[int] = mapped_column(default=0)
    code: Mapped[str] = mapped_column(Text, default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    fix: Mapped[str] = mapped_column(Text, default="")
    request_id: Mapped[str] = mapped_column(Text, default="")

    integration: Mapped[Integration] = relationship()

    @classmethod
    def begin(
        cls, session: DbSession, integration_id: int, trigger: Trigger, started_by_id: int | None = None
    ) -> tuple[SyncRun, bool]:
        """Record a run, or find the one that is active already. Returns it and whether it is new.

        The unique index over active runs decides between two who begin at the same moment.
        """
        tries = 0
        while (active := cls.active(session, integration_id)) is None:
            run = cls(integration_id=integration_id, trigger=trigger, started_by_id=started_by_id)
            try:
                with session.begin_nested():
                    session.add(run)
            except IntegrityError:
                # Somebody else's run was first: it is found next, unless it has ended already. Where the integration
                # or the user was deleted meanwhile, no try succeeds.
                tries += 1
                if tries == _TRIES_TO_BEGIN:
                    raise
            else:
                return run, True
        return active, False

    @classmethod
    def active(cls, session: DbSession, integration_id: int) -> SyncRun | None:
        return session.scalar(select(cls).where(cls.integration_id == integration_id, cls.state.in_(ACTIVE_STATES)))

    @classmethod
    def plan(cls, session: DbSession, run_id: int, now: datetime) -> list[int]:
        """Give a queued run one part for each matched tenant; return the ids of the parts that are due.

        A run that was planned before keeps its parts, so planning twice is planning once. A run with nothing to do
        ends here and says why.
        """
        run = cls._locked(session, run_id)
        if run is None or not run.state.is_active:
            return []
        run.heard_at = now
        if run.state == RunState.QUEUED:
            run._plan(session, now)
        return SyncPart.due(session, run_id, now) if run.state.is_active else []

    @classmethod
    def finish_if_done(cls, session: DbSession, run_id: int, now: datetime) -> bool:
        """End the run when none of its parts is open any more. Returns whether this call ended it."""
        run = cls._locked(session, run_id)
        if run is None or run.state != RunState.SYNCING:
            return False
        progress = Progress.of(session, [run_id])[run_id]
        if progress.open:
            return False
        run.tenants_ok, run.tenants_failed = progress.ok, progress.failed
        run.requests, run.rows_written = progress.requests, progress.rows_written
        if not progress.failed:
            run._end(RunState.OK, now, None)
        else:
            run._end(RunState.PARTIAL if progress.ok else RunState.FAILED, now, run._first_problem(session))
        return True

    @classmethod
    def hear(cls, session: DbSession, run_id: int, now: datetime) -> None:
        """Note that the run is being worked on."""
        session.execute(update(cls).where(cls.id == run_id).values(heard_at=now))

    @classmethod
    def silent(cls, session: DbSession, now: datetime) -> list[int]:
        """The active runs of which nothing was heard for `SILENCE`: their jobs are lost, or wait for their time."""
        silent = select(cls.id).where(cls.state.in_(ACTIVE_STATES), cls.heard_at < now - SILENCE)
        return list(session.scalars(silent.order_by(cls.id)))

    @classmethod
    def _locked(cls, session: DbSession, run_id: int) -> SyncRun | None:
        query = select(cls).where(cls.id == run_id).with_for_update()
        return session.scalar(query.execution_options(populate_existing=True))

    def _plan(self, session: DbSession, now: datetime) -> None:
        self.started_at, self.state = now, RunState.SYNCING
        if not self.integration.sync_licenses:
            self._end(RunState.FAILED, now, NOTHING_CHOSEN)
            return
        matched = select(literal(self.id), Tenant.id).where(
            Tenant.integration_id == self.integration_id, Tenant.organization_id.is_not(None)
        )
        session.execute(insert(SyncPart).from_select(["run_id", "tenant_id"], matched, include_defaults=True))
        parts = select(func.count()).select_from(SyncPart).where(SyncPart.run_id == self.id)
        self.tenants_total = session.scalars(parts).one()
        if not self.tenants_total:
            self._end(RunState.FAILED, now, NOTHING_MATCHED)

    def _first_problem(self, session: DbSession) -> Problem:
        ended = (PartState.FAILED, PartState.CANCELLED)
        failed = select(SyncPart).where(SyncPart.run_id == self.id, SyncPart.state.in_(ended))
        part = session.scalars(failed.order_by(SyncPart.state.desc(), SyncPart.id).limit(1)).one()
        return Problem(part.reason, part.fix, part.code, part.request_id)

    def _end(self, state: RunState, now: datetime, problem: Problem | None) -> None:
        self.state, self.finished_at, self.heard_at = state, now, now
        if problem is not None:
            self.code, self.reason, self.fix, self.request_id = (
                problem.code,
                problem.reason,
                problem.fix,
                problem.request_id,
            )
