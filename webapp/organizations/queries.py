"""Organizations as the pages need them, each query within somebody's scope."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for
from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import joinedload

from ..access import Scope
from ..models import OFFICE_365_LICENSES, FlexibleAssetType, License, LicenseStatus, Organization, Tenant, fold
from ..models.base import DbSession
from ..search import every_word, row_id


@dataclass(frozen=True)
class Entry:
    """A flexible asset type in an organization's sidebar, and how many records of it are live."""

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


def find(session: DbSession, scope: Scope, organization_id: int) -> Organization | None:
    """The organization, or None where there is none that the scope includes."""
    if row_id(organization_id) is None:
        return None
    return session.scalar(select(Organization).where(Organization.id == organization_id, scope.includes()))


def listing(scope: Scope, q: str) -> Select[Organization]:
    """The organizations in whose name, or whose tenants' names or domains, every word is found; sorted by name."""

    def is_found(word: str) -> Any:
        tenants = select(Tenant.organization_id).where(
            Tenant.organization_id.is_not(None), Tenant.search_folded.contains(word, autoescape=True)
        )
        return or_(Organization.name_folded.contains(word, autoescape=True), Organization.id.in_(tenants))

    query = select(Organization).where(scope.includes(), every_word(q, is_found))
    return query.order_by(Organization.name_folded, Organization.id)


def summaries(session: DbSession, organization_ids: Sequence[int]) -> dict[int, Summary]:
    """The summary of each of the organizations, in one query."""
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
        .outerjoin(License, License.tenant_id == Tenant.id)
        .where(Tenant.organization_id.in_(organization_ids))
        .group_by(Tenant.organization_id)
    )
    summed = {organization_id: Summary(*map(int, figures)) for organization_id, *figures in rows}
    return {organization_id: summed.get(organization_id, Summary()) for organization_id in organization_ids}


def sidebar(session: DbSession, scope: Scope, organization: Organization) -> list[Entry]:
    """The flexible asset types with the number of the organization's live records."""
    live = (
        select(func.count(License.id))
        .join(Tenant, License.tenant_id == Tenant.id)
        .join(Organization, Tenant.organization_id == Organization.id)
        .where(Organization.id == organization.id, scope.includes(), License.status != LicenseStatus.GONE)
    )
    types = session.scalars(select(FlexibleAssetType).order_by(FlexibleAssetType.name)).all()
    counts = {OFFICE_365_LICENSES: session.scalar(live) or 0}
    urls = {OFFICE_365_LICENSES: url_for("licenses.organizations", organization_id=organization.id)}
    return [
        Entry(kind.slug, kind.name, kind.icon, urls[kind.slug], counts[kind.slug])
        for kind in types
        if kind.slug in urls
    ]


def tenants_of(session: DbSession, organization: Organization) -> Sequence[Tenant]:
    query = select(Tenant).options(joinedload(Tenant.integration)).where(Tenant.organization_id == organization.id)
    return session.scalars(query.order_by(Tenant.name_folded, Tenant.id)).all()


def is_taken(session: DbSession, name: str, besides: int | None = None) -> bool:
    """Whether another organization has this name already, told apart by neither case nor width nor spaces."""
    query = select(Organization.id).where(Organization.name_folded == fold(name))
    if besides is not None:
        query = query.where(Organization.id != besides)
    return session.scalar(query.limit(1)) is not None
