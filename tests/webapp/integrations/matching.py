"""Addresses of Match Tenants, and what is stored."""

from __future__ import annotations

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from webapp.extensions import db
from webapp.models import (
    Integration,
    Tenant,
)

ALL = "/account/integrations/tenants"


def address(tenant: Tenant | Integration, action: str = "") -> str:
    if isinstance(tenant, Integration):
        return f"/account/integrations/{tenant.id}/tenants{action}"
    return f"/account/integrations/{tenant.integration_id}/tenants/{tenant.id}{action}"


def send(client: FlaskClient, where: str, **form: str) -> TestResponse:
    answer = client.post(where, data=form)
    assert answer.status_code == 303
    return client.get(answer.location)


def stored(tenant_id: int) -> Tenant:
    return db.session.get_one(Tenant, tenant_id)
