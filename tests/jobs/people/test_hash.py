"""Users who are as they were are told by a hash; whatever else changed beside them is still put right."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from tests.support.factories import Make
from webapp.extensions import db
from webapp.models import Assignment, Contact, DirectoryUser, Tenant, TenantCheckedLicense, UserSync
from webapp.models.directory import INTEGRATION_REMOVED, unlink_users

from .helpers import addresses_of, contacts, the_contact
from .storing import E3, VISIO, a_tenant, facts_of, store, store_licenses

ANNA, BEN = facts_of("Anna Berg", E3), facts_of("Ben Costa", E3, VISIO)


def hashes() -> list[int | None]:
    return list(db.session.scalars(db.select(DirectoryUser.facts_hash).order_by(DirectoryUser.id)))


def spoil_contact() -> None:
    """As if somebody wrote into a contact in a way that the app does not allow: it tells whether it is looked at."""
    db.session.execute(update(Contact).values(title="spoilt"))
    db.session.commit()


def test_of_users_who_are_as_they_were_neither_contacts_nor_addresses_nor_assignments_are_read(
    make: Make, count_queries: list[str]
) -> None:
    tenant = a_tenant(make)
    store(tenant, ANNA, BEN)
    count_queries.clear()
    assert store(tenant, ANNA, BEN).rows_written == 0
    read = "\n".join(count_queries)
    assert "contact_email" not in read
    assert "assignment" not in read
    assert "title" not in read


@pytest.mark.parametrize(
    "changed",
    [
        {"displayName": "A. Berg"},
        {"givenName": "A."},
        {"surname": "B."},
        {"jobTitle": "Head"},
        {"businessPhones": ["1"]},
        {"mobilePhone": "1"},
        {"mail": "a@b.example"},
        {"userPrincipalName": "a@b.example"},
        {"proxyAddresses": ["smtp:a@b.example"]},
        {"proxyAddresses": ["smtp:ANNA.BERG@contoso.example", "smtp:a@b.example"]},
        {"userType": "Guest"},
        {"accountEnabled": False},
        {"assignedLicenses": []},
        {"assignedLicenses": [{"skuId": VISIO}]},
        {"licenseAssignmentStates": [{"skuId": E3, "assignedByGroup": "g", "state": "Active"}]},
    ],
)
def test_whatever_changes_of_a_user_is_seen(make: Make, changed: dict[str, object]) -> None:
    tenant = a_tenant(make)
    tenant.integration.include_guests = tenant.integration.include_blocked = True
    db.session.commit()
    store(tenant, ANNA)
    before = hashes()
    assert store(tenant, facts_of("Anna Berg", E3, **changed)).rows_written > 0
    assert hashes() != before
    assert store(tenant, facts_of("Anna Berg", E3, **changed)).rows_written == 0


def test_a_hash_that_is_missing_is_written_and_counts_as_no_row(make: Make) -> None:
    tenant = a_tenant(make)
    store(tenant, ANNA, BEN)
    before = hashes()
    db.session.execute(update(DirectoryUser).values(facts_hash=None))
    spoil_contact()
    assert store(tenant, ANNA, BEN).contacts_changed == 2
    assert hashes() == before
    db.session.execute(update(DirectoryUser).values(facts_hash=None))
    db.session.commit()
    assert store(tenant, ANNA, BEN).rows_written == 0
    assert hashes() == before


def test_a_license_that_was_gone_and_is_back_has_its_holders_again(make: Make) -> None:
    tenant = a_tenant(make)
    store(tenant, ANNA, BEN)
    assert store(tenant, ANNA, BEN, skus=[VISIO]).other_rows == 2
    assert db.session.query(Assignment).count() == 1
    assert store(tenant, ANNA, BEN).other_rows == 2
    assert db.session.query(Assignment).count() == 3


def test_so_it_is_where_the_users_could_not_be_read_meanwhile(make: Make) -> None:
    tenant = a_tenant(make)
    store(tenant, ANNA, BEN)
    store_licenses(tenant, [VISIO])
    assert db.session.query(Assignment).count() == 1
    store_licenses(tenant, [E3, VISIO])
    assert store(tenant, ANNA, BEN).other_rows == 2
    assert db.session.query(Assignment).count() == 3


def test_rules_that_change_are_obeyed_though_the_users_are_the_same(make: Make) -> None:
    tenant = a_tenant(make)
    store(tenant, ANNA, BEN)
    tenant.has_own_user_rules, tenant.sync_users = True, UserSync.LICENSED
    db.session.add(TenantCheckedLicense(tenant_id=tenant.id, sku_id=VISIO))
    db.session.commit()
    assert store(tenant, ANNA, BEN).contacts_unlinked == 1
    tenant.sync_users = UserSync.ALL
    tenant.include_unlicensed = True
    db.session.commit()
    assert store(tenant, ANNA, BEN).contacts_changed == 1
    assert [contact.unlinked_at for contact in contacts()] == [None, None]


def test_a_contact_that_was_deleted_is_made_anew(make: Make) -> None:
    tenant = a_tenant(make)
    store(tenant, ANNA, BEN)
    db.session.delete(contacts()[0])
    db.session.commit()
    assert store(tenant, ANNA, BEN).contacts_created == 1
    assert sorted(contact.name for contact in contacts()) == ["Anna Berg", "Ben Costa"]


def test_contacts_are_made_where_the_tenant_went(make: Make) -> None:
    tenant = a_tenant(make)
    store(tenant, ANNA)
    first = the_contact()
    tenant.match(make.organization())
    db.session.commit()
    assert store(tenant, ANNA).contacts_created == 1
    assert (contacts()[1].organization_id, contacts()[0].unlinked_at is None) == (tenant.organization_id, False)
    assert first.organization_id != tenant.organization_id


def test_a_contact_that_was_unlinked_is_linked_again_and_brought_up_to_its_user(make: Make) -> None:
    tenant = a_tenant(make)
    store(tenant, ANNA)
    unlink_users(db.session, [tenant.id], "Somebody said so")
    spoil_contact()
    assert store(tenant, ANNA).contacts_changed == 1
    assert (the_contact().title, the_contact().unlinked_at) == ("", None)
    # Also where only the contact says that it was.
    db.session.execute(update(Contact).values(unlinked_at=Contact.created_at, unlinked_reason=INTEGRATION_REMOVED))
    db.session.commit()
    assert store(tenant, ANNA).contacts_changed == 1
    assert the_contact().unlinked_at is None


def test_what_was_edited_while_no_integration_held_the_tenant_is_brought_up_to_its_user(make: Make) -> None:
    tenant = a_tenant(make)
    store(tenant, ANNA)
    spoil_contact()
    tenant.integration = make.integration(sync_users=UserSync.ALL, include_unlicensed=True)
    db.session.commit()
    assert store(tenant, ANNA).contacts_changed == 1
    assert the_contact().title == ""


def test_who_does_not_qualify_any_more_and_does_again_is_linked_again(make: Make) -> None:
    tenant = a_tenant(make)
    store(tenant, ANNA)
    blocked = facts_of("Anna Berg", E3, accountEnabled=False)
    assert store(tenant, blocked).contacts_unlinked == 1
    assert store(tenant, blocked).rows_written == 0
    assert store(tenant, ANNA).contacts_changed == 1
    assert the_contact().unlinked_at is None


def test_a_contact_of_two_tenants_has_its_fields_from_whoever_still_links_it(make: Make) -> None:
    first = a_tenant(make)
    second = a_tenant(make, organization=first.organization)
    anna, twin = facts_of("Anna Berg", jobTitle="first"), facts_of("Anna Berg", jobTitle="second")
    twin = twin._replace(user_id=BEN.user_id, addresses=(*twin.addresses, "a2@x.example"))
    blocked = facts_of("Anna Berg", jobTitle="first", accountEnabled=False)

    def sync(tenant: Tenant, facts: object) -> tuple[str, int]:
        store(tenant, facts)  # type: ignore[arg-type]
        return the_contact().title, len(addresses_of(the_contact()))

    assert sync(first, anna) == ("first", 1)
    for _ in range(2):
        assert sync(second, twin) == ("first", 1)
        assert sync(first, blocked) == ("first", 1)
        assert sync(second, twin) == ("second", 2)
        assert sync(first, anna) == ("first", 1)
    assert store(second, twin).rows_written == 0


@pytest.mark.parametrize("is_there", [True, False])
def test_of_two_users_with_one_contact_the_second_gets_one_of_its_own(make: Make, is_there: bool) -> None:
    tenant = a_tenant(make)
    store(tenant, ANNA, BEN)
    shared, other = contacts()
    if not is_there:
        db.session.delete(other)
    db.session.execute(update(DirectoryUser).values(contact_id=shared.id))
    db.session.commit()
    store(tenant, ANNA, BEN)
    links = set(db.session.scalars(db.select(DirectoryUser.contact_id)))
    assert (len(links), None in links) == (2, False)
    assert store(tenant, ANNA, BEN).rows_written == 0


def test_a_contact_typed_in_later_is_found_by_a_user_who_has_none(make: Make) -> None:
    tenant = a_tenant(make)
    tenant.integration.sync_users = UserSync.OFF
    db.session.commit()
    store(tenant, ANNA)
    assert db.session.query(DirectoryUser).one().contact_id is None
    contact = make.contact(organization=tenant.organization, email="anna.berg@contoso.example")
    store(tenant, ANNA)
    assert db.session.query(DirectoryUser).one().contact_id == contact.id


def test_who_does_not_qualify_lets_go_of_a_contact_that_went_to_another_organization(make: Make) -> None:
    tenant = a_tenant(make)
    blocked = facts_of("Anna Berg", E3, accountEnabled=False)
    contact = make.contact(organization=tenant.organization, email="anna.berg@contoso.example")
    store(tenant, blocked)
    assert db.session.query(DirectoryUser).one().contact_id == contact.id
    contact.organization = make.organization()
    db.session.commit()
    store(tenant, blocked)
    assert db.session.query(DirectoryUser).one().contact_id is None


def test_who_is_known_again_keeps_the_contact_from_one_who_has_its_address_by_now(make: Make) -> None:
    tenant = a_tenant(make)
    store(tenant, ANNA)
    contact = the_contact()
    unlink_users(db.session, [tenant.id], "Somebody said so")
    db.session.commit()
    make.contact(organization=tenant.organization, name="Ben Costa", email="")
    heir = facts_of("Ben Costa", mail="anna.berg@contoso.example")
    store(tenant, facts_of("Anna Berg", mail="a@x.example", userPrincipalName="a@x.example"), heir)
    links = {user.user_id: user.contact_id for user in db.session.query(DirectoryUser)}
    assert links[ANNA.user_id] == contact.id
    assert links[heir.user_id] not in {contact.id, None}
    assert len(contacts()) == 2


def test_of_two_contacts_that_were_the_users_an_address_tells_which_it_is(make: Make) -> None:
    tenant = a_tenant(make)
    for email in ("old@x.example", "anna.berg@contoso.example"):
        make.contact(organization=tenant.organization, name="A.", email=email, microsoft_user_id=ANNA.user_id)
    store(tenant, ANNA)
    assert db.session.query(DirectoryUser).one().contact_id == contacts()[1].id
