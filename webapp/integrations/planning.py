"""What an action would do to each of some tenants, and doing it: pages, commands and tests share both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ..access import EVERYTHING
from ..models import MatchingAction, Organization, Tenant, TenantState, fold
from ..models.base import DbSession
from ..scope import Scope
from .creating import organization_of
from .matching import Move, hold_organizations, name_for_organization, place
from .steps import Kept, Left, Placement, Plan, Reason, Step
from .suggestions import Suggestion, Suggestions, Tie


@dataclass(frozen=True)
class Done:
    """What was done: the steps with what came of them, and the ids of the organizations that were made for them."""

    steps: tuple[Step, ...]
    created: tuple[int, ...]


def plan(session: DbSession, action: MatchingAction, tenants: Iterable[Tenant], scope: Scope = EVERYTHING) -> Plan:
    """What the action would do to the tenants, as things are. Nothing is written."""
    rule = _rule(session, action, scope)
    steps, left = [], []
    for tenant in tenants:
        found = rule(tenant)
        if isinstance(found, Step):
            steps.append(found)
        else:
            left.append(Left(tenant.id, found))
    return Plan(tuple(steps), tuple(left))


def carry_out(session: DbSession, tenants: Mapping[int, Tenant], steps: Sequence[Step], now: datetime) -> Done:
    """Do the steps, in the transaction that is open and holds these tenants. Tenants of one name share what is made.

    A step to an organization that is not in use any more is left out.
    """
    organizations = hold_organizations(session, [step.organization_id for step in steps if step.organization_id])
    made: dict[str, Organization] = {}
    for step in steps:
        if step.new_name and fold(step.new_name) not in made:
            made[fold(step.new_name)] = organization_of(tenants[step.tenant_id], step.new_name)
    session.add_all(made.values())
    session.flush()
    moves, done = [], []
    for step in steps:
        organization = made.get(fold(step.new_name)) if step.new_name else organizations.get(step.organization_id or 0)
        if step.organization_id is not None and organization is None:
            continue
        moves.append(Move(tenants[step.tenant_id], organization, is_ignored=step.reason == Reason.IGNORED))
        done.append(step)
    place(session, moves, now)
    return Done(
        tuple(replace(step, after=Placement.of(tenants[step.tenant_id])) for step in done),
        tuple(organization.id for organization in made.values()),
    )


def _rule(session: DbSession, action: MatchingAction, scope: Scope) -> Callable[[Tenant], Step | Kept]:
    """What the action does to a tenant, or why nothing."""
    if action == MatchingAction.IGNORE:
        return _ignore
    if action == MatchingAction.UNMATCH:
        return _unmatch
    suggestions = Suggestions(session, scope)
    by_action = {MatchingAction.ACCEPT: _accept, MatchingAction.CREATE: _create}

    def rule(tenant: Tenant) -> Step | Kept:
        return _not_to_be_matched(tenant) or by_action[action](suggestions, tenant)

    return rule


def _not_to_be_matched(tenant: Tenant) -> Kept | None:
    if tenant.state == TenantState.MATCHED:
        return Kept.MATCHED_ALREADY
    if tenant.state == TenantState.IGNORED:
        return Kept.IGNORED
    return Kept.GONE if tenant.gone_at is not None else None


def _accept(suggestions: Suggestions, tenant: Tenant) -> Step | Kept:
    found = suggestions.of(tenant)
    if isinstance(found, Suggestion):
        return Step(tenant.id, found.reason, Placement.of(tenant), found.organization.id, score=found.score)
    return Kept.SEVERAL if isinstance(found, Tie) else Kept.NO_SUGGESTION


def _create(suggestions: Suggestions, tenant: Tenant) -> Step | Kept:
    """An organization that has its name already is used, rather than made a second time."""
    name = name_for_organization(tenant)
    named = suggestions.namesakes(name)
    if len(named) == 1:
        return Step(tenant.id, Reason.SAME_NAME, Placement.of(tenant), named[0].id)
    if named:
        return Kept.NAMESAKES
    if suggestions.is_archived(name):
        return Kept.ARCHIVED
    return Step(tenant.id, Reason.NEW, Placement.of(tenant), new_name=name)


def _ignore(tenant: Tenant) -> Step | Kept:
    if tenant.state == TenantState.IGNORED:
        return Kept.SO_ALREADY
    return Step(tenant.id, Reason.IGNORED, Placement.of(tenant))


def _unmatch(tenant: Tenant) -> Step | Kept:
    if tenant.state == TenantState.UNMATCHED:
        return Kept.SO_ALREADY
    is_matched = tenant.state == TenantState.MATCHED
    return Step(tenant.id, Reason.UNMATCHED if is_matched else Reason.NO_LONGER_IGNORED, Placement.of(tenant))
