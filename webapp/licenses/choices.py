"""What the filters of a list offer to choose from, and what of it is chosen: never more than the viewer may see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, String, cast, or_, select

from ..choices import Choice, Choices, Entries, first_found, offered
from ..models import STATUS_LABELS, Integration, License, Organization, Product, Tenant
from ..models.base import DbSession
from ..scope import Scope
from ..search import every_word
from .conditions import organizations_chosen, products_chosen, tenants_chosen
from .filters import CONNECTIONS, Filters


@dataclass(frozen=True)
class _Kind:
    label: str
    query: Callable[[Scope, int | None], Entries]
    is_found: Callable[[str], ColumnElement[bool]]
    chosen: Callable[[Iterable[str], Scope], Select[int]]
    model: Any
    # By what else one may be named, one name a line.
    named_by: tuple[SQLColumnExpression[str], ...] = ()


def filters_shown(
    session: DbSession, scope: Scope, filters: Filters, organization_id: int | None = None
) -> list[Choices]:
    """The selects above a list; an organization's own list needs none for the organization."""
    kinds = [kind for kind in KINDS if kind != "organization" or organization_id is None]
    shown = [_shown(session, scope, kind, getattr(filters, kind), organization_id) for kind in kinds]
    connections = _connections(session, scope, filters.connection, organization_id)
    return [*shown, _statuses(filters.status), *connections]


def found(session: DbSession, scope: Scope, kind: str, q: str, organization_id: int | None = None) -> list[Choice]:
    """The first entries in which every word of `q` is found."""
    rules = KINDS[kind]
    return first_found(session, rules.query(scope, organization_id).where(every_word(q, rules.is_found)))


def unknown(session: DbSession, scope: Scope, kind: str, values: Sequence[str]) -> list[str]:
    """Those of the values that name nothing at all."""
    return [value for value in values if session.scalar(KINDS[kind].chosen([value], scope).limit(1)) is None]


def _shown(session: DbSession, scope: Scope, kind: str, values: Sequence[str], organization_id: int | None) -> Choices:
    rules = KINDS[kind]
    is_chosen = rules.model.id.in_(rules.chosen(values, scope))
    entries = rules.query(scope, organization_id)
    return offered(session, kind, rules.label, entries, is_chosen, values, rules.named_by)


def _statuses(chosen: Sequence[str]) -> Choices:
    options = [Choice(str(status), label, status in chosen) for status, label in STATUS_LABELS.items()]
    options += [Choice.of_nothing(status) for status in chosen if status not in STATUS_LABELS]
    return Choices("status", "Status", options)


def _connections(session: DbSession, scope: Scope, chosen: Sequence[str], organization_id: int | None) -> list[Choices]:
    """Whether licenses are still synced: a select only where there are some that are not, or it is chosen by."""
    kept = (
        select(Tenant.id)
        .join(Organization, Tenant.organization_id == Organization.id)
        .join(Integration, Tenant.integration_id == Integration.id)
        .where(scope.includes(), _within(organization_id), ~Integration.is_live)
    )
    if not chosen and session.scalar(kept.limit(1)) is None:
        return []
    options = [Choice(connection, connection.capitalize(), connection in chosen) for connection in CONNECTIONS]
    return [Choices("connection", "Connection", options)]


def _organizations(scope: Scope, organization_id: int | None) -> Entries:
    matched = select(Tenant.organization_id).where(Tenant.organization_id.is_not(None))
    value = cast(Organization.id, String)
    return (
        select(value, Organization.name, value)
        .where(scope.includes(), _within(organization_id), Organization.id.in_(matched))
        .order_by(Organization.name_folded, Organization.id)
    )


def _tenants(scope: Scope, organization_id: int | None) -> Entries:
    return (
        select(cast(Tenant.id, String), Tenant.name, Tenant.default_domain)
        .join(Organization, Tenant.organization_id == Organization.id)
        .where(scope.includes(), _within(organization_id))
        .order_by(Tenant.name_folded, Tenant.id)
    )


def _products(scope: Scope, organization_id: int | None) -> Entries:
    licensed = (
        select(License.product_id)
        .join(Tenant, License.tenant_id == Tenant.id)
        .join(Organization, Tenant.organization_id == Organization.id)
        .where(scope.includes(), scope.includes_license(), _within(organization_id))
    )
    if organization_id is None:
        # For each of the few products one license is looked for, rather than all licenses for their products; the
        # limit keeps PostgreSQL from doing the latter all the same.
        of_product = licensed.where(License.product_id == Product.id).correlate(Product).limit(1)
        is_licensed: ColumnElement[bool] = of_product.scalar_subquery().is_not(None)
    else:
        is_licensed = Product.id.in_(licensed)
    query = select(Product.sku_id, Product.name, Product.part_number).where(is_licensed)
    return query.order_by(Product.name_folded, Product.id)


def _within(organization_id: int | None) -> ColumnElement[bool]:
    """The condition on `Organization` that it is the one given; where none is, one that is in use."""
    return ~Organization.is_archived if organization_id is None else Organization.id == organization_id


KINDS = {
    "organization": _Kind(
        "Organization",
        _organizations,
        lambda word: Organization.name_folded.contains(word, autoescape=True),
        organizations_chosen,
        Organization,
    ),
    "tenant": _Kind(
        "Tenant",
        _tenants,
        lambda word: or_(
            Tenant.search_folded.contains(word, autoescape=True), Tenant.tenant_id.contains(word, autoescape=True)
        ),
        tenants_chosen,
        Tenant,
        (Tenant.tenant_id, Tenant.domains),
    ),
    "product": _Kind(
        "Product",
        _products,
        lambda word: Product.search_folded.contains(word, autoescape=True),
        products_chosen,
        Product,
    ),
}
