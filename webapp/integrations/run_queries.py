"""What the page of one run and the command `flask runs show` read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Select, case, select
from sqlalchemy.orm import contains_eager

from ..extensions import db
from ..models import PartState, SyncPart, SyncRun, Tenant, utc_now
from ..models.leases import OPEN_PARTS
from ..paging import Page
from .consent import consent_url_of
from .durations import duration
from .queries import Pause, RunRow, pauses, run_row
from .status import Phase, phase_of, poll_after, workers_of

PARTS_PER_PAGE = 50


class Show(StrEnum):
    """Which of a run's tenants are shown."""

    ALL = "all"
    FAILED = "failed"
    WAITING = "waiting"
    OK = "ok"
    CANCELLED = "cancelled"


_STATES: dict[Show, tuple[PartState, ...]] = {
    Show.FAILED: (PartState.FAILED,),
    Show.WAITING: OPEN_PARTS,
    Show.OK: (PartState.OK,),
    Show.CANCELLED: (PartState.CANCELLED,),
}


@dataclass(frozen=True)
class PartRow:
    """What a run did for one tenant, as its page lists it."""

    part: SyncPart
    # Where consent puts right what went wrong.
    consent_url: str | None

    @property
    def duration(self) -> str:
        return duration(self.part.started_at, self.part.finished_at)

    def waits_until(self, now: datetime) -> datetime | None:
        """Until when it is put off."""
        moment = self.part.not_before
        return moment if self.part.state == PartState.WAITING and moment is not None and moment > now else None


@dataclass(frozen=True)
class RunDetail:
    """One run with some of its parts. `counts` are of all of them, by what can be shown."""

    row: RunRow
    counts: dict[Show, int]
    show: Show
    page: Page
    parts: Sequence[PartRow]
    phase: Phase
    poll_ms: int | None
    pause: Pause | None
    # The newest run that repeats this one's failed tenants.
    repeated_by: int | None
    now: datetime

    @property
    def may_retry(self) -> bool:
        """Whether something failed that can be tried again."""
        return self.row.run.may_be_repeated and self.row.progress.failed > 0


def run_detail(integration_id: int, run_id: int, show: Show, asked: int) -> RunDetail | None:
    """The run with a page of its parts, those that failed first; None where the integration has no such run."""
    row = run_row(run_id, integration_id)
    if row is None:
        return None
    progress, now = row.progress, utc_now()
    counts = {
        Show.ALL: progress.open + progress.ok + progress.failed + progress.cancelled + progress.unknown,
        Show.FAILED: progress.failed,
        Show.WAITING: progress.open,
        Show.OK: progress.ok,
        Show.CANCELLED: progress.cancelled,
    }
    page = Page(asked, PARTS_PER_PAGE, counts[show])
    parts = _parts(run_id)
    if show != Show.ALL:
        parts = parts.where(SyncPart.state.in_(_STATES[show]))
    chosen = parts.limit(page.per_page).offset(page.offset)
    is_active = row.run.state.is_active
    phase = phase_of(row.run, workers_of() if is_active else None, now)
    repeats = select(SyncRun.id).where(SyncRun.retry_of_id == run_id).order_by(SyncRun.id.desc()).limit(1)
    return RunDetail(
        row=row,
        counts=counts,
        show=show,
        page=page,
        parts=[PartRow(part, consent_url_of(part)) for part in db.session.scalars(chosen)],
        phase=phase,
        poll_ms=poll_after(row.run, phase, now),
        pause=pauses([run_id], now).get(run_id) if is_active else None,
        repeated_by=db.session.scalar(repeats),
        now=now,
    )


def all_parts(run_id: int) -> list[SyncPart]:
    """All parts of a run, those that failed first."""
    return list(db.session.scalars(_parts(run_id)))


def _parts(run_id: int) -> Select[SyncPart]:
    order = {
        PartState.FAILED: 0,
        PartState.SYNCING: 1,
        PartState.WAITING: 2,
        PartState.CANCELLED: 3,
    }
    # Of those that are OK, the ones about which there is something to say come first.
    rank = case(order, value=SyncPart.state, else_=case((SyncPart.reason != "", 4), else_=5))
    return (
        select(SyncPart)
        .join(SyncPart.tenant)
        .options(
            contains_eager(SyncPart.tenant).joinedload(Tenant.integration),
            contains_eager(SyncPart.tenant).joinedload(Tenant.organization),
        )
        .where(SyncPart.run_id == run_id)
        .order_by(rank, Tenant.name_folded, SyncPart.id)
    )
