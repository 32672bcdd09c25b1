"""Changing matches as users do it: shown before it is done, done where it is still so, and written down for an undo.

Commands do the same with `plan` and `carry_out`, without an undo, which belongs to a user.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select

from ..access import EVERYTHING
from ..models import License, MatchingAction, MatchingChange, Organization, Tenant
from ..models.base import DbSession
from ..models.portions import in_portions
from ..scope import Scope
from . import telling
from .matching import hold, take_turns
from .planning import Done, carry_out, plan
from .steps import Kept, Left, Placement, Plan, Reason, Step


class NotSo(Exception):
    """An action does not fit what is there. The message says why."""


def prepare(
    session: DbSession,
    user_id: int,
    action: MatchingAction,
    tenants: Sequence[Tenant],
    now: datetime,
    *,
    missing: Collection[int] = (),
    origin: Mapping[str, Any] | None = None,
    scope: Scope = EVERYTHING,
) -> MatchingChange:
    """Write down what the action would do to the tenants, to be shown; nothing else is changed. The caller commits.

    `missing` were chosen, too, and are not there. What is too old to be applied or undone, whosever it is, is removed.
    """
    session.execute(delete(MatchingChange).where(MatchingChange.is_forgotten(now)))
    planned = plan(session, action, tenants, scope)
    left = [*planned.left, *(Left(tenant_id, Kept.NOT_HERE) for tenant_id in missing)]
    change = MatchingChange(
        user_id=user_id,
        action=action,
        created_at=now,
        steps=[step.plain() for step in planned.steps],
        left=[one.plain() for one in left],
        licenses=_licenses(session, planned.steps),
        origin=dict(origin or {}),
    )
    session.add(change)
    session.flush()
    return change


def apply(session: DbSession, change: MatchingChange, reasons: Collection[Reason], now: datetime) -> None:
    """Do what was shown for these reasons, where it is still so; what is not is left, and written down with why.

    It happens in the transaction that is open, wholly or not at all; the caller holds the change and commits.
    """
    shown = {step.tenant_id: step for step in steps_of(change) if step.reason in reasons}
    take_turns(session)
    tenants = hold(session, shown)
    planned = plan(session, change.action, [tenants[tenant_id] for tenant_id in shown if tenant_id in tenants])
    as_shown = [step for step in planned.steps if step.is_as_shown(shown[step.tenant_id])]
    done = carry_out(session, tenants, as_shown, now)
    done_ids = {step.tenant_id for step in done.steps}
    left = [Left(tenant_id, _why_not(shown[tenant_id], tenants)) for tenant_id in shown if tenant_id not in done_ids]
    _write_down(session, change, done, tenants, left, now)


def do_one(
    session: DbSession,
    user_id: int,
    action: MatchingAction,
    tenant_id: int,
    now: datetime,
    organization: Organization | None = None,
) -> MatchingChange:
    """Do the action to one tenant, at once, and write it down; the caller commits. Raises `NotSo`."""
    if action == MatchingAction.CREATE:
        take_turns(session)
    tenant = hold(session, [tenant_id]).get(tenant_id)
    if tenant is None:
        raise NotSo("This tenant is not here any more, or its integration was removed.")
    step = _one_step(session, action, tenant, organization)
    licenses = _licenses(session, [step])
    done = carry_out(session, {tenant.id: tenant}, [step], now)
    if not done.steps:
        raise NotSo("This organization is not in use any more. Choose another one.")
    change = MatchingChange(user_id=user_id, action=action, created_at=now, licenses=licenses)
    session.add(change)
    _write_down(session, change, done, {tenant.id: tenant}, [], now)
    return change


def held(session: DbSession, user_id: int, change_id: int) -> MatchingChange | None:
    """The user's change of this id, held so that of two who press a button at once one comes second."""
    query = select(MatchingChange).where(MatchingChange.id == change_id, MatchingChange.user_id == user_id)
    return session.scalar(query.with_for_update(), execution_options={"populate_existing": True})


def steps_of(change: MatchingChange) -> list[Step]:
    return [Step.from_plain(plain) for plain in change.steps]


def left_of(change: MatchingChange) -> list[Left]:
    return [Left.from_plain(plain) for plain in change.left]


def leave_out(change: MatchingChange, tenant_id: int) -> None:
    """Take a tenant out of what is shown."""
    change.steps = [plain for plain in change.steps if plain["tenant"] != tenant_id]


def _one_step(session: DbSession, action: MatchingAction, tenant: Tenant, organization: Organization | None) -> Step:
    if action == MatchingAction.MATCH:
        if organization is None:
            raise NotSo(f"Choose an organization for {tenant.name} first.")
        if organization.id == tenant.organization_id:
            raise NotSo(f"{tenant.name} is matched to {organization.name} already.")
        return Step(tenant.id, Reason.CHOSEN, Placement.of(tenant), organization.id)
    planned = plan(session, action, [tenant])
    if action == MatchingAction.CREATE and not any(step.reason == Reason.NEW for step in planned.steps):
        raise NotSo(_why_not_created(tenant, planned))
    if not planned.steps:
        raise NotSo(f"{tenant.name} stays as it is: {planned.left[0].why.value}.")
    return planned.steps[0]


def _why_not_created(tenant: Tenant, planned: Plan) -> str:
    why = planned.left[0].why if planned.left else Kept.NAMESAKES
    if why == Kept.NAMESAKES:
        return f"An organization named {tenant.name} exists already, so none was created. Choose it for the tenant."
    if why == Kept.ARCHIVED:
        return (
            f"An archived organization is named {tenant.name}, so none was created. Bring it back, or choose another."
        )
    return f"{tenant.name} stays as it is: {why.value}."


def _why_not(shown: Step, tenants: Mapping[int, Tenant]) -> Kept:
    tenant = tenants.get(shown.tenant_id)
    if tenant is None:
        return Kept.NOT_HERE
    return Kept.CHANGED if Placement.of(tenant) != shown.before else Kept.ANOTHER


def _write_down(
    session: DbSession,
    change: MatchingChange,
    done: Done,
    tenants: Mapping[int, Tenant],
    left: Sequence[Left],
    now: datetime,
) -> None:
    change.steps, change.left = [step.plain() for step in done.steps], [one.plain() for one in left]
    change.created, change.applied_at = list(done.created), now
    change.event = telling.sentence(done.steps, tenants)
    matched = (tenants[step.tenant_id] for step in done.steps if step.after and step.after.organization_id)
    change.integrations = sorted({tenant.integration_id for tenant in matched})
    telling.record(done.steps, tenants, len(done.created))
    session.flush()


def _licenses(session: DbSession, steps: Sequence[Step]) -> int:
    """How many licenses are in the organizations that tenants leave."""
    leaving = [step.tenant_id for step in steps if step.before.organization_id is not None]
    counted = 0
    for some in in_portions(leaving):
        counted += session.scalar(select(func.count(License.id)).where(License.tenant_id.in_(some))) or 0
    return counted
