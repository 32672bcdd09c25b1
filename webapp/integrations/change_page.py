"""What the page of a bulk shows: before it is applied what it would do, and afterwards what it did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from ..models import MatchingAction, MatchingChange, Organization, Tenant, fold
from ..models.base import DbSession
from ..paging import Page
from ..scope import Scope
from . import tenant_list
from .changes import left_of, steps_of
from .steps import SUGGESTED, Left, Reason, Step
from .suggestions import Suggestion, Suggestions, Tie

PER_PAGE = 50
# How many of those that stay as they are the page names; it counts all.
MOST_LEFT = 100


@dataclass(frozen=True)
class StepRow:
    """One tenant of the bulk: its name now, where it was and where it goes, and what speaks for a look before."""

    step: Step
    tenant: Tenant | None
    former: str
    organization: str
    licenses: int = 0
    # How many other tenants share the organization that is made.
    sharing: int = 0
    hint: Suggestion | Tie | None = None


@dataclass(frozen=True)
class LeftRow:
    left: Left
    tenant: Tenant | None


def shown(session: DbSession, scope: Scope, change: MatchingChange, asked: int) -> dict[str, Any]:
    """What the template is given: a page of the steps, and all of them counted by reason."""
    steps, left = steps_of(change), left_of(change)
    paging = Page(asked, PER_PAGE, len(steps))
    some = steps[paging.offset : paging.offset + PER_PAGE]
    reasons = Counter(step.reason for step in steps)
    tenants = tenant_list.find(
        session, [*(step.tenant_id for step in some), *(one.tenant_id for one in left[:MOST_LEFT])]
    )
    by_hand = bool(change.origin.get("by_hand"))
    return {
        "paging": paging,
        "rows": _rows(session, scope, change, steps, some, tenants),
        "reasons": {reason: reasons[reason] for reason in Reason if reasons[reason]},
        # An exact name is offered ticked; what is less sure, only where somebody selected the tenants one by one.
        "ticked": set(SUGGESTED) if by_hand else {Reason.SAME_NAME},
        "asks_for_reasons": change.action == MatchingAction.ACCEPT and change.applied_at is None,
        "left": [LeftRow(one, tenants.get(one.tenant_id)) for one in left[:MOST_LEFT]],
        "left_count": len(left),
        "why_left": Counter(one.why.value for one in left).most_common(),
        "new": made
        if (made := len({fold(step.new_name) for step in steps if step.new_name})) != reasons[Reason.NEW]
        else 0,
    }


def _rows(
    session: DbSession,
    scope: Scope,
    change: MatchingChange,
    steps: Sequence[Step],
    some: Sequence[Step],
    tenants: dict[int, Tenant],
) -> list[StepRow]:
    names = _names(session, scope, some)
    licenses = tenant_list.license_counts(session, [step.tenant_id for step in some])
    shared = Counter(fold(step.new_name) for step in steps if step.new_name)
    looks_for_alike = change.applied_at is None and any(step.reason == Reason.NEW for step in some)
    suggestions = Suggestions(session, scope) if looks_for_alike else None
    rows = []
    for step in some:
        tenant = tenants.get(step.tenant_id)
        is_new = step.reason == Reason.NEW
        rows.append(
            StepRow(
                step,
                tenant,
                former=names.get(step.before.organization_id or 0, ""),
                organization=step.new_name or names.get(step.organization_id or 0, ""),
                licenses=licenses.get(step.tenant_id, 0) if step.before.organization_id else 0,
                sharing=shared[fold(step.new_name)] - 1 if is_new else 0,
                hint=suggestions.of(tenant) if suggestions is not None and tenant is not None and is_new else None,
            )
        )
    return rows


def _names(session: DbSession, scope: Scope, steps: Sequence[Step]) -> dict[int, str]:
    ids = {number for step in steps for number in (step.organization_id, step.before.organization_id) if number}
    query = select(Organization.id, Organization.name).where(Organization.id.in_(ids), scope.includes())
    return {row.id: row.name for row in session.execute(query)}
