"""Contacts of each origin."""

from __future__ import annotations

import pytest

from tests.support.factories import Make
from tests.support.turns import in_turn
from webapp.extensions import db
from webapp.models import Contact, ContactEmail, DirectoryUser, Organization, Tenant, utc_now


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
