"""Which tenants a bulk is for: those ticked, all that are filtered, or all that have exactly an organization's name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from werkzeug.datastructures import MultiDict

from ..models import MatchingAction, Tenant
from ..models.base import DbSession
from ..scope import Scope
from ..search import row_ids
from . import tenant_list
from .tenant_list import Filters, ListedAs

_OF_UNMATCHED = (MatchingAction.ACCEPT, MatchingAction.CREATE)


@dataclass(frozen=True)
class Selection:
    """The tenants; how many were ticked that are not there; whether somebody ticked each of them."""

    tenants: Sequence[Tenant]
    missing: Sequence[int] = ()
    is_by_hand: bool = False


def selected(
    session: DbSession, scope: Scope, form: MultiDict[str, str], filters: Filters, action: MatchingAction
) -> Selection:
    """What the form selects, within the integration of its list."""
    if "exact" in form:
        return Selection(tenant_list.exactly_named(session, scope, filters))
    if form.get("which") == "filtered":
        # Where no state is filtered by, those are meant for which the action is.
        state = filters.state or (ListedAs.UNMATCHED if action in _OF_UNMATCHED else None)
        return Selection(tenant_list.all_filtered(session, replace(filters, state=state)))
    ids = set(row_ids(form.getlist("tenant")))
    tenants = tenant_list.chosen(session, filters, sorted(ids))
    return Selection(tenants, sorted(ids - {tenant.id for tenant in tenants}), is_by_hand=True)
