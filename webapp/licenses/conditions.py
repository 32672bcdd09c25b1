"""What filters ask of licenses, as conditions; which organizations, tenants and products the values in them name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select

from ..access import EVERYTHING
from ..likely import likely
from ..models import STATUS_LABELS, Integration, License, Organization, Product, Tenant, fold
from ..models.portions import in_portions
from ..scope import Scope
from ..search import every_word, row_id
from .filters import CONNECTED, DISCONNECTED, Filters

EVERY_TENANTS_DOMAIN = ".onmicrosoft.com"

# So many values are looked for in one expression; each takes up to six of the thousand levels that SQLite allows.
_GROUP = 50


def meets(scope: Scope, filters: Filters, organization_id: int | None) -> ColumnElement[bool]:
    """Where an organization is given, only its licenses, also while it is archived; else those of all in use."""
    conditions = [every_word(filters.q, _is_found)]
    if organization_id is not None:
        conditions.append(Tenant.organization_id == organization_id)
    else:
        conditions.append(likely(~Organization.is_archived))
    if organization_id is None and filters.organization:
        conditions.append(Tenant.organization_id.in_(organizations_chosen(filters.organization, scope)))
    if filters.tenant:
        conditions.append(License.tenant_id.in_(tenants_chosen(filters.tenant, scope)))
    if filters.product:
        conditions.append(License.product_id.in_(products_chosen(filters.product, scope)))
    if filters.status:
        conditions.append(_has_status(filters.status))
    if filters.connection:
        conditions.append(License.tenant_id.in_(_tenants_by_connection(filters.connection)))
    return and_(*conditions)


def organizations_chosen(values: Iterable[str], scope: Scope = EVERYTHING) -> Select[int]:
    """The ids of the organizations that the values name: by id, or else by their exact name.

    One that the scope hides takes no id from a name: nobody can tell by it that it is there.
    """
    seen = select(Organization.id).where(scope.includes())
    return _chosen(Organization, values, lambda value: Organization.name_folded == fold(value), seen)


def tenants_chosen(values: Iterable[str], scope: Scope = EVERYTHING) -> Select[int]:
    """The ids of the tenants that the values name: by row id, or else by GUID, name or one of their domains."""

    def is_called(value: str) -> ColumnElement[bool]:
        return or_(
            func.lower(Tenant.tenant_id) == value.lower(),
            Tenant.name_folded == fold(value),
            Tenant.has_domain(value),
        )

    seen = select(Tenant.id).join(Organization, Tenant.organization_id == Organization.id).where(scope.includes())
    return _chosen(Tenant, values, is_called, seen)


def products_chosen(values: Iterable[str], scope: Scope = EVERYTHING) -> Select[int]:
    """The ids of the products that the values name: by SKU id, part number or friendly name."""

    def is_called(value: str) -> ColumnElement[bool]:
        return or_(
            func.lower(Product.sku_id) == value.lower(),
            func.lower(Product.part_number) == value.lower(),
            Product.name_folded == fold(value),
        )

    return _ids(Product, [is_called(value) for value in values])


def standing_alone(query: Select[Any]) -> Select[Any]:
    """The query as it is also inside one of the same tables, with which SQLAlchemy would tie it up."""
    return query.correlate(None)


def _is_found(word: str) -> ColumnElement[bool]:
    # The small tables are searched first: the licenses, of which there are many, are then found by their ids.
    organizations = select(Organization.id).where(Organization.name_folded.contains(word, autoescape=True))
    # What every tenant's first domain has would find them all; such a word is looked for in their names alone.
    searched = Tenant.name_folded if word in EVERY_TENANTS_DOMAIN else Tenant.search_folded
    tenants = select(Tenant.id).where(
        or_(
            searched.contains(word, autoescape=True),
            Tenant.organization_id.in_(standing_alone(organizations)),
        )
    )
    products = select(Product.id).where(Product.search_folded.contains(word, autoescape=True))
    return or_(
        License.tenant_id.in_(standing_alone(tenants)),
        License.product_id.in_(standing_alone(products)),
        func.lower(License.sku_part_number).contains(word, autoescape=True),
    )


def _has_status(statuses: tuple[str, ...]) -> ColumnElement[bool]:
    unknown = [status.lower() for status in statuses if status not in STATUS_LABELS]
    known = License.status.in_(statuses)
    return or_(known, func.lower(License.status).in_(unknown)) if unknown else known


def _tenants_by_connection(connections: tuple[str, ...]) -> Select[int]:
    """The ids of the tenants whose integration is live, or was removed."""
    wanted = {CONNECTED: Integration.is_live, DISCONNECTED: ~Integration.is_live}
    is_wanted = or_(false(), *(wanted[connection] for connection in connections))
    return standing_alone(select(Tenant.id).join(Tenant.integration).where(is_wanted))


def _chosen(model: Any, values: Iterable[str], is_called: Any, seen: Select[int]) -> Select[int]:
    """The ids of the rows that the values name. Digits are an id; where nothing that is seen has it, a name."""
    conditions: list[ColumnElement[bool]] = []
    for value in values:
        number = row_id(value)
        if number is None:
            conditions.append(is_called(value))
        else:
            is_id = standing_alone(seen.where(model.id == number)).exists()
            conditions.append(or_(model.id == number, and_(is_called(value), ~is_id)))
    return _ids(model, conditions)


def _ids(model: Any, conditions: Sequence[ColumnElement[bool]]) -> Select[int]:
    """The ids of the rows for which one of the conditions holds.

    In groups, each a query of its own: SQLite takes an expression only so deep, and of those that are joined by OR each
    lies deeper than the one before.
    """
    groups = [standing_alone(select(model.id).where(or_(*some))) for some in in_portions(conditions, _GROUP)]
    if len(groups) == 1:
        return groups[0]
    return standing_alone(select(model.id).where(or_(false(), *map(model.id.in_, groups))))
