"""What tests of talking to Microsoft share."""

from __future__ import annotations

from sandbox import Fault, Sandbox
from tests.support.microsoft import sandbox_tenant


def openid(sandbox: Sandbox, *faults: Fault) -> str:
    """The address of a tenant's openid configuration, which meets these faults."""
    tenant = sandbox_tenant(sandbox)
    sandbox.faults(tenant.tenant_id, *faults)
    return f"{sandbox.url}/{tenant.tenant_id}/v2.0/.well-known/openid-configuration"
