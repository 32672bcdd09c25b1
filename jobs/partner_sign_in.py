"""Jobs that somebody waits for: a partner's user signs in, so that the integration may act for them.

The page cannot ask Microsoft, and the worker has no browser: so the page sends the browser to the address that
`begin` made, and hands what it comes back with to `finish`. In between the page keeps what `begin` sealed. Nothing is
stored here, and what passes through Redis is sealed.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from flask import current_app

from webapp.extensions import db, vault
from webapp.models import Integration

from . import tenant as tenants
from .answers import answering_why
from .job import job
from .microsoft import user_signin
from .microsoft.signin import Credentials


@job
@answering_why
def begin(integration_id: int, redirect_uri: str) -> dict[str, Any]:
    """Where the user signs in.

    Returns `ok` with `address`, and `flow`: what `finish` needs, sealed. Or not `ok` with `problem`.
    """
    integration = Integration.live(db.session, integration_id)
    credentials, login_hint = _as_the_app(integration), integration.signed_in_as
    db.session.rollback()  # no transaction is held while Microsoft is asked
    address, flow = user_signin.begin(
        credentials, current_app.config["SETTINGS"], tenants.transport(), redirect_uri, login_hint
    )
    return {"ok": True, "address": address, "flow": vault.encrypt(json.dumps(flow))}


@job
@answering_why
def finish(token: str) -> dict[str, Any]:
    """Redeem what the user came back with.

    `token` is what `vault` made of the JSON object `integration_id`, `flow` as `begin` returned it, and `response`, the
    query that Microsoft sent the browser back with. Returns `ok` with `signed_in`, which is sealed: the JSON object
    `tenant_id`, `user`, `refresh_token`, and `client_id`, the app whose refresh token it is. Or not `ok` with
    `problem`.
    """
    given = json.loads(vault.decrypt(token))
    flow = json.loads(vault.decrypt(given["flow"]))
    credentials = _as_the_app(Integration.live(db.session, given["integration_id"]))
    db.session.rollback()
    signed_in = user_signin.finish(
        credentials, current_app.config["SETTINGS"], tenants.transport(), flow, given["response"]
    )
    sealed = vault.encrypt(json.dumps({**asdict(signed_in), "client_id": credentials.client_id}))
    return {"ok": True, "signed_in": sealed}


def _as_the_app(integration: Integration) -> Credentials:
    """What proves to be the app at the partner's own tenant, where its users sign in."""
    return Credentials(
        integration.cloud,
        integration.home_tenant_id,
        integration.client_id,
        integration.client_secret,
        integration.certificate,
    )
