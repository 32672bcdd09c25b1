"""A partner in the sandbox, with customers, and the integration that reaches them."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from sandbox import Sandbox, Tenant
from sandbox.tenants import DEFAULT_PERMISSIONS
from tests.support.factories import Make
from tests.support.microsoft import sandbox_tenant
from webapp.extensions import db
from webapp.models import Integration, Kind
from webapp.models import Tenant as TenantRow

PARTNER_PERMISSIONS = (*DEFAULT_PERMISSIONS, "Directory.Read.All", "DelegatedAdminRelationship.Read.All")


def customers_of(sandbox: Sandbox, partner: Tenant, *names: str, **values: Any) -> list[Tenant]:
    """Tenants of these names in which the partner's app is known, put into the sandbox and among its customers."""
    made = [
        sandbox_tenant(sandbox, display_name=name, client_id=partner.client_id, secret=partner.secret, **values)
        for name in names
    ]
    known = sandbox.tenant(partner.tenant_id).customers
    sandbox.patch_tenant(partner.tenant_id, customers=[*known, *(customer.tenant_id for customer in made)])
    return made


def customer_of(sandbox: Sandbox, partner: Tenant, **values: Any) -> Tenant:
    """A tenant like the partner's, in which its app is known, put into the sandbox, but not among its customers."""
    made = replace(partner, tenant_id=str(uuid.uuid4()), domains=(f"c{uuid.uuid4().hex[:8]}.example",), **values)
    sandbox.put_tenant(made)
    return made


def partner_tenant(sandbox: Sandbox, **values: Any) -> Tenant:
    values.setdefault("permissions", PARTNER_PERMISSIONS)
    return sandbox_tenant(sandbox, display_name="The Partner", **values)


def partner_integration(make: Make, partner: Tenant, **values: Any) -> Integration:
    """The integration as connecting leaves it: with the partner's own tenant, not matched."""
    integration = make.integration(
        secret=partner.secret,
        home_tenant_id=partner.tenant_id,
        client_id=partner.client_id,
        kind=Kind.PARTNER,
        **values,
    )
    make.tenant(integration=integration, tenant_id=partner.tenant_id, name=partner.display_name)
    return integration


def rows_of(integration_id: int) -> dict[str, TenantRow]:
    """The integration's tenants by their names, as they are stored now."""
    db.session.rollback()
    return {row.name: row for row in db.session.query(TenantRow).filter_by(integration_id=integration_id)}


def names(answer: dict[str, Any], key: str) -> set[str]:
    """The names of the tenants that the answer of a look for tenants has under this key, as they are stored now."""
    db.session.rollback()
    return {row.name for row in db.session.query(TenantRow).filter(TenantRow.id.in_(answer[key]))}
