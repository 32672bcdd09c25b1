"""Which licenses count, and whose contacts these are: of one tenant, matched anew, or of two."""

from __future__ import annotations

import uuid
from dataclasses import replace

from sandbox import Assigned, Fault, Sandbox, Sku
from tests.jobs.conftest import Sync
from tests.support.factories import Make
from webapp.extensions import db
from webapp.models import (
    DirectoryUser,
)

from .helpers import E3, SKUS, VISIO, Start, a_user, addresses_of, contacts, held, part_of, the_contact


def test_licenses_that_the_tenant_does_not_name_are_left_out(start: Start, sync: Sync) -> None:
    unknown = Assigned(str(uuid.uuid4()))
    _, tenant = start(a_user(licenses=(unknown,)), a_user("Ben Costa", licenses=(E3, unknown)))
    sync(tenant)
    assert the_contact().name == "Ben Costa"
    assert len(held()) == 1


def test_a_suspended_license_keeps_its_tags_and_one_that_is_gone_has_none(
    start: Start, sync: Sync, sandbox: Sandbox
) -> None:
    suspended = replace(E3, state="Disabled")
    given, tenant = start(a_user(licenses=(E3, VISIO)))
    sync(tenant)
    lapsed = Sku.of("SPE_E3", consumed=14, suspended=25, capability_status="Suspended")
    user = replace(given.users[0], licenses=(suspended, VISIO))
    sandbox.patch_tenant(given.tenant_id, skus=(lapsed, SKUS[1]), users=(user,))
    sync(tenant)
    assert {number for _, number, *_ in held()} == {"SPE_E3", "VISIOCLIENT"}
    sandbox.patch_tenant(given.tenant_id, skus=SKUS[1:], faults=(Fault("users", "forbidden"),))
    assert part_of(sync(tenant)).rows_written == 2
    assert {number for _, number, *_ in held()} == {"VISIOCLIENT"}


def test_a_tenant_that_was_matched_anew_makes_its_contacts_there(start: Start, sync: Sync, make: Make) -> None:
    _, tenant = start(a_user())
    sync(tenant)
    first = the_contact()
    other = make.organization()
    tenant.match(other)
    db.session.commit()
    sync(tenant)
    assert {contact.organization_id for contact in contacts()} == {first.organization_id, other.id}
    assert db.session.query(DirectoryUser).one().contact_id != first.id
    assert first.unlinked_at is not None


def test_of_two_tenants_of_one_organization_the_first_user_gives_the_fields(
    start: Start, sync: Sync, sandbox: Sandbox
) -> None:
    given, tenant = start(a_user(job_title="first"))
    second_given, second = start(
        a_user(job_title="second", proxy_addresses=("smtp:anna.berg@contoso.example", "smtp:a2@x.example"))
    )
    second.organization = tenant.organization
    db.session.commit()
    sync(tenant)
    assert part_of(sync(second)).contacts_created == 0
    for row in (tenant, second, tenant, second):
        assert part_of(sync(row)).rows_written == 0
    assert (the_contact().title, len(addresses_of(the_contact()))) == ("first", 1)
    # The first one is blocked: the contact stays linked, and has its fields from the other from then on.
    sandbox.patch_tenant(given.tenant_id, users=(replace(given.users[0], account_enabled=False),))
    assert part_of(sync(tenant)).contacts_unlinked == 0
    assert the_contact().unlinked_at is None
    assert part_of(sync(second)).contacts_changed == 1
    assert (the_contact().title, len(addresses_of(the_contact()))) == ("second", 2)
    # With the last link goes the last tie.
    sandbox.patch_tenant(second_given.tenant_id, users=())
    assert part_of(sync(second)).contacts_unlinked == 1
    assert the_contact().unlinked_reason == "Deleted from Microsoft 365"
