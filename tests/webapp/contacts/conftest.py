"""Contacts of each origin, and what is stored of them."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from tests.support.factories import Make
from tests.support.turns import in_turn
from webapp.extensions import db
from webapp.models import AuditEntry, Contact, ContactEmail, DirectoryUser, Organization, Tenant, utc_now
from webapp.models.contact import SYNCED_FIELDS


@pytest.fixture
def organization(make: Make) -> Organization:
    return make.organization(name="Contoso")


@pytest.fixture
def tenant(make: Make, organization: Organization) -> Tenant:
    integration = make.integration(name="Partner tenant")
    return make.tenant(integration=integration, organization=organization, name="Contoso EU", users_synced_at=utc_now())


@pytest.fixture
def linked(make: Make, organization: Organization, tenant: Tenant) -> Contact:
    """A contact that is linked to a user, with two addresses."""
    contact = make.contact(
        organization=organization,
        name="Ann Archer",
        first_name="Ann",
        last_name="Archer",
        title="Accountant",
        phone="1",
        mobile="2",
        email="ann@contoso.example",
        user_principal_name="ann@contoso.onmicrosoft.com",
        location="Berlin",
        notes="As they were",
    )
    _add_address(contact, "a.archer@contoso.example")
    make.directory_user(tenant=tenant, contact=contact, qualifies=True)
    return contact


@pytest.fixture
def unlinked(make: Make, organization: Organization) -> Contact:
    return make.contact(
        organization=organization, name="Bob Baker", unlinked_at=utc_now(), unlinked_reason="No longer licensed"
    )


@pytest.fixture
def typed_in(make: Make, organization: Organization) -> Contact:
    return make.contact(organization=organization, name="Cora Clark")


@in_turn
def _add_address(contact: Contact, address: str) -> None:
    db.session.add(ContactEmail(contact_id=contact.id, organization_id=contact.organization_id, address=address))
    db.session.commit()


def users_of(contact: Contact) -> list[DirectoryUser]:
    return list(db.session.query(DirectoryUser).filter_by(contact_id=contact.id))


def kept(contact: Contact) -> dict[str, Any]:
    db.session.expire_all()
    fields = (*SYNCED_FIELDS, "location", "notes", "unlinked_reason", "search_folded")
    return {field: getattr(contact, field) for field in fields} | {"emails": [row.address for row in contact.emails]}


def events() -> list[str]:
    return list(db.session.scalars(select(AuditEntry.event).order_by(AuditEntry.id)))


def unlock_by_rules(tenant: Tenant) -> None:
    for user in db.session.query(DirectoryUser):
        user.qualifies = False
