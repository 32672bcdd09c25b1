"""Only what changed among the users is asked for, and what is stored is as if all had been read."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from jobs.microsoft.transport import Answer, Transport
from sandbox import Assigned, Fault, Sandbox, Sku
from tests.jobs.conftest import Sync
from tests.jobs.helpers import asked
from tests.support.factories import Make
from tests.support.matching import move
from webapp.extensions import db
from webapp.models import (
    Contact,
    DirectoryUser,
    RunState,
    SyncRun,
    Tenant,
    UserSync,
    UserTracking,
    utc_now,
)

from .helpers import E3, SKUS, VISIO, Start, a_user, contacts, held, part_of, the_contact


@pytest.fixture
def again(sandbox: Sandbox, sync: Sync) -> Sync:
    """Sync a tenant again, with the requests counted anew; the run must be OK."""

    def once_more(tenant: Tenant) -> SyncRun:
        sandbox.reset_requests(tenant.tenant_id)
        run = sync(tenant)
        assert (run.state, run.reason, part_of(run).reason) == (RunState.OK, "", "")
        return run

    return once_more


def graph_requests(sandbox: Sandbox, tenant: Tenant) -> dict[str, int]:
    return {name: n for name, n in asked(sandbox, tenant.tenant_id).items() if name not in {"openid", "token"}}


ONE_BATCH = {"batch": 1, "subscribedSkus": 1, "organization": 1, "usersDelta": 1}


def test_a_first_sync_asks_where_changes_begin_and_then_for_everybody(
    sandbox: Sandbox, start: Start, sync: Sync
) -> None:
    _, tenant = start(a_user())
    sync(tenant)
    assert graph_requests(sandbox, tenant) == {**ONE_BATCH, "users": 1}
    assert db.session.get_one(UserTracking, tenant.id).link.startswith("/users/delta?")


def test_a_new_a_changed_and_a_removed_user_are_told_without_reading_the_others(
    sandbox: Sandbox, start: Start, sync: Sync, again: Sync
) -> None:
    people = [a_user(f"User Number{number}") for number in range(30)]
    given, tenant = start(*people)
    sync(tenant)
    new = a_user("Eva New", licenses=(E3, VISIO))
    sandbox.put_users(given.tenant_id, new)
    sandbox.patch_user(given.tenant_id, people[3].user_id, job_title="Head", licenses=(VISIO,))
    sandbox.remove_user(given.tenant_id, people[4].user_id)
    part = part_of(again(tenant))
    assert (part.contacts_created, part.contacts_changed, part.contacts_unlinked) == (1, 1, 1)
    requests = graph_requests(sandbox, tenant)
    assert (requests["usersDelta"], sandbox.requests(tenant.tenant_id)["total"] <= 2) == (1, True)
    by_name = {contact.name: contact for contact in contacts()}
    assert len(by_name) == 31
    assert by_name["User Number3"].title == "Head"
    assert by_name["User Number4"].unlinked_at is not None
    assert (people[3].user_id, "VISIOCLIENT", True, False) in held()
    assert (people[3].user_id, "SPE_E3", True, False) not in held()
    assert {row[1] for row in held() if row[0] == new.user_id} == {"SPE_E3", "VISIOCLIENT"}
    assert not {row for row in held() if row[0] == people[4].user_id}
    assert part_of(again(tenant)).rows_written == 0
    assert graph_requests(sandbox, tenant) == ONE_BATCH


def test_a_field_that_was_emptied_is_empty(sandbox: Sandbox, start: Start, sync: Sync, again: Sync) -> None:
    given, tenant = start(a_user(job_title="Head"))
    sync(tenant)
    sandbox.patch_user(given.tenant_id, "anna.berg@contoso.example", job_title=None)
    again(tenant)
    assert the_contact().title == ""


@pytest.mark.parametrize("how", ["gone", "resync", "expired"])
def test_where_microsoft_forgot_where_it_was_everybody_is_read_and_tracking_begins_anew(
    how: str, sandbox: Sandbox, start: Start, sync: Sync, again: Sync
) -> None:
    given, tenant = start(a_user())
    sync(tenant)
    sandbox.expire_delta_tokens(given.tenant_id, how)  # type: ignore[arg-type]
    sandbox.patch_user(given.tenant_id, "anna.berg@contoso.example", job_title="Head")
    again(tenant)
    assert the_contact().title == "Head"
    assert graph_requests(sandbox, tenant)["users"] == 1
    again(tenant)
    assert graph_requests(sandbox, tenant) == ONE_BATCH


def test_a_cloud_that_tracks_no_changes_is_asked_for_everybody_at_once(
    sandbox: Sandbox, start: Start, sync: Sync, again: Sync
) -> None:
    given, tenant = start(a_user())
    sandbox.faults(given.tenant_id, Fault("usersDelta", "not_supported"))
    sync(tenant)
    assert db.session.query(Contact).count() == 1
    assert part_of(again(tenant)).rows_written == 0
    assert graph_requests(sandbox, tenant) == {"batch": 1, "subscribedSkus": 1, "organization": 1, "users": 1}


@pytest.mark.parametrize("kind", ["not_found", "not_supported", "bad_request", "not_json", "server_error", "forbidden"])
def test_where_batches_do_not_work_each_thing_is_asked_for_by_itself(
    kind: str, sandbox: Sandbox, start: Start, sync: Sync, again: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kept in ("_refused_until", "_in_a_row"):
        monkeypatch.setattr(f"jobs.microsoft.batch.{kept}", {})
    given, tenant = start(a_user())
    sandbox.faults(given.tenant_id, Fault("batch", kind))
    again(tenant)
    assert db.session.query(Contact).count() == 1
    remembered = kind in {"not_found", "not_supported", "bad_request"}
    assert part_of(again(tenant)).rows_written == 0
    requests = graph_requests(sandbox, tenant)
    # What is refused to a token that was taken over is asked for once more, with a new one.
    tries = 2 if kind == "forbidden" else 1
    assert requests.pop("batch", 0) == (0 if remembered else tries)
    assert requests == {"subscribedSkus": 1, "organization": 1, "usersDelta": 1}


def test_an_answer_that_is_missing_in_a_batch_is_asked_for_by_itself(
    sandbox: Sandbox, start: Start, sync: Sync, again: Sync
) -> None:
    given, tenant = start(a_user())
    sandbox.faults(given.tenant_id, Fault("batch", "missing_answer"))
    again(tenant)
    assert db.session.query(Contact).count() == 1


def test_everybody_is_read_again_once_a_day(sandbox: Sandbox, start: Start, sync: Sync, again: Sync) -> None:
    _, tenant = start(a_user())
    sync(tenant)
    tracking = db.session.get_one(UserTracking, tenant.id)
    for read_at in (utc_now() - timedelta(hours=25), utc_now() + timedelta(hours=25)):
        tracking.read_at = read_at
        db.session.commit()
        assert part_of(again(tenant)).rows_written == 0
        assert graph_requests(sandbox, tenant)["users"] == 1
        db.session.refresh(tracking)
        assert abs(tracking.read_at - utc_now()) < timedelta(minutes=1)


def test_other_settings_look_at_everybody_again(sandbox: Sandbox, start: Start, sync: Sync, again: Sync) -> None:
    _, tenant = start(a_user(), a_user("Ben Costa", licenses=()))
    sync(tenant)
    assert db.session.query(Contact).count() == 1
    tenant.integration.include_unlicensed = True
    db.session.commit()
    again(tenant)
    assert db.session.query(Contact).count() == 2
    tenant.integration.sync_users = UserSync.OFF
    db.session.commit()
    again(tenant)
    assert {contact.unlinked_reason for contact in contacts()} == {"Users are no longer synced"}


def test_whoever_holds_what_the_tenant_does_not_name_is_judged_anew_once_licenses_are_synced_or_not_any_more(
    start: Start, sync: Sync, again: Sync
) -> None:
    _, tenant = start(a_user(licenses=(Assigned.of("SPE_E5"),)))
    sync(tenant)
    assert contacts() == []
    tenant.integration.sync_licenses = False
    db.session.commit()
    again(tenant)
    assert the_contact().unlinked_at is None
    tenant.integration.sync_licenses = True
    db.session.commit()
    again(tenant)
    assert the_contact().unlinked_reason == "No longer has a license"


def test_a_contact_that_was_deleted_comes_back(sandbox: Sandbox, start: Start, sync: Sync, again: Sync) -> None:
    _, tenant = start(a_user(), a_user("Ben Costa"))
    sync(tenant)
    db.session.delete(contacts()[0])
    db.session.commit()
    again(tenant)
    assert {contact.name for contact in contacts()} == {"Anna Berg", "Ben Costa"}


def test_contacts_are_linked_again_by_the_sync_after_the_tenant_was_unmatched_and_matched_again(
    start: Start, sync: Sync, again: Sync
) -> None:
    _, tenant = start(a_user())
    organization = tenant.organization
    sync(tenant)
    for place in (None, organization):
        move(tenant, place)
    assert the_contact().unlinked_at is not None
    again(tenant)
    assert the_contact().unlinked_at is None
    assert db.session.query(DirectoryUser).one().contact_id == the_contact().id


def test_a_new_user_who_is_a_contact_by_hand_is_found_as_if_all_were_read(
    sandbox: Sandbox, start: Start, sync: Sync, again: Sync, make: object
) -> None:
    given, tenant = start(a_user())
    sync(tenant)
    assert tenant.organization_id is not None
    contact = Contact(organization_id=tenant.organization_id, name="Eva New", first_name="Eva", last_name="New")
    db.session.add(contact)
    db.session.commit()
    sandbox.put_users(given.tenant_id, a_user("Eva New"))
    again(tenant)
    assert db.session.query(Contact).count() == 2
    assert contact.email == "eva.new@contoso.example"


def test_where_changes_did_not_do_nothing_is_held_of_the_tenant_while_everybody_is_asked_for(
    sandbox: Sandbox, start: Start, sync: Sync, again: Sync, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, tenant = start(a_user())
    sync(tenant)
    make.contact(organization=tenant.organization, name="Eva New", first_name="Eva", last_name="New")
    sandbox.put_users(given.tenant_id, a_user("Eva New"))
    sandbox.patch_tenant(given.tenant_id, skus=(Sku.of("SPE_E3", 99, 1), SKUS[1]))
    has_transaction: list[bool] = []
    real = Transport.send

    def send(self: Transport, method: str, url: str, **options: Any) -> Answer:
        has_transaction.append(db.session().in_transaction())
        return real(self, method, url, **options)

    monkeypatch.setattr(Transport, "send", send)
    again(tenant)
    assert len(has_transaction) >= 3, "everybody was asked for after the changes"
    assert set(has_transaction) == {False}


def test_users_that_may_not_be_read_any_more_keep_what_is_stored_and_are_caught_up_with(
    sandbox: Sandbox, start: Start, sync: Sync, again: Sync
) -> None:
    given, tenant = start(a_user())
    sync(tenant)
    sandbox.faults(given.tenant_id, Fault("users", "forbidden"))
    sandbox.patch_user(given.tenant_id, "anna.berg@contoso.example", job_title="Head")
    run = sync(tenant)
    assert (run.state, "could not be read" in part_of(run).reason) == (RunState.OK, True)
    assert (the_contact().title, db.session.query(DirectoryUser).count()) == ("", 1)
    sandbox.faults(given.tenant_id)
    again(tenant)
    assert the_contact().title == "Head"
