"""The list of tenants: which are in it, in what order, and what is suggested for those that are unmatched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, case, func, literal, or_, select, true
from sqlalchemy.orm import contains_eager, joinedload

from ..models import Integration, License, Organization, OrganizationDomain, Tenant
from ..models.base import DbSession
from ..models.portions import in_portions
from ..paging import Page
from ..scope import Scope
from ..search import every_word, row_id, searchable
from .suggestions import MOST_OFFERED, Suggestion, Suggestions, Tie

PER_PAGE = 50
# How many organizations a search for one lists; more are found by typing more.
MOST_FOUND = 20


class ListedAs(StrEnum):
    """How a tenant is listed, in this order. One that is gone is so, whatever it is matched to."""

    UNMATCHED = "unmatched"
    MATCHED = "matched"
    IGNORED = "ignored"
    GONE = "gone"


_ORDER = list(ListedAs)
_RANK = case(
    (Tenant.gone_at.is_not(None), 3),
    (Tenant.organization_id.is_not(None), 1),
    (Tenant.ignored_at.is_not(None), 2),
    else_=0,
)


@dataclass(frozen=True)
class Filters:
    """What narrows the list. `is_within` says that its page is that of one integration, and not of all."""

    q: str = ""
    state: ListedAs | None = None
    integration_id: int | None = None
    is_within: bool = False

    @classmethod
    def of(cls, given: Mapping[str, str], within: int | None = None) -> Filters:
        """The filters in an address or a form; what is no filter counts as none given."""
        state = next((state for state in ListedAs if state == given.get("state")), None)
        chosen = within if within is not None else row_id(given.get("integration", ""))
        return cls(searchable(given.get("q", "")), state, chosen, within is not None)

    def parameters(self) -> dict[str, str]:
        """What stands in the address, beside the integration that is in its path."""
        integration = str(self.integration_id) if self.integration_id and not self.is_within else ""
        given = {"q": self.q, "state": self.state.value if self.state else "", "integration": integration}
        return {key: value for key, value in given.items() if value}

    @property
    def is_narrowed(self) -> bool:
        return bool(self.parameters())


@dataclass(frozen=True)
class TenantRow:
    """A tenant as it is listed: how many licenses it has, and whose it may be where nobody has said."""

    tenant: Tenant
    listed_as: ListedAs
    licenses: int = 0
    suggestion: Suggestion | None = None
    # Why none is suggested where several come into question, and the first of those.
    tie: Tie | None = None
    offered: Sequence[FoundOrganization] = ()


def counts(session: DbSession, filters: Filters) -> dict[ListedAs, int]:
    """How many tenants there are of each state, whatever state is filtered by."""
    conditions = _conditions(filters)
    rank = _RANK.label("rank")
    query = select(rank, func.count()).select_from(Tenant).join(Tenant.integration).where(*conditions).group_by(rank)
    found = {_ORDER[place]: number for place, number in session.execute(query)}
    return {state: found.get(state, 0) for state in ListedAs}


def page(session: DbSession, scope: Scope, filters: Filters, asked: int, total: int) -> tuple[Page, list[TenantRow]]:
    """One page of the tenants: unmatched first, then matched, ignored, gone; by name within these."""
    paging = Page(asked, PER_PAGE, total)
    found = session.scalars(_filtered(filters).limit(PER_PAGE).offset(paging.offset)).all()
    return paging, rows(session, scope, found)


def rows(session: DbSession, scope: Scope, tenants: Sequence[Tenant]) -> list[TenantRow]:
    """The tenants as they are listed, with suggestions for those that wait for one."""
    numbers = license_counts(session, [tenant.id for tenant in tenants if tenant.is_matched])
    states = {tenant.id: listed_as(tenant) for tenant in tenants}
    suggestions = Suggestions(session, scope) if ListedAs.UNMATCHED in states.values() else None
    found = {
        tenant.id: suggestions.of(tenant)
        for tenant in tenants
        if suggestions is not None and states[tenant.id] == ListedAs.UNMATCHED
    }
    ties = {tenant_id: tie for tenant_id, tie in found.items() if isinstance(tie, Tie)}
    several = dict.fromkeys(one for tie in ties.values() for one in tie.organizations[:MOST_OFFERED])
    hints = {one.id: one for one in hinted(session, [(one.id, one.name) for one in several])} if several else {}
    listed = []
    for tenant in tenants:
        tie, suggestion = ties.get(tenant.id), found.get(tenant.id)
        listed.append(
            TenantRow(
                tenant,
                states[tenant.id],
                numbers.get(tenant.id, 0),
                suggestion if isinstance(suggestion, Suggestion) else None,
                tie,
                [hints[one.id] for one in tie.organizations[:MOST_OFFERED]] if tie else (),
            )
        )
    return listed


def all_filtered(session: DbSession, filters: Filters) -> Sequence[Tenant]:
    """All tenants that are filtered, on whatever page they are."""
    return session.scalars(_filtered(filters)).all()


def chosen(session: DbSession, filters: Filters, tenant_ids: Sequence[int]) -> list[Tenant]:
    """Those of the tenants that are in the list of these filters' integration, whatever else is filtered by."""
    found: list[Tenant] = []
    within = Filters(integration_id=filters.integration_id if filters.is_within else None)
    for some in in_portions(sorted(tenant_ids)):
        found.extend(session.scalars(_filtered(within).where(Tenant.id.in_(some))))
    return found


