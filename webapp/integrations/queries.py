"""What the pages and commands of this area read: each in a constant number of queries, however many rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlalchemy.orm import aliased, contains_eager, joinedload

from ..choices import MOST_FOUND
from ..extensions import db
from ..models import (
    Integration,
    Organization,
    PartState,
    Progress,
    RunState,
    SyncPart,
    SyncRun,
    Tenant,
    User,
    utc_now,
)
from ..models.leases import OPEN_PARTS
from ..paging import Page, count_rows
from ..search import every_word, searchable
from .durations import duration
from .status import Phase, phase_of, phase_of_removal, poll_after, poll_after_removal, words_of, workers_of

INTEGRATIONS_PER_PAGE = 50
RUNS_PER_PAGE = 25
PROBLEMS_PER_RUN = 5


@dataclass(frozen=True)
class Pause:
    """Until when all open parts of a run are put off, and why."""

    until: datetime
    reason: str


@dataclass(frozen=True)
class IntegrationRow:
    """An integration as Active Integrations lists it."""

    integration: Integration
    run: SyncRun | None
    tenants: int
    matched: int
    last_synced_at: datetime | None
    progress: Progress
    phase: Phase
    poll_ms: int | None
    pause: Pause | None
    next_sync_at: datetime | None

    @property
    def words(self) -> str:
        """What the latest run came to; empty where there is none."""
        return words_of(self.run.state, self.run.tenants_failed, self.run.tenants_total) if self.run else ""


def integrations_page(asked: int) -> tuple[Page, list[IntegrationRow]]:
    """One page of the active integrations by name: each polls by itself while it syncs, so not too many at a time."""
    page, found = _page(_integrations(), asked, INTEGRATIONS_PER_PAGE)
    return page, _rows([(row[0], row[1]) for row in found])


def integration_rows(integration_id: int | None = None) -> list[IntegrationRow]:
    """All active integrations by name, or the one: with its latest run, and how many tenants it has."""
    query = _integrations()
    if integration_id is not None:
        query = query.where(Integration.id == integration_id)
    return _rows([(row[0], row[1]) for row in db.session.execute(query)])


@cache  # it is asked again and again while a run is active, and its tables take longer to name than to read
def _integrations() -> Select[*tuple[Any, ...]]:
    later = aliased(SyncRun)
    latest = select(func.max(later.id)).where(later.integration_id == Integration.id).scalar_subquery()
    return (
        select(Integration, SyncRun)
        .outerjoin(SyncRun, SyncRun.id == latest)
        .where(Integration.is_listed)
        .order_by(Integration.name_folded, Integration.id)
    )


def _rows(found: Sequence[tuple[Integration, SyncRun | None]]) -> list[IntegrationRow]:
    runs = [run for _, run in found if run is not None]
    active = [run.id for run in runs if run.state.is_active]
    # Of those that ended well, too: in some of their tenants something may not have been readable.
    counted = [*active, *(run.id for run in runs if run.state in {RunState.OK, RunState.PARTIAL})]
    progress = Progress.of(db.session, counted) if counted else {}
    is_any_asked = active or any(not integration.is_live for integration, _ in found)
    workers = workers_of() if is_any_asked else None
    counts, now = _tenant_counts([integration.id for integration, _ in found]), utc_now()
    paused = pauses(active, now) if active else {}
    rows = []
    for integration, run in found:
        tenants, matched, last_synced_at = counts.get(integration.id, (0, 0, None))
        if integration.is_live:
            phase = phase_of(run, workers, now)
            poll_ms = poll_after(run, phase, now)
        else:
            phase = phase_of_removal(integration, workers, now)
            poll_ms = poll_after_removal(phase)
        rows.append(
            IntegrationRow(
                integration=integration,
                run=run,
                tenants=tenants,
                matched=matched,
                last_synced_at=last_synced_at,
                progress=progress.get(run.id, Progress()) if run else Progress(),
                phase=phase,
                poll_ms=poll_ms,
                pause=paused.get(run.id) if run else None,
                next_sync_at=integration.next_sync(now),
            )
        )
    return rows


def pauses(run_ids: Sequence[int], now: datetime) -> dict[int, Pause]:
    """The runs of which nothing is worked on until a moment that is still to come."""
    is_put_off = (SyncPart.state == PartState.WAITING) & (SyncPart.not_before > now)
    query = (
        select(SyncPart.run_id, func.min(SyncPart.not_before), func.min(SyncPart.reason))
        .where(SyncPart.run_id.in_(run_ids), SyncPart.state.in_(OPEN_PARTS))
        .group_by(SyncPart.run_id)
        .having(func.count() == func.count().filter(is_put_off))
    )
    rows = db.session.execute(query)
    return {run_id: Pause(until, reason) for run_id, until, reason in rows if until is not None}


def _tenant_counts(integration_ids: Sequence[int]) -> dict[int, tuple[int, int, datetime | None]]:
    query = (
        select(
            Tenant.integration_id,
            func.count(Tenant.id),
            func.count(Tenant.organization_id),
            func.max(Tenant.last_synced_at),
        )
        .where(Tenant.integration_id.in_(integration_ids))
        .group_by(Tenant.integration_id)
    )
    return {row[0]: (row[1], row[2], row[3]) for row in db.session.execute(query)}


def _page(query: Select[*tuple[Any, ...]], asked: int, per_page: int) -> tuple[Page, Sequence[Any]]:
    page = Page(asked, per_page, count_rows(db.session, query))
    return page, db.session.execute(query.limit(per_page).offset(page.offset)).all()


def _in_name(word: str) -> ColumnElement[bool]:
    return Organization.name_folded.contains(word, autoescape=True)


def choices(text: str = "") -> list[Organization]:
    """The first organizations in use by name, of those that contain each word of the text."""
    query = select(Organization).where(~Organization.is_archived, every_word(searchable(text), _in_name))
    return list(db.session.scalars(query.order_by(Organization.name_folded, Organization.id).limit(MOST_FOUND)))


@dataclass(frozen=True)
class RunRow:
    """A run as the sync logs list it; the numbers of one that is active are those reached so far."""

    run: SyncRun
    started_by: str | None
    progress: Progress
    problems: Sequence[SyncPart] = ()

    @property
    def words(self) -> str:
        return words_of(self.run.state, self.progress.failed, self.run.tenants_total)

    @property
    def unlisted(self) -> int:
        """How many tenants failed beyond those that `problems` names."""
        named = sum(part.state == PartState.FAILED for part in self.problems)
        return max(0, self.progress.failed - named) if self.problems else 0

    @property
    def duration(self) -> str:
        return duration(self.run.started_at, self.run.finished_at)


def run_page(integration_id: int, asked: int) -> tuple[Page, list[RunRow]]:
    """An integration's runs, newest first, each with some of the tenants about which there is something to say."""
    page, found = _page(_runs().where(SyncRun.integration_id == integration_id), asked, RUNS_PER_PAGE)
    rows = _run_rows(found)
    problems = _problems([row.run.id for row in rows])
    return page, [replace(row, problems=problems.get(row.run.id, ())) for row in rows]


