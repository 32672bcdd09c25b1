"""What is done with users under each of the sync settings."""

from __future__ import annotations

import pytest
from flask import Flask

from sandbox import Assigned, Fault, Sandbox, Sku
from tests.jobs.conftest import Sync
from tests.jobs.helpers import asked
from tests.jobs.meanwhile import once_answered
from tests.support.factories import Make
from webapp.extensions import db
from webapp.models import (
    DirectoryUser,
    Integration,
    License,
    PartState,
    UserSync,
)

from .helpers import SKUS, Start, a_user, held, part_of, the_contact


def test_with_users_off_assignments_are_counted_and_only_contacts_are_named(
    start: Start, sync: Sync, make: Make
) -> None:
    anna, ben = a_user(), a_user("Ben Costa")
    _, tenant = start(anna, ben, sync_users=UserSync.OFF)
    contact = make.contact(organization=tenant.organization, name="A. B.", email="anna.berg@contoso.example")
    before = contact.changed_at
    part = part_of(sync(tenant))
    assert (part.state, part.reason, part.users_read) == (PartState.OK, "", 2)
    assert (part.contacts_created, part.contacts_changed, part.contacts_unlinked) == (0, 0, 0)
    users = {user.user_id: user for user in db.session.query(DirectoryUser)}
    assert (users[anna.user_id].contact_id, users[ben.user_id].contact_id) == (contact.id, None)
    assert not any(user.qualifies for user in users.values())
    assert (the_contact().name, the_contact().changed_at, the_contact().unlinked_at) == ("A. B.", before, None)
    assert len(held()) == 2
    assert part_of(sync(tenant)).rows_written == 0


def test_switching_users_off_unlinks_and_switching_them_on_links_the_same(start: Start, sync: Sync) -> None:
    _, tenant = start(a_user())
    sync(tenant)
    tenant.integration.sync_users = UserSync.OFF
    db.session.commit()
    assert part_of(sync(tenant)).contacts_unlinked == 1
    assert the_contact().unlinked_reason == "Users are no longer synced"
    tenant.integration.sync_users = UserSync.ALL
    db.session.commit()
    assert part_of(sync(tenant)).contacts_changed == 1
    assert the_contact().unlinked_at is None


def test_a_tenants_own_rules_override_those_of_the_integration(start: Start, sync: Sync) -> None:
    _, tenant = start(a_user(licenses=(), account_enabled=False), sync_users=UserSync.OFF)
    tenant.has_own_user_rules, tenant.sync_users = True, UserSync.ALL
    tenant.include_blocked = tenant.include_unlicensed = True
    db.session.commit()
    sync(tenant)
    assert the_contact().name == "Anna Berg"


def test_where_only_users_are_synced_licenses_stay_as_they_are(start: Start, sync: Sync, sandbox: Sandbox) -> None:
    given, tenant = start(a_user())
    sync(tenant)
    last = tenant.last_synced_at
    tenant.integration.sync_licenses = False
    db.session.commit()
    sandbox.patch_tenant(given.tenant_id, skus=(Sku.of("SPE_E3", 1, 1),), users=(*given.users, a_user("Ben Costa")))
    part = part_of(sync(tenant))
    assert (part.state, part.contacts_created) == (PartState.OK, 1)
    assert {row.active for row in db.session.query(License)} == {25, 5}
    assert tenant.last_synced_at == last
    assert tenant.users_synced_at is not None


@pytest.mark.parametrize("kind", ["forbidden", "server_error", "wrong_item"])
def test_where_licenses_are_not_synced_they_are_not_asked_for_and_keep_no_user_from_being_synced(
    kind: str, hasty: None, start: Start, sync: Sync, sandbox: Sandbox
) -> None:
    given, tenant = start(a_user(), sync_licenses=False)
    sandbox.faults(given.tenant_id, Fault("subscribedSkus", kind))
    part = part_of(sync(tenant))
    assert (part.state, part.contacts_created) == (PartState.OK, 1)
    assert tenant.last_synced_at is None
    assert part_of(sync(tenant)).rows_written == 0
    assert "subscribedSkus" not in asked(sandbox, given.tenant_id)


def test_licenses_that_are_chosen_while_a_tenant_is_read_without_them_stay_until_the_next_sync(
    app: Flask, start: Start, sync: Sync, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, tenant = start(a_user())
    sync(tenant)
    last, integration_id = tenant.last_synced_at, tenant.integration_id
    tenant.integration.sync_licenses = False
    db.session.commit()
    sandbox.patch_tenant(given.tenant_id, display_name="Renamed", skus=(Sku.of("SPE_E3", 30, 14), SKUS[1]))

    def choose() -> None:
        db.session.get_one(Integration, integration_id).sync_licenses = True

    with once_answered(app, monkeypatch, "/v1.0/") as meanwhile:
        meanwhile(choose)
        assert part_of(sync(tenant)).state == PartState.OK
    assert (tenant.name, tenant.last_synced_at) == ("Renamed", last)
    assert sorted(row.active for row in db.session.query(License)) == [5, 25]
    sync(tenant)
    assert sorted(row.active for row in db.session.query(License)) == [5, 30]


def test_where_licenses_are_not_synced_a_tenant_fails_whose_users_cannot_be_read(start: Start, sync: Sync) -> None:
    _, tenant = start(a_user(), tenant_values={"permissions": ("Organization.Read.All",)}, sync_licenses=False)
    part = part_of(sync(tenant))
    assert (part.state, "User.Read.All" in part.reason) == (PartState.FAILED, True)
    assert tenant.name == "as it was"


def test_where_licenses_are_not_synced_whoever_holds_one_that_is_not_stored_is_licensed(
    start: Start, sync: Sync, sandbox: Sandbox
) -> None:
    given, tenant = start(a_user(), sync_licenses=False)
    assert part_of(sync(tenant)).contacts_created == 1
    # To another product.
    sandbox.patch_tenant(given.tenant_id, skus=(Sku.of("SPE_E5", 1, 1),))
    sandbox.patch_user(given.tenant_id, given.users[0].user_id, licenses=(Assigned.of("SPE_E5"),))
    assert part_of(sync(tenant)).contacts_unlinked == 0
    sandbox.patch_user(given.tenant_id, given.users[0].user_id, licenses=())
    assert part_of(sync(tenant)).contacts_unlinked == 1
    assert the_contact().unlinked_reason == "No longer has a license"