def find(session: DbSession, tenant_ids: Sequence[int]) -> dict[int, Tenant]:
    """These tenants by id, with their organizations and integrations."""
    query = select(Tenant).where(Tenant.id.in_(tenant_ids))
    found = session.scalars(query.options(joinedload(Tenant.organization), joinedload(Tenant.integration)))
    return {tenant.id: tenant for tenant in found}


def listed_as(tenant: Tenant) -> ListedAs:
    return ListedAs.GONE if tenant.gone_at is not None else ListedAs(tenant.state.value)


def unmatched(session: DbSession) -> int:
    """How many tenants of all integrations wait to be matched."""
    return counts(session, Filters())[ListedAs.UNMATCHED]


def exact_names(session: DbSession, scope: Scope, filters: Filters) -> int:
    """How many unmatched tenants of the integration, or of all, have the name of exactly one organization in use."""
    return len(_exactly_named(session, scope, filters))


def exactly_named(session: DbSession, scope: Scope, filters: Filters) -> list[Tenant]:
    """These tenants, whatever else is filtered by."""
    return chosen(session, filters, _exactly_named(session, scope, filters))


def integrations(session: DbSession) -> Sequence[Integration]:
    """The integrations to filter by."""
    query = select(Integration).where(Integration.is_live).order_by(Integration.name_folded, Integration.id)
    return session.scalars(query).all()


@dataclass(frozen=True)
class FoundOrganization:
    """An organization to choose from, and what tells it from others of its name."""

    id: int
    name: str
    hint: str


def organizations(session: DbSession, scope: Scope, q: str) -> tuple[list[FoundOrganization], bool]:
    """The first organizations in use in whose name or domains each word is found, and whether there are more."""
    query = (
        select(Organization)
        .where(scope.includes(), ~Organization.is_archived, every_word(q, _is_in_organization))
        .order_by(Organization.name_folded, Organization.id)
        .limit(MOST_FOUND + 1)
    )
    found = session.scalars(query).all()
    return hinted(session, [(row.id, row.name) for row in found[:MOST_FOUND]]), len(found) > MOST_FOUND


def organization(session: DbSession, scope: Scope, organization_id: int) -> Organization | None:
    """The organization in use of this id."""
    in_use = (scope.includes(), ~Organization.is_archived)
    return session.scalar(select(Organization).where(Organization.id == organization_id, *in_use))


def hinted(session: DbSession, named: Sequence[tuple[int, str]]) -> list[FoundOrganization]:
    """The organizations, each with its first domain, or its number."""
    first = select(func.min(OrganizationDomain.id)).group_by(OrganizationDomain.organization_id)
    first = first.where(OrganizationDomain.organization_id.in_([number for number, _ in named]))
    domains = select(OrganizationDomain.organization_id, OrganizationDomain.domain).where(
        OrganizationDomain.id.in_(first)
    )
    by_id = {row.organization_id: row.domain for row in session.execute(domains)}
    return [FoundOrganization(number, name, by_id.get(number, f"no. {number}")) for number, name in named]


def _filtered(filters: Filters) -> Select[Tenant]:
    query = select(Tenant).join(Tenant.integration).where(*_conditions(filters))
    if filters.state is not None:
        query = query.where(_has_rank(_ORDER.index(filters.state)))
    return query.options(contains_eager(Tenant.integration), joinedload(Tenant.organization)).order_by(
        _RANK, Tenant.name_folded, Tenant.id
    )


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [every_word(filters.q, _is_in_tenant), true() & Integration.is_live]
    if filters.integration_id is not None:
        conditions.append(Tenant.integration_id == filters.integration_id)
    return conditions


def _exactly_named(session: DbSession, scope: Scope, filters: Filters) -> list[int]:
    # Compared here: a join by name is a matter of seconds where the database does not know how many there are.
    single = (
        select(Organization.name_folded)
        .where(scope.includes(), ~Organization.is_archived, Organization.name_folded != "")
        .group_by(Organization.name_folded)
        .having(func.count() == 1)
    )
    names = set(session.scalars(single))
    unmatched = select(Tenant.id, Tenant.name_folded).join(Tenant.integration)
    found = session.execute(unmatched.where(*_conditions(replace(filters, q="")), _has_rank(0)))
    return [row.id for row in found if row.name_folded in names]


def _has_rank(rank: int) -> ColumnElement[bool]:
    # A literal, not a bare number: PostgreSQL must know its type.
    return literal(rank) == _RANK


def _is_in_tenant(word: str) -> ColumnElement[bool]:
    columns = (Tenant.search_folded, Tenant.domains, Tenant.tenant_id)
    return or_(*(column.contains(word, autoescape=True) for column in columns))


def _is_in_organization(word: str) -> ColumnElement[bool]:
    domains = select(OrganizationDomain.organization_id).where(
        OrganizationDomain.domain.contains(word, autoescape=True)
    )
    return or_(Organization.name_folded.contains(word, autoescape=True), Organization.id.in_(domains))


def license_counts(session: DbSession, tenant_ids: Sequence[int]) -> dict[int, int]:
    """How many licenses each of these tenants has."""
    number = func.count().label("number")
    query = select(License.tenant_id, number).where(License.tenant_id.in_(tenant_ids)).group_by(License.tenant_id)
    return {row.tenant_id: row.number for row in session.execute(query)}