@dataclass(frozen=True)
class Active:
    """A run that is active, and in how many milliseconds to ask again how far it has come."""

    run_id: int
    poll_ms: int


def active_of(rows: Iterable[RunRow]) -> Active | None:
    """The one of these runs that is active, if any is."""
    run = next((row.run for row in rows if row.run.state.is_active), None)
    if run is None:
        return None
    now = utc_now()
    poll_ms = poll_after(run, phase_of(run, workers_of(), now), now)
    return Active(run.id, poll_ms) if poll_ms is not None else None


def run_row(run_id: int, integration_id: int | None = None) -> RunRow | None:
    """The one run, of this integration where one is given, its tenants counted from its parts."""
    query = _runs().where(SyncRun.id == run_id)
    if integration_id is not None:
        query = query.where(SyncRun.integration_id == integration_id)
    found = db.session.execute(query).one_or_none()
    return RunRow(found[0], found[1], _reached(found[0], Progress.of(db.session, [run_id]))) if found else None


def newest_runs(integration_id: int | None, limit: int) -> list[RunRow]:
    """The newest runs, of all integrations or of one."""
    query = _runs().limit(limit)
    if integration_id is not None:
        query = query.where(SyncRun.integration_id == integration_id)
    return _run_rows(db.session.execute(query).all())


def _runs() -> Select[SyncRun, str]:
    return (
        select(SyncRun, User.email)
        .join(SyncRun.integration)
        .outerjoin(User, User.id == SyncRun.started_by_id)
        .options(contains_eager(SyncRun.integration))
        .order_by(SyncRun.id.desc())
    )


def _run_rows(found: Sequence[Any]) -> list[RunRow]:
    active = [run.id for run, _ in found if run.state.is_active]
    reached = Progress.of(db.session, active) if active else {}
    return [RunRow(run, email, _reached(run, reached) if run.id in reached else _counted(run)) for run, email in found]


def _reached(run: SyncRun, progress: Mapping[int, Progress]) -> Progress:
    """What the run's parts came to, with what was asked before there were any."""
    of_parts = progress[run.id]
    return replace(of_parts, requests=of_parts.requests + run.discovery_requests)


def _counted(run: SyncRun) -> Progress:
    return Progress(0, run.tenants_ok, run.tenants_failed, run.requests, run.rows_written)


def _problems(run_ids: Sequence[int]) -> dict[int, list[SyncPart]]:
    """The first parts of each run that have a reason to tell, those that failed before the others."""
    failed_first = case((SyncPart.state == PartState.FAILED, 0), else_=1)
    first = func.row_number().over(partition_by=SyncPart.run_id, order_by=(failed_first, SyncPart.id))
    ranked = select(SyncPart.id, first.label("place")).where(SyncPart.run_id.in_(run_ids), SyncPart.reason != "")
    chosen = ranked.subquery()
    query = (
        select(SyncPart)
        .join(chosen, chosen.c.id == SyncPart.id)
        .where(chosen.c.place <= PROBLEMS_PER_RUN)
        .options(joinedload(SyncPart.tenant))
        .order_by(SyncPart.run_id, chosen.c.place)
    )
    found: dict[int, list[SyncPart]] = {}
    for part in db.session.scalars(query):
        found.setdefault(part.run_id, []).append(part)
    return found
