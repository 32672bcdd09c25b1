"""The one query of licenses: filters become a SELECT that serves the page, the partial, the export and the command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select

from ..models import (
    Assignment,
    Contact,
    DirectoryUser,
    Integration,
    License,
    LicenseStatus,
    Organization,
    Product,
    Tenant,
)
from ..models.base import DbSession
from ..paging import Page
from ..scope import Scope
from ..search import row_id
from .conditions import meets, standing_alone
from .filters import Filters

_COLUMNS = (
    License.id,
    Organization.id.label("organization_id"),
    Organization.name.label("organization"),
    Tenant.id.label("tenant_row_id"),
    Tenant.tenant_id,
    Tenant.name.label("tenant"),
    Tenant.last_synced_at,
    Tenant.left_out_at,
    Tenant.gone_at.label("tenant_gone_at"),
    Integration.name.label("integration"),
    Product.name.label("product"),
    License.sku_id,
    License.sku_part_number,
    License.applies_to,
    License.status,
    License.active,
    License.consumed,
    License.unused,
    License.over,
    License.warning,
    License.suspended,
    License.locked_out,
    License.created_at,
    License.changed_at,
    License.gone_at,
    License.is_restricted,
    Integration.disconnected_at,
)

# What is lost soonest, and can still be saved, is first; what is as it should be, and what is over, is last. A status
# that is not known may be anything.
_URGENCY: dict[str, int] = {
    LicenseStatus.LOCKED_OUT: 0,
    LicenseStatus.SUSPENDED: 1,
    LicenseStatus.WARNING: 2,
    LicenseStatus.DELETED: 3,
    LicenseStatus.ENABLED: 5,
    LicenseStatus.GONE: 6,
}
_UNKNOWN_URGENCY = 4

_SORT_COLUMNS: dict[str, Any] = {
    "organization": Organization.name_folded,
    "tenant": Tenant.name_folded,
    "product": Product.name_folded,
    "status": case(_URGENCY, value=License.status, else_=_UNKNOWN_URGENCY),
    "active": License.active,
    "consumed": License.consumed,
    "unused": License.unused,
    "over": License.over,
    "last_synced": Tenant.last_synced_at,
    "disconnected": Integration.disconnected_at,
}
# What may be missing. It is before every time; the databases disagree where it belongs.
_MAY_BE_MISSING = {"last_synced", "disconnected"}


@dataclass(frozen=True)
class Totals:
    """The figures of all that is filtered, not only of the page that is shown."""

    count: int = 0
    active: int = 0
    consumed: int = 0
    unused: int = 0
    over: int = 0


def listing(
    scope: Scope, filters: Filters, organization_id: int | None = None, *, with_assigned: bool = False
) -> Select[Any]:
    """One row a license, sorted; the caller takes of it a page, or all.

    Where an organization is given, only its licenses, also while it is archived; else those of all that are in use. A
    license is visible while its tenant is matched. `assigned`, how many users hold it, is there where it is asked for.
    """
    columns = (*_COLUMNS, _assigned()) if with_assigned else _COLUMNS
    query = _visible(scope, *columns).outerjoin(Integration, Tenant.integration_id == Integration.id)
    return query.where(meets(scope, filters, organization_id)).order_by(*_order(filters))


def page_of(query: Select[Any], page: Page) -> Select[Any]:
    """The rows of a listing that are on the page.

    Only ids are sorted, whole rows are fetched for those of the page: far from the beginning that is much faster.
    """
    ids = query.with_only_columns(License.id, maintain_column_froms=True).limit(page.per_page).offset(page.offset)
    return query.where(License.id.in_(standing_alone(ids)))


def totals(session: DbSession, scope: Scope, filters: Filters, organization_id: int | None = None) -> Totals:
    """The totals of what `listing` lists for the same arguments."""
    figures = [
        func.coalesce(func.sum(column), 0)
        for column in (License.active, License.consumed, License.unused, License.over)
    ]
    query = _visible(scope, func.count(License.id), *figures).where(meets(scope, filters, organization_id))
    return Totals(*map(int, session.execute(query).one()))


def find(session: DbSession, scope: Scope, license_id: int) -> Any:
    """The row of one license as `listing` has it, or None where there is none that the scope includes."""
    if row_id(license_id) is None:
        return None
    query = _visible(scope, *_COLUMNS).outerjoin(Integration, Tenant.integration_id == Integration.id)
    return session.execute(query.where(License.id == license_id)).one_or_none()


def of_contact(scope: Scope, contact_id: int) -> Select[Any]:
    """The licenses that a contact holds, with how: `is_direct` and `is_through_group`.

    Only those of the organization that the contact belongs to: its tenant may have been matched to another since.
    """
    held = (
        select(
            Assignment.license_id,
            func.max(case((Assignment.is_direct, 1), else_=0)).label("is_direct"),
            func.max(case((Assignment.is_through_group, 1), else_=0)).label("is_through_group"),
        )
        .join(DirectoryUser, DirectoryUser.id == Assignment.directory_user_id)
        .where(DirectoryUser.contact_id == contact_id)
        .group_by(Assignment.license_id)
        .subquery()
    )
    theirs = select(Contact.organization_id).where(Contact.id == contact_id).scalar_subquery()
    return (
        _visible(scope, *_COLUMNS, held.c.is_direct, held.c.is_through_group)
        .join(held, held.c.license_id == License.id)
        .outerjoin(Integration, Tenant.integration_id == Integration.id)
        .where(Organization.id == theirs)
        .order_by(Product.name_folded, License.id)
    )


def _visible(scope: Scope, *columns: Any) -> Select[Any]:
    """Columns of the licenses that somebody may see: every query of licenses begins here.

    Each license has a product. It is joined from outside all the same, because then SQLite, which knows little of
    the tables' sizes, cannot begin with the products and visit every tenant for each of them.
    """
    return (
        select(*columns)
        .select_from(License)
        .join(Tenant, License.tenant_id == Tenant.id)
        .join(Organization, Tenant.organization_id == Organization.id)
        .outerjoin(Product, License.product_id == Product.id)
        .where(scope.includes(), scope.includes_license())
    )


def _assigned() -> Any:
    """How many users hold a license; of the rows that are fetched alone, each by the beginning of a primary key."""
    return (
        select(func.count())
        .select_from(Assignment)
        .where(Assignment.license_id == License.id)
        .correlate(License)
        .scalar_subquery()
        .label("assigned")
    )


def _order(filters: Filters) -> list[ColumnElement[Any]]:
    """The order asked for; what is equal there is sorted the same everywhere, so that no page repeats a row."""
    column = _SORT_COLUMNS[filters.sort_field]
    first = column.desc().nulls_last() if filters.is_descending else column.asc().nulls_first()
    if filters.sort_field not in _MAY_BE_MISSING:
        first = column.desc() if filters.is_descending else column.asc()
    return [first, Product.name_folded, Organization.name_folded, License.id]
