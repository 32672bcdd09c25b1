"""Matching tenants to organizations, for the pages and the commands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import select

from ..models import FlexibleAssetType, Organization, Tenant, fold
from ..models.base import DbSession
from ..text import one_line

# Databases take so many values in one statement, and not many more.
_NAMES_PER_QUERY = 1000

# What becomes of a new tenant; called in the transaction that saves it.
Place = Callable[[Tenant], None]


def organizations_named(session: DbSession, names: Iterable[str]) -> dict[str, list[Organization]]:
    """The organizations of each of these names, by folded name."""
    found: dict[str, list[Organization]] = {fold(name): [] for name in names}
    folded = list(found)
    for start in range(0, len(folded), _NAMES_PER_QUERY):
        some = folded[start : start + _NAMES_PER_QUERY]
        query = select(Organization).where(Organization.name_folded.in_(some)).order_by(Organization.id)
        for organization in session.scalars(query):
            found[organization.name_folded].append(organization)
    return found


def namesakes(session: DbSession, tenants: Sequence[Tenant]) -> dict[int, list[Organization]]:
    """The organizations that have a tenant's name, by the tenant's id. Tenants of one name share one list."""
    names = {tenant.id: name_for_organization(tenant) for tenant in tenants}
    named = organizations_named(session, names.values())
    return {tenant_id: named[fold(name)] for tenant_id, name in names.items()}


def name_for_organization(tenant: Tenant) -> str:
    """The tenant's name as an organization may have it."""
    return one_line(tenant.name) or tenant.default_domain or tenant.tenant_id


def organization_to_match(session: DbSession, organization_id: int) -> Organization | None:
    """The organization, kept from being deleted until this transaction ends."""
    return session.get(Organization, organization_id, with_for_update={"read": True})


def create_organization(session: DbSession, tenant: Tenant) -> Sequence[Organization]:
    """Match the tenant to a new organization named after it.

    Where organizations of that name exist, nothing is done and they are returned: two of one name are a mistake more
    often than not.
    """
    take_turns(session)
    existing = namesakes(session, [tenant])[tenant.id]
    if not existing:
        tenant.match(Organization(name=name_for_organization(tenant)))
        session.flush()
    return existing


def take_turns(session: DbSession) -> bool:
    """Until this transaction ends, nobody else connects a tenant, or adds or renames an organization.

    No constraint of the database forbids two of a kind here, so who checks and then writes goes one after another.
    Who connects is held off by the removal of the last integration, too, which deletes the row that they both queue
    for; False where it is not there. SQLite has one writer at a time by nature.
    """
    Organization.hold_names(session)
    return FlexibleAssetType.hold_licenses(session)
