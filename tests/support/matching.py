"""Tenants matched as somebody does it, and the contacts that their users link."""

from __future__ import annotations

from sqlalchemy import select

from tests.support.turns import in_turn
from webapp.extensions import db
from webapp.integrations import matching
from webapp.models import Contact, Organization, Tenant, utc_now
from webapp.models.directory import is_linked


@in_turn
def move(tenant: Tenant, organization: Organization | None = None) -> None:
    """What somebody does who matches the tenant to the organization, or unmatches it."""
    held = matching.hold(db.session, [tenant.id])[tenant.id]
    matching.place(db.session, [matching.Move(held, organization)], utc_now())
    db.session.commit()


def linked() -> int:
    """How many contacts are linked."""
    return len(db.session.scalars(select(Contact.id).where(is_linked())).all())
