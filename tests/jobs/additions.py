"""Lists of tenants to be added, as tests of the jobs make them and look at them."""

from __future__ import annotations

from typing import Any

from sandbox import Sandbox
from sandbox import Tenant as SandboxTenant
from tests.support.microsoft import sandbox_tenant
from tests.support.turns import in_turn
from webapp.extensions import db
from webapp.models import AdditionLine, Integration, TenantAddition


def app_in(sandbox: Sandbox, home: SandboxTenant, **values: Any) -> SandboxTenant:
    """Another tenant in which the same app registration is used."""
    return sandbox_tenant(sandbox, client_id=home.client_id, secret=home.secret, **values)


@in_turn
def listed(integration: Integration, *lines: str) -> TenantAddition:
    """A list as the page records it, before it is enqueued."""
    addition = TenantAddition.begin(db.session, integration.id, [(line, None) for line in lines], "ann@msp.example")
    db.session.commit()
    return addition


def answers(addition: TenantAddition) -> list[tuple[str, str]]:
    """Each line, and what became of it."""
    db.session.rollback()
    query = db.select(AdditionLine).filter_by(addition_id=addition.id).order_by(AdditionLine.id)
    return [(line.text, line.state.value) for line in db.session.scalars(query)]


def line_of(addition: TenantAddition, text: str) -> AdditionLine:
    db.session.rollback()
    found: AdditionLine = db.session.query(AdditionLine).filter_by(addition_id=addition.id, text=text).one()
    return found
