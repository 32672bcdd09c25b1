"""Jobs that somebody waits for: testing a connection, finding the tenants that an integration reaches."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select

from webapp.extensions import UnreadableSecret, db, vault
from webapp.models import UNREADABLE_SECRET, Cloud, Integration, Problem, Tenant, removal

from . import tenant as tenants
from .job import job
from .microsoft.errors import MicrosoftError, SignInRefused
from .microsoft.signin import Credentials

REMOVED = Problem("The integration was removed meanwhile.", "Nothing was saved.", code="removed")


@job
def check(token: str) -> dict[str, Any]:
    """Sign in with the credentials and read the tenant as a sync would.

    `token` is what `vault` made of the JSON object `cloud`, `tenant`, `client_id`, `client_secret`. Returns `ok`
    with `tenant_id`, `name`, `default_domain` and `warning` (a problem or None); or not `ok` with `problem` and
    `field`, the one of the four at fault or None.
    """
    try:
        given = json.loads(vault.decrypt(token))
    except UnreadableSecret:
        # The worker's keys are not those of whoever asked.
        return {"ok": False, "problem": UNREADABLE_SECRET.columns(), "field": "client_secret"}
    credentials = Credentials(Cloud(given["cloud"]), given["tenant"], given["client_id"], given["client_secret"])
    try:
        snapshot = tenants.read(credentials, tenants.transport())
    except MicrosoftError as error:
        field = error.field if isinstance(error, SignInRefused) else None
        return {"ok": False, "problem": error.problem.columns(), "field": field}
    return {
        "ok": True,
        "tenant_id": snapshot.tenant_id,
        "name": (snapshot.tenant and snapshot.tenant.name) or snapshot.tenant_id,
        "default_domain": snapshot.tenant.default_domain if snapshot.tenant else "",
        "warning": snapshot.notice.columns() if snapshot.notice else None,
    }


@job
def discover(integration_id: int) -> dict[str, Any]:
    """Find the tenants that the integration reaches and store those that are new, unmatched.

    Returns `ok` with `tenants`, the ids of the rows of all that it reaches, and `warning`; or not `ok` with `problem`.
    """
    integration = db.session.get(Integration, integration_id)
    if integration is None or not integration.is_live:
        return {"ok": False, "problem": REMOVED.columns()}
    try:
        credentials = tenants.credentials_of(integration, integration.home_tenant_id)
        db.session.rollback()  # no transaction is held while Microsoft is asked
        snapshot = tenants.read(credentials, tenants.transport())
    except UnreadableSecret:
        return {"ok": False, "problem": UNREADABLE_SECRET.columns()}
    except MicrosoftError as error:
        return {"ok": False, "problem": error.problem.columns()}
    # Locked, so that two who find the same tenant at the same time make one row of it.
    locked = select(Integration.id).where(Integration.id == integration_id, Integration.is_live).with_for_update()
    if db.session.scalar(locked) is None:
        return {"ok": False, "problem": REMOVED.columns()}
    row = db.session.query(Tenant).filter_by(integration_id=integration_id, tenant_id=snapshot.tenant_id).one_or_none()
    if row is None:
        row = removal.adopt(db.session, integration_id, snapshot.tenant_id)
    if row is None:
        row = Tenant(integration_id=integration_id, tenant_id=snapshot.tenant_id, name=snapshot.tenant_id)
        db.session.add(row)
    if snapshot.tenant is not None:
        tenants.rename(row, snapshot.tenant)
    db.session.commit()
    warning = snapshot.notice.columns() if snapshot.notice else None
    return {"ok": True, "tenants": [row.id], "warning": warning}
