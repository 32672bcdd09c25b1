"""Only what changed among a tenant's users is read: what is written then, and when everybody must be read instead."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from jobs import tracking
from jobs.licenses import stored
from jobs.people import WholeReadNeeded
from jobs.people.basis import basis_of
from tests.support.factories import Make
from webapp.extensions import db
from webapp.models import Assignment, CheckedLicense, Contact, DirectoryUser, License, Tenant, UserSync, UserTracking

from .helpers import contacts, the_contact
from .storing import E3, VISIO, a_tenant, facts_of, store, store_changes, store_licenses

ANNA, BEN, CARLA = facts_of("Anna Berg", E3), facts_of("Ben Costa", E3), facts_of("Carla Dubois", VISIO)


@pytest.fixture
def tenant(make: Make) -> Tenant:
    """One whose users Anna and Ben were read."""
    tenant = a_tenant(make)
    store(tenant, ANNA, BEN)
    return tenant


def names() -> list[str]:
    return sorted(contact.name for contact in contacts())


def all_that_is_stored() -> object:
    db.session.rollback()
    return [
        sorted(map(tuple, db.session.execute(db.select(model.__table__))), key=str)
        for model in (Contact, DirectoryUser, Assignment, License)
    ]


def test_who_is_new_changed_or_gone_is_written_and_nobody_else_is_looked_at(
    tenant: Tenant, count_queries: list[str]
) -> None:
    db.session.execute(update(Contact).where(Contact.name == "Anna Berg").values(title="spoilt"))
    db.session.commit()
    outcome = store_changes(tenant, facts_of("Ben Costa", VISIO, jobTitle="Head"), CARLA)
    assert (outcome.contacts_created, outcome.contacts_changed, outcome.contacts_unlinked) == (1, 1, 0)
    assert outcome.users_read == 3
    assert {contact.name: contact.title for contact in contacts()} == {
        "Anna Berg": "spoilt",
        "Ben Costa": "Head",
        "Carla Dubois": "",
    }
    assert db.session.query(Assignment).count() == 3
    outcome = store_changes(tenant, removed=[ANNA])
    assert (outcome.contacts_unlinked, outcome.users_read) == (1, 2)
    assert db.session.query(DirectoryUser).count() == 2


def test_the_same_changes_told_twice_write_nothing_the_second_time(tenant: Tenant) -> None:
    changed = facts_of("Ben Costa", VISIO, jobTitle="Head")
    store_changes(tenant, changed, CARLA, removed=[ANNA])
    assert store_changes(tenant, changed, CARLA, removed=[ANNA]).rows_written == 0


def test_changes_and_a_whole_read_come_to_the_same(tenant: Tenant, make: Make) -> None:
    changed = facts_of("Ben Costa", VISIO, jobTitle="Head")
    store_changes(tenant, changed, CARLA, removed=[ANNA])
    assert store(tenant, changed, CARLA).rows_written == 0


def test_who_stops_to_qualify_is_unlinked_and_comes_back_to_its_contact(tenant: Tenant) -> None:
    outcome = store_changes(tenant, facts_of("Ben Costa", E3, accountEnabled=False))
    assert (outcome.contacts_unlinked, outcome.contacts_changed) == (1, 0)
    outcome = store_changes(tenant, BEN)
    assert (outcome.contacts_created, outcome.contacts_changed) == (0, 1)
    assert [contact.unlinked_at for contact in contacts()] == [None, None]


@pytest.mark.parametrize(
    "values",
    [
        {"name": "X", "email": "carla.dubois@contoso.example"},
        {"name": "X", "email": "", "user_principal_name": "CARLA.dubois@contoso.example"},
        {"name": "carla  DUBOIS", "email": ""},
        {"name": "X", "email": "", "microsoft_user_id": CARLA.user_id},
    ],
)
def test_who_might_be_a_contact_that_exists_needs_a_whole_read_and_nothing_is_written(
    tenant: Tenant, make: Make, values: dict[str, str]
) -> None:
    contact = make.contact(organization=tenant.organization, **values)
    before = all_that_is_stored()
    with pytest.raises(WholeReadNeeded):
        store_changes(tenant, facts_of("Ben Costa", jobTitle="Head"), CARLA)
    assert all_that_is_stored() == before
    store(tenant, ANNA, BEN, CARLA)
    assert db.session.query(DirectoryUser).filter_by(user_id=CARLA.user_id).one().contact_id == contact.id


def test_a_contact_that_another_user_links_is_no_candidate(tenant: Tenant) -> None:
    namesake = facts_of("Carla Dubois", displayName="Anna Berg", givenName="Anna", surname="Berg")
    assert store_changes(tenant, namesake).contacts_created == 1
    assert names() == ["Anna Berg", "Anna Berg", "Ben Costa"]


def test_the_contact_of_who_leaves_it_in_the_same_changes_is_a_candidate(tenant: Tenant) -> None:
    heir = facts_of("Carla Dubois", mail="anna.berg@contoso.example")
    for leaving in ({"removed": [ANNA]}, {}):
        users = [heir] if leaving else [heir, facts_of("Anna Berg", E3, accountEnabled=False)]
        with pytest.raises(WholeReadNeeded):
            store_changes(tenant, *users, **leaving)  # type: ignore[arg-type]


def test_the_contact_of_who_qualifies_again_in_the_same_changes_is_no_candidate(tenant: Tenant) -> None:
    store_changes(tenant, facts_of("Anna Berg", E3, accountEnabled=False))
    heir = facts_of("Carla Dubois", proxyAddresses=["smtp:anna.berg@contoso.example"])
    outcome = store_changes(tenant, ANNA, heir)
    assert (outcome.contacts_created, outcome.contacts_changed) == (1, 1)


def test_a_restored_user_needs_a_whole_read_and_finds_its_contact(tenant: Tenant) -> None:
    store_changes(tenant, removed=[ANNA])
    with pytest.raises(WholeReadNeeded):
        store_changes(tenant, ANNA)
    assert store(tenant, ANNA, BEN).contacts_created == 0
    assert [contact.unlinked_at for contact in contacts()] == [None, None]


def test_a_contact_of_another_organization_is_no_candidate(tenant: Tenant, make: Make) -> None:
    make.contact(email="carla.dubois@contoso.example")
    assert store_changes(tenant, CARLA).contacts_created == 1


def test_the_basis_follows_all_that_decides_beside_the_users(tenant: Tenant, make: Make) -> None:
    seen = [basis_of(tenant, stored(tenant.id)).digest]

    def differs() -> bool:
        db.session.commit()
        seen.append(basis_of(tenant, stored(tenant.id)).digest)
        return seen[-1] not in seen[:-1]

    assert basis_of(tenant, stored(tenant.id)).digest == seen[0]
    integration = tenant.integration
    integration.include_guests = True
    assert differs()
    integration.include_blocked = True
    assert differs()
    integration.include_unlicensed = False
    assert differs()
    integration.sync_users = UserSync.LICENSED
    assert differs()
    db.session.add(CheckedLicense(integration_id=integration.id, sku_id=E3))
    assert differs()
    store_licenses(tenant, [E3])
    assert differs()
    tenant.organization = make.organization()
    assert differs()
    tenant.integration = make.integration()
    assert differs()


def test_changes_are_not_believed_where_the_licenses_are_others(tenant: Tenant) -> None:
    with pytest.raises(WholeReadNeeded):
        store_changes(tenant, BEN, skus=[E3])


def test_with_the_assignments_of_a_license_goes_what_was_read_to(tenant: Tenant) -> None:
    assert db.session.get(UserTracking, tenant.id) is not None
    store_licenses(tenant, [VISIO])
    assert db.session.query(UserTracking).count() == 0


def is_settled(tenant: Tenant) -> bool:
    """Whether what is stored of the users needs nothing but their changes, the rules being what they were."""
    return tracking.holds(tenant, basis_of(tenant, stored(tenant.id)))


def test_users_are_settled_until_somebody_deletes_a_contact_or_moves_it(tenant: Tenant, make: Make) -> None:
    assert is_settled(tenant)
    elsewhere = make.organization()
    contact = contacts()[0]
    home, contact.organization = contact.organization, elsewhere
    db.session.commit()
    assert not is_settled(tenant)
    contact.organization = home
    db.session.commit()
    assert is_settled(tenant)
    db.session.delete(contact)
    db.session.commit()
    assert not is_settled(tenant)


def test_users_are_not_settled_where_a_contact_says_that_it_is_unlinked(tenant: Tenant) -> None:
    db.session.execute(update(Contact).values(unlinked_at=Contact.created_at))
    db.session.commit()
    assert not is_settled(tenant)


def test_users_are_not_settled_where_the_first_of_two_tenants_left_them_a_contact(make: Make) -> None:
    first = a_tenant(make)
    second = a_tenant(make, organization=first.organization)
    twin = ANNA._replace(user_id=BEN.user_id)
    store(first, ANNA)
    store(second, twin)
    assert is_settled(first)
    assert is_settled(second)
    store_changes(first, facts_of("Anna Berg", E3, accountEnabled=False))
    assert not is_settled(second)
    store(second, twin)
    assert is_settled(second)
    assert the_contact().microsoft_user_id == twin.user_id
