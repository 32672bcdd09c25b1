"""Who holds a license: the contacts that it tags, and how many people beside them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, false, func, or_, select

from ..models import Assignment, Contact, DirectoryUser, License, Organization, Product, Tenant
from ..models.base import DbSession
from ..scope import Scope
from ..search import every_word

DIRECT, THROUGH_GROUP, BOTH = "Direct", "Through a group", "Direct and through a group"


@dataclass(frozen=True)
class Holders:
    """How many people hold a license, and since when that is known.

    `named` are those who are contacts of the license's organization. Two of them may be the same contact, who has
    two accounts.
    """

    people: int
    named: int
    contacts: int
    users_synced_at: datetime | None

    @property
    def unnamed(self) -> int:
        return self.people - self.named


def how(is_direct: bool, is_through_group: bool) -> str:
    """How somebody comes to hold a license, in words."""
    if is_direct and is_through_group:
        return BOTH
    return THROUGH_GROUP if is_through_group else DIRECT


def holders(session: DbSession, license_id: int) -> Holders:
    """The numbers of a license that the caller found within somebody's scope, in one query."""
    query = (
        select(
            func.count(Assignment.directory_user_id),
            func.count(Contact.id),
            func.count(Contact.id.distinct()),
            Tenant.users_synced_at,
        )
        .select_from(License)
        .join(Tenant, License.tenant_id == Tenant.id)
        .outerjoin(Assignment, Assignment.license_id == License.id)
        .outerjoin(DirectoryUser, DirectoryUser.id == Assignment.directory_user_id)
        .outerjoin(Contact, _is_theirs())
        .where(License.id == license_id)
        .group_by(Tenant.id)
    )
    return Holders(*session.execute(query).one())


def contacts_of(scope: Scope, license_id: int, q: str = "") -> Select[*tuple[Any, ...]]:
    """The contacts that hold a license, once each, by name: those in whose name or addresses each word is found.

    Only contacts of the organization that the license belongs to now: a tenant that was matched anew may have left
    some in another.
    """
    return (
        select(
            Contact.id,
            Contact.name,
            Contact.email,
            func.max(case((Assignment.is_direct, 1), else_=0)).label("is_direct"),
            func.max(case((Assignment.is_through_group, 1), else_=0)).label("is_through_group"),
        )
        .select_from(Assignment)
        .join(License, License.id == Assignment.license_id)
        .join(Tenant, License.tenant_id == Tenant.id)
        .join(Organization, Tenant.organization_id == Organization.id)
        .join(DirectoryUser, DirectoryUser.id == Assignment.directory_user_id)
        .join(Contact, _is_theirs())
        .where(
            Assignment.license_id == license_id,
            scope.includes(),
            scope.includes_license(),
            every_word(q, _is_found),
        )
        .group_by(Contact.id)
        .order_by(Contact.name_folded, Contact.id)
    )


def contact_ids(license_id: int, organization_id: int, q: str = "") -> Select[int]:
    """The ids of `contacts_of`, in its order. The caller found the license, and whose it is, within somebody's scope.

    Sorted by themselves: of a license that tens of thousands hold, whole rows are fetched only for the page.
    """
    holding = (
        select(DirectoryUser.contact_id)
        .join(Assignment, Assignment.directory_user_id == DirectoryUser.id)
        .where(Assignment.license_id == license_id, DirectoryUser.contact_id.is_not(None))
    )
    return (
        select(Contact.id)
        .where(Contact.organization_id == organization_id, Contact.id.in_(holding), every_word(q, _is_found))
        .order_by(Contact.name_folded, Contact.id)
    )


def assignments(scope: Scope, license_id: int | None, organizations: Select[int] | None) -> Select[*tuple[Any, ...]]:
    """One row for each user who holds the license, or one of the organizations', named where it is a contact."""
    query: Select[*tuple[Any, ...]] = (
        select(
            Organization.name.label("organization"),
            Tenant.tenant_id,
            License.sku_id,
            License.sku_part_number,
            DirectoryUser.user_id,
            Contact.name.label("contact"),
            Contact.email,
            Assignment.is_direct,
            Assignment.is_through_group,
        )
        .select_from(Assignment)
        .join(License, License.id == Assignment.license_id)
        .join(Tenant, License.tenant_id == Tenant.id)
        .join(Organization, Tenant.organization_id == Organization.id)
        .join(Product, License.product_id == Product.id)
        .join(DirectoryUser, DirectoryUser.id == Assignment.directory_user_id)
        .outerjoin(Contact, _is_theirs())
        .where(scope.includes(), scope.includes_license())
    )
    wanted = [] if license_id is None else [License.id == license_id]
    wanted += [] if organizations is None else [Organization.id.in_(organizations)]
    order = (Organization.name_folded, Organization.id, Product.name_folded, License.id)
    return query.where(or_(false(), *wanted)).order_by(*order, Contact.name_folded.nulls_last(), DirectoryUser.user_id)


def _is_found(word: str) -> ColumnElement[bool]:
    return Contact.search_folded.contains(word, autoescape=True)


def _is_theirs() -> Any:
    """The condition that the contact is the user's, and of the organization that the tenant is matched to."""
    return and_(Contact.id == DirectoryUser.contact_id, Contact.organization_id == Tenant.organization_id)
