"""What somebody typed to connect a tenant, as the job that tries it is given it."""

from __future__ import annotations

import json

from sandbox import Tenant as SandboxTenant
from webapp.extensions import vault


def credentials_of(of: SandboxTenant, /, **changes: str) -> str:
    """Encrypted, what signs in to this tenant of the sandbox, with these changes."""
    given = {
        "cloud": "global",
        "tenant": of.tenant_id,
        "client_id": of.client_id,
        "client_secret": of.secret,
    }
    return vault.encrypt(json.dumps({**given, **changes}))
