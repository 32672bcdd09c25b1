"""The sandbox as tests use it: one process for all, each test with tenants of its own."""

from __future__ import annotations

import uuid
from typing import Any

from sandbox import Sandbox, Sku, Tenant
from webapp.extensions import db
from webapp.models import Integration, SyncRun, Trigger
from webapp.models import Tenant as TenantRow

from .factories import Make
from .turns import in_turn


def sandbox_tenant(sandbox: Sandbox, **values: Any) -> Tenant:
    """A tenant that no other test knows, put into the sandbox."""
    number = uuid.uuid4()
    values.setdefault("display_name", "Contoso")
    values.setdefault("skus", (Sku.of("SPE_E3", enabled=25, consumed=14),))
    # Of digits alone, so that no search for something like "e3" finds it by chance.
    values.setdefault("domains", (f"t{number.int % 10**12}.onmicrosoft.com",))
    values.setdefault("client_id", str(uuid.uuid4()))
    values.setdefault("secret", f"secret-{number.hex}")
    tenant = Tenant(tenant_id=str(number), **values)
    sandbox.put_tenant(tenant)
    return tenant


def connected(make: Make, tenant: Tenant, matched: bool = True, **values: Any) -> TenantRow:
    """The row of a tenant that an integration of its own reaches, matched to an organization unless told otherwise."""
    integration = make.integration(
        secret=tenant.secret, home_tenant_id=tenant.tenant_id, client_id=tenant.client_id, **values
    )
    organization = make.organization() if matched else None
    return make.tenant(integration=integration, tenant_id=tenant.tenant_id, name="as it was", organization=organization)


@in_turn
def new_run(integration: Integration) -> SyncRun:
    """A run as a page records it, before it is enqueued."""
    run, _ = SyncRun.begin(db.session, integration.id, Trigger.MANUAL)
    db.session.commit()
    return run


def tenants_of_one_app(sandbox: Sandbox, make: Make, count: int) -> list[TenantRow]:
    """So many tenants of one integration, each matched to an organization of its own."""
    return connected_together(sandbox, make, *(sandbox_tenant(sandbox) for _ in range(count)))


def connected_together(sandbox: Sandbox, make: Make, *given: Tenant, **values: Any) -> list[TenantRow]:
    """The rows of these tenants, which are given one app, as a partner's have: one integration reaches them all."""
    first = connected(make, given[0], **values)
    for one in given[1:]:
        sandbox.patch_tenant(one.tenant_id, client_id=given[0].client_id, secret=given[0].secret)
    others = [
        make.tenant(integration=first.integration, tenant_id=one.tenant_id, organization=make.organization())
        for one in given[1:]
    ]
    return [first, *others]
