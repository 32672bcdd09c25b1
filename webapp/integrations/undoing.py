"""Taking back what a user did to the matches of tenants, where nobody changed them since."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import defer, selectinload

from .. import audit
from ..extensions import db
from ..models import AuditArea, MatchingChange, Organization, OrganizationDomain, Tenant
from ..models.base import DbSession
from ..models.matching import UNDO_LIFETIME
from ..models.portions import in_portions
from ..organizations.records import Details, stored
from ..text import count_of
from .changes import NotSo, steps_of
from .creating import details_of
from .matching import Move, hold, hold_organizations, place, take_turns
from .steps import Kept, Left, Placement, Step
from .telling import named


@dataclass(frozen=True)
class Undone:
    """What an undo came to: how many tenants are as before, which are left, how many organizations went and stayed."""

    restored: int
    left: tuple[Left, ...]
    removed: int
    stayed: int


def undo(session: DbSession, change: MatchingChange, now: datetime) -> Undone:
    """Take back what was done; the caller holds the change and commits. Raises `NotSo` where it is too late.

    Organizations that were made for it go, where nothing is in them and nobody changed them.
    """
    if not change.may_be_undone(now):
        raise NotSo("This cannot be undone any more.")
    take_turns(session)
    steps = {step.tenant_id: step for step in steps_of(change)}
    tenants = hold(session, steps)
    former = hold_organizations(session, _former(steps.values()))
    moves, left = [], []
    for tenant_id, step in steps.items():
        tenant, before = tenants.get(tenant_id), step.before
        if tenant is None:
            left.append(Left(tenant_id, Kept.NOT_HERE))
        elif Placement.of(tenant) != step.after:
            left.append(Left(tenant_id, Kept.CHANGED))
        elif before.organization_id is not None and before.organization_id not in former:
            left.append(Left(tenant_id, Kept.FORMER_GONE))
        else:
            moves.append(Move(tenant, former.get(before.organization_id or 0), before.ignored_at is not None))
    place(session, moves, now)
    for move in moves:
        # As if nothing had happened, so that what was done before it can be undone next.
        before = steps[move.tenant.id].before
        move.tenant.ignored_at, move.tenant.placed_at = before.ignored_at, before.placed_at
    session.flush()
    removed = _remove_untouched(session, change.created, _details_made(steps, tenants))
    change.undone_at, change.left = now, [one.plain() for one in left]
    audit.record(
        AuditArea.INTEGRATIONS,
        f"Undid what was done to {count_of(len(moves), 'tenant')}",
        undone=change.event,
        left_as_they_are=len(left),
        organizations_removed=removed,
        tenants=named(move.tenant for move in moves),
    )
    return Undone(len(moves), tuple(left), removed, len(change.created) - removed)


def latest(session: DbSession, user_id: int, now: datetime) -> MatchingChange | None:
    """What the user did last that can be undone; its steps, which may be many, are not read."""
    query = select(MatchingChange).where(
        MatchingChange.user_id == user_id,
        MatchingChange.applied_at > now - UNDO_LIFETIME,
        MatchingChange.undone_at.is_(None),
        MatchingChange.event != "",
    )
    unread = [defer(column) for column in (MatchingChange.steps, MatchingChange.left, MatchingChange.created)]
    newest = query.order_by(MatchingChange.applied_at.desc(), MatchingChange.id.desc()).limit(1)
    return session.scalar(newest.options(*unread))


def _former(steps: Any) -> set[int]:
    return {step.before.organization_id for step in steps if step.before.organization_id is not None}


def _details_made(steps: Mapping[int, Step], tenants: Mapping[int, Tenant]) -> dict[int, list[Details]]:
    """By organization, what it says of itself where it was made of one of the tenants that came to it."""
    made: dict[int, list[Details]] = {}
    for tenant_id, step in steps.items():
        organization_id = step.after.organization_id if step.after else None
        if organization_id is not None and step.new_name and tenant_id in tenants:
            made.setdefault(organization_id, []).append(details_of(tenants[tenant_id], step.new_name))
    return made


def _remove_untouched(
    session: DbSession, organization_ids: Sequence[int], made: Mapping[int, Collection[Details]]
) -> int:
    """Delete those of the organizations that are as they were made, and to which nothing belongs. Returns how many."""
    removed = 0
    for some in in_portions(sorted(organization_ids)):
        # Locked first: who adds something to one meanwhile has done so before this is looked at, or finds it gone.
        query = select(Organization).where(Organization.id.in_(some)).order_by(Organization.id).with_for_update()
        loaded = query.options(selectinload(Organization.domains)).execution_options(populate_existing=True)
        there = [
            one.id for one in session.scalars(loaded) if not one.is_archived and stored(one) in made.get(one.id, ())
        ]
        used: set[int | None] = set()
        for column in _references():
            used.update(session.scalars(select(column).where(column.in_(there)).distinct()))
        empty = [organization_id for organization_id in there if organization_id not in used]
        session.execute(delete(Organization).where(Organization.id.in_(empty)))
        removed += len(empty)
    return removed


def _references() -> list[Any]:
    """The columns that say of something that it belongs to an organization."""
    return [
        key.parent
        for table in db.metadata.sorted_tables
        for key in table.foreign_keys
        if key.column.table.name == Organization.__tablename__
        and table.name != OrganizationDomain.__tablename__
        # That a tenant left it is said for the sake of its contacts, which are looked for themselves.
        and key.parent is not Tenant.__table__.c.departed_from_id
    ]
