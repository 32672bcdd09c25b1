"""Sync runs: a run is *queued*, then *syncing*, then ends *ok*, *partial*, *failed* or *cancelled*."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ForeignKey, Index, Select, Text, bindparam, delete, func, insert, literal, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column, relationship

from . import clock
from .base import IDS_ONCE, DbSession, Model, Named, Stored, UtcDateTime, only_where, primary_key, utc_now
from .integration import Integration
from .leases import PartState
from .part import SyncPart
from .problem import NOTHING_CHOSEN, NOTHING_MATCHED, HasProblem, Problem, cancelled_by
from .progress import Progress
from .run_discovery import HasDiscovery
from .statements import table_of
from .tenant import Tenant

# A run of which nothing was heard for so long has lost its jobs.
SILENCE = timedelta(seconds=30)

_TRIES_TO_BEGIN = 5


class Trigger(Stored):
    MANUAL = "manual"
    COMMAND = "command"
    SCHEDULE = "schedule"


class RunState(Stored):
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


class SyncRun(HasDiscovery, HasProblem, Model):
    """One pass of an integration over its matched tenants. An integration has one active run at the most."""

    __tablename__ = "sync_run"
    __table_args__ = (
        Index("ix_sync_run_integration_id", "integration_id", "id"),
        Index("ix_sync_run_retry_of_id", "retry_of_id"),
        Index(
            "uq_sync_run_active",
            "integration_id",
            unique=True,
            **only_where("state IN ('queued', 'syncing')"),
        ),
        IDS_ONCE,
    )

    id: Mapped[primary_key]
    integration_id: Mapped[int] = mapped_column(ForeignKey("integration.id", ondelete="CASCADE"))
    started_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id", ondelete="SET NULL"))
    # The run whose failed tenants this one repeats.
    retry_of_id: Mapped[int | None] = mapped_column(ForeignKey("sync_run.id", ondelete="SET NULL"))
    trigger: Mapped[Trigger] = mapped_column(Named(Trigger))
    state: Mapped[RunState] = mapped_column(Named(RunState), default=RunState.QUEUED)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # When a job last showed that this run is being worked on, or was put in the queue.
    heard_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    tenants_total: Mapped[int] = mapped_column(default=0)
    # An e-mail address, or words for who has none; kept as text, since the log outlives the user.
    cancelled_by: Mapped[str] = mapped_column(Text, default="")
    # These four are counted when the run ends; until then `Progress` counts them.
    tenants_ok: Mapped[int] = mapped_column(default=0)
    tenants_failed: Mapped[int] = mapped_column(default=0)
    requests: Mapped[int] = mapped_column(default=0)
    rows_written: Mapped[int] = mapped_column(default=0)

    integration: Mapped[Integration] = relationship()

    @classmethod
    def begin(
        cls, session: DbSession, integration_id: int, trigger: Trigger, started_by_id: int | None = None
    ) -> tuple[SyncRun, bool]:
        """Record a run, or find the one that is active already. Returns it and whether it is new.

        The unique index over active runs decides between two who begin at the same moment. Raises
        `IntegrationRemoved` where the integration is gone or going.
        """
        Integration.hold(session, integration_id)
        tries = 0
        while (active := cls.active(session, integration_id)) is None:
            run = cls(integration_id=integration_id, trigger=trigger, started_by_id=started_by_id)
            try:
                with session.begin_nested():
                    session.add(run)
            except IntegrityError:
                # Somebody else's run was first: it is found next, unless it has ended already. Where the user was
                # deleted meanwhile, no try succeeds.
                tries += 1
                if tries == _TRIES_TO_BEGIN:
                    raise
            else:
                return run, True
        if active.trigger == Trigger.SCHEDULE != trigger and active.state == RunState.QUEUED:
            # Somebody asks for what the schedule began: it becomes theirs, and goes ahead of the other scheduled ones.
            active.trigger, active.started_by_id = trigger, started_by_id
        return active, False

    @property
    def is_queued(self) -> bool:
        return self.state == RunState.QUEUED

    @property
    def may_be_repeated(self) -> bool:
        """Whether it ended in a way after which what failed may be tried again."""
        return self.state in {RunState.PARTIAL, RunState.FAILED}

    @classmethod
    def retry(
        cls, session: DbSession, run_id: int, trigger: Trigger, started_by_id: int | None = None
    ) -> tuple[SyncRun, bool] | None:
        """Record a run over the tenants that failed in another one, or find the run that is active already.

        Returns it and whether it is new, or None where no tenant that failed there is matched any more.
        """
        failed = (
            select(Tenant.id)
            .join(SyncPart, SyncPart.tenant_id == Tenant.id)
            .where(SyncPart.run_id == run_id, SyncPart.state == PartState.FAILED, Tenant.is_synced())
            .order_by(Tenant.id)
        )
        if session.scalar(failed.limit(1)) is None:
            return None
        repeated = session.get_one(cls, run_id)
        run, is_new = cls.begin(session, repeated.integration_id, trigger, started_by_id)
        if is_new:
            run.retry_of_id = run_id
            run._add_parts(session, failed)
        return run, is_new

    @classmethod
    def active(cls, session: DbSession, integration_id: int) -> SyncRun | None:
        return session.scalar(select(cls).where(cls.integration_id == integration_id, cls.state.in_(ACTIVE_STATES)))

    @classmethod
    def plan(cls, session: DbSession, run_id: int, now: datetime) -> list[int] | None:
        """Give a queued run one part for each matched tenant; return the ids of the parts that are due.

        One that repeats another's failed tenants has its parts already. A run that was planned before keeps its parts,
        so planning twice is planning once. A run with nothing to do ends here and says why: then this returns None.
        """
        run = cls.locked(session, run_id)
        if run is None or not run.state.is_active:
            return []
        run.heard_at = now
        if run.state == RunState.QUEUED:
            run._plan(session, now)
        return SyncPart.due(session, run_id, now) if run.state.is_active else None

    @classmethod
    def finish_if_done(cls, session: DbSession, run_id: int, now: datetime) -> bool:
        """End the run when none of its parts is open any more. Returns whether this call ended it."""
        run = cls.locked(session, run_id)
        if run is None or run.state != RunState.SYNCING:
            return False
        progress = Progress.of(session, [run_id])[run_id]
        if progress.open:
            return False
        run._count(progress)
        if not run.tenants_failed:
            run._end(RunState.OK, now, None)
        else:
            run._end(RunState.PARTIAL if progress.ok else RunState.FAILED, now, run._first_problem(session))
        return True

    @classmethod
    def cancel(cls, session: DbSession, run_id: int, now: datetime, who: str) -> bool:
        """End the run now, leaving its open parts undone. Returns whether this call ended it.

        A run that has ended, be it cancelled or not, stays as it is. `who` is named in the log.
        """
        run = cls.locked(session, run_id)
        if run is None or not run.state.is_active:
            return False
        SyncPart.cancel_open(session, run_id, now)
        progress = Progress.of(session, [run_id])[run_id]
        run._count(progress)
        run.tenants_failed = progress.failed
        run.cancelled_by = who
        run._end(RunState.CANCELLED, now, cancelled_by(who))
        return True

    @classmethod
    def hear(cls, session: DbSession, run_id: int, now: datetime) -> bool:
        """Note that the run is being worked on. Returns False, noting nothing, where it has ended or is gone.

        This locks the run's row, so it comes before what locks one of its parts.
        """
        return session.execute(_hear(), {"run_id": run_id, "now": now}).scalar() is not None

    @classmethod
    def silent(cls, session: DbSession, now: datetime) -> list[int]:
        """The active runs of which nothing was heard for `SILENCE`: their jobs are lost, or wait for their time.

        They count as heard of now, so as to be found once. Those that somebody holds are worked on just now, and passed
        over.
        """
        is_silent = cls.state.in_(ACTIVE_STATES), clock.is_silent(cls.heard_at, now, SILENCE)
        free = select(cls.id).where(*is_silent).order_by(cls.id).with_for_update(key_share=True, skip_locked=True)
        heard = update(cls).where(cls.id.in_(free)).values(heard_at=now)
        return sorted(session.scalars(heard.returning(cls.id)))

    @classmethod
    def locked(cls, session: DbSession, run_id: int) -> SyncRun | None:
        """The run as it is stored, kept from changing until this transaction ends."""
        # A part's second change in a transaction makes PostgreSQL look after the run that it belongs to. This lock lets
        # it; a stronger one would have it wait for who waits, in `cancel`, for the part.
        query = select(cls).where(cls.id == run_id).with_for_update(key_share=True)
        return session.scalar(query.execution_options(populate_existing=True))

    def _plan(self, session: DbSession, now: datetime) -> None:
        self.started_at, self.state = self.started_at or now, RunState.SYNCING
        if not self.integration.syncs_something:
            SyncPart.cancel_open(session, self.id, now)
            self._end(RunState.FAILED, now, NOTHING_CHOSEN)
            return
        matched = select(Tenant.id).where(Tenant.integration_id == self.integration_id, Tenant.is_synced())
        if self.tenants_total:
            # It repeats another's failed tenants, of which some may have been unmatched meanwhile.
            unmatched = SyncPart.tenant_id.not_in(matched)
            session.execute(delete(SyncPart).where(SyncPart.run_id == self.id, unmatched))
            self.tenants_total = self._count_parts(session)
        else:
            self._add_parts(session, matched.order_by(Tenant.id))
        if not self.tenants_total:
            self._end(RunState.FAILED, now, NOTHING_MATCHED)

    def _add_parts(self, session: DbSession, tenants: Select[int]) -> None:
        """Give the run a part for each tenant whose id is selected, in that order."""
        parts = tenants.add_columns(literal(self.id))
        session.execute(insert(SyncPart).from_select(["tenant_id", "run_id"], parts, include_defaults=True))
        self.tenants_total = self._count_parts(session)

    def _count_parts(self, session: DbSession) -> int:
        return session.scalar(select(func.count()).select_from(SyncPart).where(SyncPart.run_id == self.id)) or 0

    def _count(self, progress: Progress) -> None:
        self.tenants_ok, self.tenants_failed = progress.ok, progress.failed + progress.cancelled
        self.requests, self.rows_written = progress.requests + self.discovery_requests, progress.rows_written

    def _first_problem(self, session: DbSession) -> Problem:
        ended = (PartState.FAILED, PartState.CANCELLED)
        failed = select(SyncPart).where(SyncPart.run_id == self.id, SyncPart.state.in_(ended))
        part = session.scalars(failed.order_by(SyncPart.state.desc(), SyncPart.id).limit(1)).one()
        return Problem(part.reason, part.fix, part.code, part.request_id)

    def _end(self, state: RunState, now: datetime, problem: Problem | None) -> None:
        self.state, self.finished_at, self.heard_at = state, now, now
        if problem is not None:
            self.explain(problem)


@cache
def _hear() -> Any:
    runs = table_of(SyncRun)
    heard = runs.update().where(runs.c.id == bindparam("run_id"), runs.c.state.in_(ACTIVE_STATES))
    return heard.values(heard_at=bindparam("now")).returning(runs.c.id)
