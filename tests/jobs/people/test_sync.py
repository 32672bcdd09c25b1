"""Users become contacts, through a real worker and the sandbox."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest

from sandbox import Sandbox, User
from tests.jobs.conftest import Sync
from tests.support.factories import Make
from webapp.extensions import db
from webapp.models import (
    CheckedLicense,
    Contact,
    DirectoryUser,
    UserSync,
)

from .helpers import E3, VISIO, Start, a_user, addresses_of, contacts, held, part_of, the_contact


def test_a_first_sync_makes_contacts_and_a_second_one_writes_nothing(
    start: Start, sync: Sync, count_queries: list[str]
) -> None:
    anna = a_user(
        job_title="Head of Sales",
        business_phones=("+1 425 555 0100",),
        mobile_phone="+1 425 555 0199",
        proxy_addresses=("SMTP:anna.berg@contoso.example", "smtp:ab@contoso.example", "SIP:ab@contoso.example"),
        licenses=(E3, replace(VISIO, is_direct=False, groups=("g",))),
    )
    ben = a_user("Ben Costa", licenses=(replace(E3, groups=("g",)),))
    _, tenant = start(anna, ben)
    part = part_of(sync(tenant))
    assert (part.users_read, part.contacts_created, part.contacts_changed, part.contacts_unlinked) == (2, 2, 0, 0)
    # Two licenses, two contacts with three addresses, two users who hold three licenses.
    assert (part.created, part.rows_written) == (2, 2 + 2 + 3 + 2 + 3)
    contact = db.session.query(Contact).filter_by(name="Anna Berg").one()
    assert contact.organization_id == tenant.organization_id
    assert (contact.first_name, contact.last_name, contact.title) == ("Anna", "Berg", "Head of Sales")
    assert (contact.phone, contact.mobile) == ("+1 425 555 0100", "+1 425 555 0199")
    assert contact.email == contact.user_principal_name == "anna.berg@contoso.example"
    assert addresses_of(contact) == {"anna.berg@contoso.example", "ab@contoso.example"}
    assert (contact.name_folded, "head of sales" in contact.search_folded) == ("anna berg", True)
    assert held() == {
        (anna.user_id, "SPE_E3", True, False),
        (anna.user_id, "VISIOCLIENT", False, True),
        (ben.user_id, "SPE_E3", True, True),
    }
    assert tenant.users_synced_at is not None
    count_queries.clear()
    part = part_of(sync(tenant))
    assert (part.users_read, part.rows_written, part.unchanged) == (2, 0, 2)
    written = {
        sql.split()[2] if sql.startswith(("INSERT", "DELETE")) else sql.split()[1]
        for sql in count_queries
        if sql.startswith(("INSERT", "UPDATE", "DELETE"))
    }
    assert not written & {"contact", "contact_email", "directory_user", "assignment", "license"}


def test_what_changed_of_a_user_is_written_and_what_people_wrote_stays(
    start: Start, sync: Sync, sandbox: Sandbox
) -> None:
    anna, ben = a_user(), a_user("Ben Costa")
    given, tenant = start(anna, ben)
    sync(tenant)
    contact = db.session.query(Contact).filter_by(name="Anna Berg").one()
    contact.notes, contact.location = "likes tea", "2nd floor"
    db.session.commit()
    married = replace(
        anna,
        display_name="Anna Costa",
        surname="Costa",
        mail="Anna.Costa@contoso.example",
        proxy_addresses=("SMTP:Anna.Costa@contoso.example", "smtp:anna.berg@contoso.example"),
        licenses=(),
    )
    sandbox.patch_tenant(given.tenant_id, users=(ben, replace(married, licenses=(VISIO,))))
    part = part_of(sync(tenant))
    # The contact, one address more, one license more and one less; Ben is as he was.
    assert (part.contacts_created, part.contacts_changed, part.rows_written) == (0, 1, 4)
    db.session.refresh(contact)
    assert (contact.name, contact.email, contact.notes, contact.location) == (
        "Anna Costa",
        "Anna.Costa@contoso.example",
        "likes tea",
        "2nd floor",
    )
    assert addresses_of(contact) == {"Anna.Costa@contoso.example", "anna.berg@contoso.example"}
    assert (anna.user_id, "VISIOCLIENT", True, False) in held()


def test_a_contact_of_which_addresses_alone_differ_counts_as_changed(
    start: Start, sync: Sync, sandbox: Sandbox
) -> None:
    anna = a_user()
    given, tenant = start(anna)
    sync(tenant)
    for aliases in (("smtp:ab@contoso.example",), ()):
        before = the_contact().changed_at
        sandbox.patch_tenant(given.tenant_id, users=(replace(anna, proxy_addresses=(*anna.proxy_addresses, *aliases)),))
        assert part_of(sync(tenant)).contacts_changed == 1
        assert the_contact().changed_at > before


def test_an_address_that_is_only_spelled_anew_is_written_once(start: Start, sync: Sync, sandbox: Sandbox) -> None:
    anna = a_user()
    given, tenant = start(anna)
    sync(tenant)
    spelled = replace(anna, mail="Anna.Berg@contoso.example")
    sandbox.patch_tenant(given.tenant_id, users=(spelled,))
    sync(tenant)
    assert addresses_of(the_contact()) == {"Anna.Berg@contoso.example"}
    assert part_of(sync(tenant)).rows_written == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"account_enabled": False}, "Blocked in Microsoft 365"),
        ({"user_type": "Guest"}, "Is a guest, and guests are not synced"),
        ({"licenses": ()}, "No longer has a license"),
    ],
)
def test_who_no_longer_qualifies_keeps_the_contact_unlinked_and_gets_it_back(
    start: Start, sync: Sync, sandbox: Sandbox, change: dict[str, Any], reason: str
) -> None:
    anna = a_user()
    given, tenant = start(anna)
    sync(tenant)
    contact_id = the_contact().id
    # Nothing by which it could be recognized stays.
    changed = replace(
        anna, display_name="X", surname="Y", mail=None, proxy_addresses=(), user_principal_name="z", **change
    )
    sandbox.patch_tenant(given.tenant_id, users=(changed,))
    part = part_of(sync(tenant))
    assert (part.contacts_unlinked, part.contacts_changed) == (1, 0)
    assert (the_contact().name, the_contact().unlinked_reason) == ("Anna Berg", reason)
    assert the_contact().unlinked_at is not None
    assert part_of(sync(tenant)).rows_written == 0
    back = replace(changed, account_enabled=True, user_type="Member", licenses=(E3,))
    sandbox.patch_tenant(given.tenant_id, users=(back,))
    part = part_of(sync(tenant))
    assert (part.contacts_created, part.contacts_changed) == (0, 1)
    assert (the_contact().id, the_contact().name) == (contact_id, "X")
    assert (the_contact().unlinked_at, the_contact().unlinked_reason) == (None, "")


def test_a_blocked_user_who_still_holds_a_license_is_tagged_on_it(start: Start, sync: Sync, sandbox: Sandbox) -> None:
    anna = a_user()
    given, tenant = start(anna)
    sync(tenant)
    sandbox.patch_tenant(given.tenant_id, users=(replace(anna, account_enabled=False),))
    sync(tenant)
    user = db.session.query(DirectoryUser).one()
    assert (user.contact_id, user.qualifies, user.is_blocked) == (the_contact().id, False, True)
    assert held() == {(anna.user_id, "SPE_E3", True, False)}


def test_who_is_deleted_leaves_the_contact_and_is_known_again_when_restored(
    start: Start, sync: Sync, sandbox: Sandbox
) -> None:
    anna = a_user()
    given, tenant = start(anna, a_user("Ben Costa"))
    sync(tenant)
    sandbox.patch_tenant(given.tenant_id, users=given.users[1:])
    part = part_of(sync(tenant))
    # The user, what it held, and the contact.
    assert (part.contacts_unlinked, part.rows_written) == (1, 3)
    contact = db.session.query(Contact).filter_by(name="Anna Berg").one()
    assert contact.unlinked_reason == "Deleted from Microsoft 365"
    assert db.session.query(DirectoryUser).count() == 1
    restored = replace(anna, display_name="A. B.", given_name="A.", surname="B.", mail=None, proxy_addresses=())
    sandbox.patch_tenant(given.tenant_id, users=(replace(restored, user_principal_name="new@x"), given.users[1]))
    sync(tenant)
    db.session.refresh(contact)
    assert (contact.name, contact.unlinked_at, len(contacts())) == ("A. B.", None, 2)


def test_only_who_holds_a_checked_license_becomes_a_contact(start: Start, sync: Sync, sandbox: Sandbox) -> None:
    anna, ben = a_user(), a_user("Ben Costa", licenses=(VISIO,))
    given, tenant = start(anna, ben, sync_users=UserSync.LICENSED)
    db.session.add(CheckedLicense(integration_id=tenant.integration_id, sku_id=VISIO.sku_id))
    db.session.commit()
    sync(tenant)
    assert the_contact().name == "Ben Costa"
    sandbox.patch_tenant(given.tenant_id, users=(anna, replace(ben, licenses=(E3,))))
    sync(tenant)
    assert the_contact().unlinked_reason == "No longer has a checked license"


def test_a_contact_that_exists_is_taken_rather_than_doubled(start: Start, sync: Sync, make: Make) -> None:
    anna, ben, carla = a_user(), a_user("Ben Costa"), a_user("Carla Dubois", mail=None, proxy_addresses=())
    _, tenant = start(anna, ben, carla)
    by_alias = make.contact(organization=tenant.organization, name="A. B.", email="ANNA.Berg@contoso.example")
    by_upn = make.contact(
        organization=tenant.organization, name="C.", email="", user_principal_name="Carla.Dubois@Contoso.example"
    )
    by_name = make.contact(organization=tenant.organization, name="ben  COSTA", email="ben@home.example")
    elsewhere = make.contact(name="Anna Berg", email="anna.berg@contoso.example")
    by_name.notes = "typed"
    db.session.commit()
    part = part_of(sync(tenant))
    assert (part.contacts_created, part.contacts_changed) == (0, 3)
    assert [contact.name for contact in (by_alias, by_upn, by_name)] == ["Anna Berg", "Carla Dubois", "Ben Costa"]
    assert (addresses_of(by_name), by_name.notes) == ({"ben.costa@contoso.example"}, "typed")
    assert (elsewhere.organization_id != tenant.organization_id, elsewhere.microsoft_user_id) == (True, "")


def test_no_two_users_become_one_contact(start: Start, sync: Sync, make: Make) -> None:
    shared = ("smtp:team@contoso.example",)
    twins = [
        a_user("John Smith", user_principal_name=f"john{n}@contoso.example", mail=None, proxy_addresses=())
        for n in range(3)
    ]
    users = [
        *twins,
        a_user("Cher"),
        a_user("Cher", user_principal_name="cher2@contoso.example", mail=None, proxy_addresses=shared),
        a_user("Ben Costa", proxy_addresses=shared, mail=None),
        a_user("Dora Exner", proxy_addresses=shared, mail="team@contoso.example"),
        User(str(uuid.uuid4()), None, "", user_type=None, licenses=(E3,)),
    ]
    _, tenant = start(*users)
    for name, email in (("John Smith", "x@y.example"), ("Team", "team@contoso.example"), ("Cher", "c@y.example")):
        make.contact(organization=tenant.organization, name=name, email=email)
    assert part_of(sync(tenant)).contacts_created == len(users)
    links = [user.contact_id for user in db.session.query(DirectoryUser)]
    assert len(set(links)) == len(users)
    assert None not in links
    assert part_of(sync(tenant)).rows_written == 0


@pytest.mark.parametrize("page_size", [1, 2, 0])
def test_pages_of_any_size_and_in_any_order_come_to_the_same(
    start: Start, sync: Sync, sandbox: Sandbox, page_size: int
) -> None:
    users = [a_user("John Smith", user_principal_name=f"john{n}@contoso.example", mail=None) for n in range(5)]
    given, tenant = start(*users, tenant_values={"page_size": page_size})
    sync(tenant)
    links = {user.user_id: user.contact_id for user in db.session.query(DirectoryUser)}
    sandbox.patch_tenant(given.tenant_id, users=(*users[::-1], users[2]))
    assert part_of(sync(tenant)).rows_written == 0
    assert {user.user_id: user.contact_id for user in db.session.query(DirectoryUser)} == links


def test_who_loses_the_contact_to_one_who_qualifies_is_found_to_be_another_at_once(
    start: Start, sync: Sync, sandbox: Sandbox, make: Make
) -> None:
    old = a_user("Ben Costa")
    given, tenant = start(old)
    sync(tenant)
    # The address moves to a new account; that of the old one is known, too, and nobody's contact so far.
    other = make.contact(organization=tenant.organization, name="B. C.", email="old@contoso.example")
    new = a_user("Ben Costa", user_principal_name="new@contoso.example")
    moved = replace(
        old, account_enabled=False, mail="old@contoso.example", proxy_addresses=(), user_principal_name="old@x.example"
    )
    sandbox.patch_tenant(given.tenant_id, users=(moved, new))
    assert part_of(sync(tenant)).contacts_created == 0
    links = {user.user_id: user.contact_id for user in db.session.query(DirectoryUser)}
    assert links[old.user_id] == other.id != links[new.user_id]
    assert part_of(sync(tenant)).rows_written == 0
