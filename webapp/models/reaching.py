"""The tenants that integrations reach: who may take one, and how a new row of one begins.

Each tenant is reached by one integration, since with two its licenses would be in every list twice. No constraint of
the database can say so, because the rows of removed integrations stay; so whoever makes a row takes their turn first.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import not_, or_, select

from . import removal
from .asset import FlexibleAssetType
from .base import DbSession, fold
from .integration import Integration
from .organization import Organization
from .portions import in_portions
from .tenant import Tenant


@dataclass(frozen=True)
class Reached:
    """A tenant's row in an integration, and how it came there: new, or adopted from where it was left."""

    tenant: Tenant
    is_new: bool


def take_turn(session: DbSession, integration_id: int) -> Integration:
    """The integration, locked: until this transaction ends, nobody else gives any integration a tenant.

    The row that all queue for comes first, as it does for who connects and who removes. Raises `IntegrationRemoved`.
    """
    FlexibleAssetType.hold_licenses(session)
    return Integration.live(session, integration_id, to_change=True)


def held_by_others(
    session: DbSession, integration_id: int | None, tenant_ids: Collection[str]
) -> dict[str, Integration]:
    """The other integration that has each of these tenants, by the tenant's GUID.

    One that is gone from a live integration is not reached by it any more; one whose data is being deleted is.
    """
    is_held = or_(Tenant.gone_at.is_(None), not_(Integration.is_live))
    query = select(Tenant.tenant_id, Integration).join(Tenant.integration).where(Integration.is_listed, is_held)
    if integration_id is not None:
        query = query.where(Integration.id != integration_id)
    found: dict[str, Integration] = {}
    for some in in_portions(list(tenant_ids)):
        rows = session.execute(query.where(Tenant.tenant_id.in_(some)).order_by(Integration.id.desc()))
        found.update((tenant_id, integration) for tenant_id, integration in rows)
    return found


def reach(session: DbSession, integration: Integration, tenant_ids: Collection[str]) -> dict[str, Reached]:
    """Give the integration, whose turn it is, a row for each of these tenants, of which it has none.

    What a removed integration left of one, or a live one from which it is gone, comes along with its licenses and its
    organization. A new row has the GUID for a name until somebody knows better.
    """
    left = removal.hold_left(session, integration.id, tenant_ids)
    reached: dict[str, Reached] = {}
    for tenant_id in tenant_ids:
        adopted = removal.adopt(session, integration.id, tenant_id) if tenant_id in left else None
        tenant = adopted or Tenant(integration_id=integration.id, tenant_id=tenant_id, name=tenant_id)
        session.add(tenant)
        reached[tenant_id] = Reached(tenant, is_new=adopted is None)
    session.flush()
    return reached


def match_by_name(session: DbSession, tenants: Sequence[Tenant]) -> list[Tenant]:
    """Match each tenant to the one organization in use that has exactly its name; return those that were matched.

    Where none has it, or several have, the tenant stays unmatched.
    """
    named: dict[str, list[Organization]] = {}
    names = {fold(tenant.name) for tenant in tenants} - {""}
    for some in in_portions(sorted(names)):
        query = select(Organization).where(Organization.name_folded.in_(some), not_(Organization.is_archived))
        for organization in session.scalars(query.order_by(Organization.id)):
            named.setdefault(organization.name_folded, []).append(organization)
    matched = []
    for tenant in tenants:
        candidates = named.get(fold(tenant.name), [])
        if len(candidates) == 1 and not tenant.is_matched and tenant.ignored_at is None:
            tenant.match(candidates[0])
            matched.append(tenant)
    return matched
