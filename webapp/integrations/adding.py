"""Adding tenants to a direct integration, many at once. The page and the command share it.

Microsoft is asked by a job; what is asked for and each answer is in the database (`webapp.models.addition`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from jobs import queue

from .. import audit
from ..extensions import db
from ..models import AdditionLine, AuditArea, Integration, LineState, Problem, TenantAddition, utc_now
from ..models.addition import NO_TENANTS_NAME
from ..paging import Page, count_rows
from ..text import count_of, one_line
from . import fields
from .consent import admin_consent_url
from .status import Phase, workers_of

# How many tenants one list may have.
MOST = 1000
LINES_PER_PAGE = 100
# How many earlier lists the page offers.
RECENT = 5

_SEPARATORS = re.compile(r"[\s,;]+")
# What people copy along with a GUID or a domain.
_AROUND = "\"'`{}()[]<>"
# A domain has no more; of what is longer, the beginning shows which line it was.
_LONGEST = 253
_POLL_MS, _LONELY_POLL_MS = 1500, 10_000


class CannotAdd(Exception):
    """Nothing was recorded. The message says why, and what to do."""


def lines_of(text: str) -> list[str]:
    """What was pasted, one entry a tenant, as often as it stands there once. Raises `CannotAdd`."""
    entries = dict.fromkeys(entry.lower() for entry in _SEPARATORS.split(text) if entry)
    if len(entries) > MOST:
        raise CannotAdd(
            f"These are {len(entries):,} tenants. Add no more than {MOST:,} at once: cut the list into pieces, and add "
            "one after another."
        )
    cleaned = dict.fromkeys(one_line(entry[: 4 * _LONGEST]).strip(_AROUND) for entry in entries)
    found = [entry for entry in cleaned if entry]
    if not found:
        raise CannotAdd("Type or paste at least one tenant: its GUID, or one of its domains.")
    return found


def add(integration: Integration, lines: Sequence[str], user_id: int | None, actor: str) -> int:
    """Record the list and let a worker answer it. Returns its id. Raises `CannotAdd` and `IntegrationRemoved`.

    Where the queue cannot be reached, a later sweep finds it.
    """
    if not integration.takes_tenants:
        raise CannotAdd(f"{integration.name} is a partner's: its customers are found by themselves, with each sync.")
    addition = TenantAddition.begin(
        db.session, integration.id, [(line[:_LONGEST], _no_tenant(line)) for line in lines], actor, user_id
    )
    audit.record(
        AuditArea.INTEGRATIONS,
        f"Asked to add {count_of(len(lines), 'tenant')} to {integration.name}",
        integration_id=integration.id,
        addition_id=addition.id,
    )
    addition_id = addition.id
    db.session.commit()
    enqueue(addition_id)
    return addition_id


def repeat(addition: TenantAddition) -> int:
    """Ask again about the lines that were not added. Returns how many those are."""
    addition_id = addition.id
    count = TenantAddition.repeat(db.session, addition_id, utc_now())
    db.session.commit()
    if count:
        enqueue(addition_id)
    return count


def enqueue(addition_id: int) -> None:
    with suppress(queue.QueueUnavailable):
        queue.add_tenants(addition_id)


def _no_tenant(line: str) -> Problem | None:
    """Why the line cannot name a tenant, so that Microsoft need not be asked."""
    try:
        fields.tenant(line)
    except ValueError as error:
        return Problem(str(error), "", NO_TENANTS_NAME)
    return None


@dataclass(frozen=True)
class LineRow:
    """One line with its answer, and where an administrator of the tenant consents, where that is what it lacks."""

    line: AdditionLine
    consent_url: str | None


@dataclass(frozen=True)
class AdditionDetail:
    """A list with a page of its lines. `counts` are of all of them."""

    addition: TenantAddition
    counts: dict[LineState, int]
    show: LineState | None
    page: Page
    rows: Sequence[LineRow]
    phase: Phase
    # How many lines may be asked about again.
    may_repeat: int

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def done(self) -> int:
        return self.total - self.counts.get(LineState.WAITING, 0)

    @property
    def poll_ms(self) -> int | None:
        if self.addition.finished_at is not None:
            return None
        return _POLL_MS if self.phase == Phase.SYNCING else _LONELY_POLL_MS


def detail(integration: Integration, addition_id: int, show: LineState | None, asked: int) -> AdditionDetail | None:
    """The list of this integration, its lines in the order in which they were typed; None where there is none."""
    addition = db.session.get(TenantAddition, addition_id)
    if addition is None or addition.integration_id != integration.id:
        return None
    query = select(AdditionLine).where(AdditionLine.addition_id == addition_id).order_by(AdditionLine.id)
    if show is not None:
        query = query.where(AdditionLine.state == show)
    page = Page(asked, LINES_PER_PAGE, count_rows(db.session, query))
    again = AdditionLine.addition_id == addition_id, AdditionLine.may_be_repeated()
    lines = db.session.scalars(query.limit(page.per_page).offset(page.offset))
    return AdditionDetail(
        addition=addition,
        counts=TenantAddition.counts(db.session, [addition_id])[addition_id],
        show=show,
        page=page,
        rows=[LineRow(line, _consent_url(integration, line)) for line in lines],
        phase=Phase.OK if addition.finished_at else _phase(),
        may_repeat=count_rows(db.session, select(AdditionLine.id).where(*again)) if addition.finished_at else 0,
    )


def recent(integration_id: int) -> list[tuple[TenantAddition, dict[LineState, int]]]:
    """The newest lists of the integration, each with how many lines are in which state."""
    newest = select(TenantAddition).where(TenantAddition.integration_id == integration_id)
    found = db.session.scalars(newest.order_by(TenantAddition.id.desc()).limit(RECENT)).all()
    counts = TenantAddition.counts(db.session, [addition.id for addition in found])
    return [(addition, counts[addition.id]) for addition in found]


def records(integration: Integration, addition_id: int) -> list[dict[str, Any]]:
    """All lines with their answers, as a command prints them."""
    query = select(AdditionLine).where(AdditionLine.addition_id == addition_id).order_by(AdditionLine.id)
    return [
        {
            "line": line.text,
            "state": line.state.value,
            "tenant_id": line.tenant_id or None,
            "tenant": line.tenant_name or None,
            "integration": line.held_by or None,
            "reason": line.reason,
            "fix": line.fix,
            "code": line.code,
            "request_id": line.request_id,
            "consent_url": _consent_url(integration, line),
        }
        for line in db.session.scalars(query)
    ]


def _consent_url(integration: Integration, line: AdditionLine) -> str | None:
    if line.state != LineState.NO_CONSENT:
        return None
    return admin_consent_url(integration.cloud, line.tenant_id or line.text, integration.client_id)


def _phase() -> Phase:
    workers = workers_of(queue.INTERACTIVE)
    if workers is None:
        return Phase.NO_QUEUE
    if workers.are_all_cut_off:
        return Phase.CUT_OFF
    return Phase.SYNCING if workers.alive else Phase.NO_WORKER
