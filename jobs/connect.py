"""Testing a connection: a job that somebody waits for."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from flask import current_app

from webapp.extensions import UnreadableSecret, vault
from webapp.models import UNREADABLE_SECRET, Cloud, Problem

from . import tenant as tenants
from . import waits
from .answers import failed, failed_by
from .job import job
from .microsoft.errors import AccessDenied, MicrosoftError, SignInRefused
from .microsoft.facts import TenantFacts
from .microsoft.signin import Credentials, SignIn

_NOTHING_BY_ITSELF = Problem(
    "The app signs in, but may read no licenses by itself.",
    "Open Actions > Edit Connection and choose Sign in as a partner user, or give the app the application permissions "
    "LicenseAssignment.Read.All and Organization.Read.All and grant admin consent.",
    code="nothing_by_itself",
)


@job
def check(token: str) -> dict[str, Any]:
    """Sign in with the credentials and read the tenant as a sync would.

    `token` is what `vault` made of the JSON object `cloud`, `tenant`, `client_id`, `client_secret` or `certificate`.
    Returns `ok` with `tenant_id`, the other fields of `TenantFacts` and `warning` (a problem or None); or not `ok`
    with `problem` and `field`, the one of these at fault or None. With `is_partners` it is enough that the app signs
    in: it may act for a user, and read nothing by itself.
    """
    try:
        given = json.loads(vault.decrypt(token))
    except UnreadableSecret:
        # The worker's keys are not those of whoever asked.
        return {**failed(UNREADABLE_SECRET), "field": "client_secret"}
    credentials = Credentials(
        Cloud(given["cloud"]), given["tenant"], given["client_id"], given["client_secret"], given.get("certificate", "")
    )
    try:
        snapshot = _read(credentials, may_act_for_user=given.get("is_partners", False))
    except MicrosoftError as error:
        field = error.field if isinstance(error, SignInRefused) else None
        return {**failed_by(error), "field": field}
    return {
        "ok": True,
        **_facts(snapshot.tenant, snapshot.tenant_id),
        "warning": snapshot.notice.columns() if snapshot.notice else None,
    }


def _read(credentials: Credentials, may_act_for_user: bool) -> tenants.Snapshot:
    transport = tenants.transport()
    waits.obey(credentials.client_id, credentials.tenant)
    try:
        return tenants.read(credentials, transport)
    except AccessDenied:
        if not may_act_for_user:
            raise
        sign_in = SignIn(credentials, current_app.config["SETTINGS"], transport)
        return tenants.Snapshot(sign_in.tenant_id, None, _NOTHING_BY_ITSELF, {})


def _facts(tenant: TenantFacts | None, tenant_id: str) -> dict[str, str]:
    """What the tenant says of itself, as far as it is known; its name is the GUID then."""
    said = asdict(tenant or TenantFacts(tenant_id, "", ""))
    return {**said, "tenant_id": tenant_id, "name": said["name"] or tenant_id}
