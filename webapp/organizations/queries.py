"""Organizations as the pages need them, each query within somebody's scope."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for
from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import joinedload

from ..models import (
    OFFICE_365_LICENSES,
    Contact,
    FlexibleAsset,
    FlexibleAssetType,
    License,
    LicenseStatus,
    Organization,
    OrganizationDomain,
    Tenant,
    fold,
)
from ..models.base import DbSession
from ..scope import Scope
from ..search import every_word, row_id

CONTACTS = "contacts"


@dataclass(frozen=True)
class Entry:
    """What an organization's sidebar leads to, contacts or a flexible asset type, and how many live records it has."""

    slug: str
    name: str
    icon: str
    url: str
    count: int


@dataclass(frozen=True)
class Summary:
    """What an organization has: how many tenants, and the figures of its licenses."""

    tenants: int = 0
    licenses: int = 0
    active: int = 0
    consumed: int = 0
    unused: int = 0
    over: int = 0


def find(session: DbSession, scope: Scope, organization_id: int, to_add: bool = False) -> Organization | None:
    """The organization, or None where there is none that the scope includes.

    Whoever adds something to it says `to_add`: an undo that is just removing it is waited for, and none removes it
    before this transaction ends.
    """
    if row_id(organization_id) is None:
        return None
    query = select(Organization).where(Organization.id == organization_id, scope.includes())
    if to_add:
        query = query.with_for_update(read=True, key_share=True).execution_options(populate_existing=True)
    return session.scalar(query)


def listing(scope: Scope, q: str, archived: bool = False) -> Select[Organization]:
    """The organizations in use, or those that are archived, sorted by name.

    Every word is found in their name or domains, or in their tenants' names or domains.
    """

    def is_found(word: str) -> Any:
        tenants = select(Tenant.organization_id).where(
            Tenant.organization_id.is_not(None), Tenant.search_folded.contains(word, autoescape=True)
        )
        domains = select(OrganizationDomain.organization_id).where(
            OrganizationDomain.domain.contains(word, autoescape=True)
        )
        return or_(
            Organization.name_folded.contains(word, autoescape=True),
            Organization.id.in_(tenants),
            Organization.id.in_(domains),
        )

    is_listed = Organization.is_archived if archived else ~Organization.is_archived
    query = select(Organization).where(scope.includes(), is_listed, every_word(q, is_found))
    return query.order_by(Organization.name_folded, Organization.id)


def summaries(session: DbSession, scope: Scope, organization_ids: Sequence[int]) -> dict[int, Summary]:
    """The summary of each of the organizations, in one query. Licenses that are hidden from who asks do not count."""
    rows = session.execute(
        select(
            Tenant.organization_id,
            func.count(Tenant.id.distinct()),
            func.count(License.id).filter(License.status != LicenseStatus.GONE),
            *(
                func.coalesce(func.sum(column), 0)
                for column in (License.active, License.consumed, License.unused, License.over)
            ),
        )
        .select_from(Tenant)
        .outerjoin(License, and_(License.tenant_id == Tenant.id, scope.includes_license()))
        .where(Tenant.organization_id.in_(organization_ids))
        .group_by(Tenant.organization_id)
    )
    summed = {organization_id: Summary(*map(int, figures)) for organization_id, *figures in rows}
    return {organization_id: summed.get(organization_id, Summary()) for organization_id in organization_ids}


def sidebar(session: DbSession, scope: Scope, organization: Organization) -> list[Entry]:
    """Contacts and the flexible asset types, with the number of the organization's live records."""
    live = (
        select(func.count(License.id))
        .join(Tenant, License.tenant_id == Tenant.id)
        .join(Organization, Tenant.organization_id == Organization.id)
        .where(Organization.id == organization.id, scope.includes(), scope.includes_license())
        .where(License.status != LicenseStatus.GONE)
    )
    assets = (
        select(FlexibleAssetType, func.count(FlexibleAsset.id))
        .outerjoin(
            FlexibleAsset,
            and_(
                FlexibleAsset.type_id == FlexibleAssetType.id,
                FlexibleAsset.organization_id == organization.id,
                scope.includes_asset(),
            ),
        )
        .where(FlexibleAssetType.archived_at.is_(None))
        .group_by(FlexibleAssetType.id)
    )
    contacts_url = url_for("contacts.organizations", organization_id=organization.id)
    contacts = Entry(CONTACTS, "Contacts", "address-book", contacts_url, contacts_of(session, scope, organization))
    entries = [contacts]
    for kind, assets_of_type in sorted(session.execute(assets), key=lambda row: (fold(row[0].name), row[0].id)):
        if kind.slug == OFFICE_365_LICENSES:
            url = url_for("licenses.organizations", organization_id=organization.id)
            number = session.scalar(live) or 0
        else:
            url = url_for("assets.organizations", organization_id=organization.id, slug=kind.slug)
            number = assets_of_type
        entries.append(Entry(kind.slug, kind.name, kind.icon, url, number))
    return entries


def tenants_of(session: DbSession, organization: Organization) -> Sequence[Tenant]:
    query = select(Tenant).options(joinedload(Tenant.integration)).where(Tenant.organization_id == organization.id)
    return session.scalars(query.order_by(Tenant.name_folded, Tenant.id)).all()


def contacts_of(session: DbSession, scope: Scope, organization: Organization) -> int:
    """How many contacts the organization has."""
    query = (
        select(func.count(Contact.id))
        .join(Organization, Contact.organization_id == Organization.id)
        .where(Organization.id == organization.id, scope.includes())
    )
    return session.scalar(query) or 0


def named(session: DbSession, scope: Scope, name: str, besides: int | None = None) -> Organization | None:
    """Another organization that has this name already, told apart by neither case nor width nor spaces.

    One that is hidden is not told of: it is as if it were not there. One in use comes before one that is archived.
    """
    query = select(Organization).where(Organization.name_folded == fold(name), scope.includes())
    if besides is not None:
        query = query.where(Organization.id != besides)
    return session.scalar(query.order_by(Organization.is_archived, Organization.id).limit(1))
