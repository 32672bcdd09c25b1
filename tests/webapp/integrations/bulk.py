"""Pressing what the pages of a bulk offer."""

from __future__ import annotations

from datetime import timedelta

from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.support.turns import in_turn
from webapp.extensions import db
from webapp.models import (
    MatchingChange,
    Tenant,
)

ALL = "/account/integrations/tenants"
CHANGES = f"{ALL}/changes"


def stored(tenant: Tenant | int) -> Tenant:
    return db.session.get_one(Tenant, tenant if isinstance(tenant, int) else tenant.id)


def prepare(client: FlaskClient, action: str, *tenants: Tenant, where: str = CHANGES, **form: str) -> str:
    """The address of the preview."""
    ids = [str(tenant.id) for tenant in tenants]
    answer = client.post(where, data={"action": action, "tenant": ids, **form})
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def press(client: FlaskClient, preview: str, button: str, **form: object) -> TestResponse:
    return client.post(f"{preview}/{button}", data=form, follow_redirects=True)


def accept(client: FlaskClient, preview: str) -> str:
    return press(client, preview, "apply", reason=["same name", "same domain", "alike name"]).text


def organization_of(tenant: Tenant) -> str | None:
    organization = stored(tenant).organization
    return organization.name if organization else None


@in_turn
def age(by: timedelta) -> None:
    """Let all that was written down be older than that."""
    for change in db.session.scalars(select(MatchingChange)):
        change.created_at -= by + timedelta(minutes=1)
        if change.applied_at:
            change.applied_at -= by + timedelta(minutes=1)
    db.session.commit()
