"""Links of tenants that left their organizations: cut by jobs, interrupted anywhere, and beside syncs."""

from __future__ import annotations

import signal
import uuid
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import insert, select

from jobs import queue
from jobs import tenant as tenants
from jobs import unlinking as job
from jobs.schedule import sweep
from sandbox import Sandbox
from tests.jobs.people.conftest import start
from tests.jobs.people.helpers import Start, a_user, contacts, part_of, the_contact
from tests.support.factories import Make
from tests.support.matching import linked, move
from tests.support.together import all_at_once
from tests.support.waiting import eventually
from webapp.extensions import db
from webapp.integrations import matching, unlinking
from webapp.models import (
    Contact,
    DirectoryUser,
    Integration,
    Organization,
    RunState,
    Tenant,
    departed,
    directory,
    utc_now,
)
from webapp.models.directory import NOT_MATCHED_ANY_MORE

from .conftest import Sync, Work
from .helpers import do
from .killed import PORTIONS
from .processes import Start as StartProcess
from .processes import start as start_process

__all__ = ["start", "start_process"]  # fixtures


@pytest.fixture(autouse=True)
def _nothing_is_cut_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(departed, "AT_ONCE", 0)


def departed_tenants(make: Make, count: int, users: int = 1) -> list[int]:
    """Tenants of so many users each, whose contacts are in one organization that they left: their rows' ids."""
    organization, integration = make.organization(), make.integration()
    rows = [make.tenant(organization=organization, integration=integration) for _ in range(count)]
    plain = {"organization_id": organization.id, "name": "N", "name_folded": "n", "search_folded": "n"}
    db.session.execute(insert(Contact), [plain] * (count * users))
    contact_ids = db.session.scalars(select(Contact.id).order_by(Contact.id)).all()
    linked = [
        {"tenant_id": rows[n % count].id, "user_id": str(contact_id), "contact_id": contact_id, "qualifies": True}
        for n, contact_id in enumerate(contact_ids)
    ]
    db.session.execute(insert(DirectoryUser), linked)
    held = matching.hold(db.session, [row.id for row in rows])
    matching.place(db.session, [matching.Move(row) for row in held.values()], utc_now())
    db.session.commit()
    return sorted(held)


def left() -> tuple[int, int, int]:
    """How many tenants are marked, users have a contact, and contacts are not marked as unlinked."""
    db.session.rollback()
    return (
        db.session.query(Tenant).filter(Tenant.departed_from_id.is_not(None)).count(),
        db.session.query(DirectoryUser).filter(DirectoryUser.contact_id.is_not(None)).count(),
        db.session.query(Contact).filter(Contact.unlinked_at.is_(None)).count(),
    )


def test_a_worker_cuts_what_was_left_and_leaves_nothing_queued(make: Make, work: Work) -> None:
    departed_tenants(make, 3, users=2)
    unlinking.go_on()
    unlinking.go_on()
    assert queue.waiting()[queue.SYNC][0] == 1, "it is enqueued once"
    work()
    assert left() == (0, 0, 0)
    unlinking.go_on()
    do(sweep)
    assert queue.waiting()[queue.SYNC][0] == 0


def test_what_was_left_is_found_by_the_sweep(app: Flask, make: Make, work: Work) -> None:
    departed_tenants(make, 2)
    settings = app.config["SETTINGS"]
    app.config["SETTINGS"] = replace(settings, redis_url="unix:///nowhere/redis.sock")
    unlinking.go_on()
    app.config["SETTINGS"] = settings
    do(sweep)
    work()
    assert left() == (0, 0, 0)


def test_a_job_that_breaks_loses_one_portion_and_the_next_does_the_rest(
    make: Make, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(departed, "BATCH", 2)
    departed_tenants(make, 2, users=5)
    cut, portions = directory.unlink_users, 0

    def break_in_the_midst(*args: object) -> None:
        nonlocal portions
        portions += 1
        cut(*args)  # type: ignore[arg-type]
        if portions == 3:
            raise RuntimeError("the worker is in trouble")

    monkeypatch.setattr(departed, "unlink_users", break_in_the_midst)
    unlinking.go_on()
    work()
    assert left() == (2, 6, 6)
    do(sweep)
    work()
    assert left() == (0, 0, 0)
    do(job.unlink)
    assert left() == (0, 0, 0)


def test_a_job_works_in_turns(make: Make, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "SECONDS", 0)
    departed_tenants(make, 3)
    do(job.unlink)
    assert left() == (2, 2, 2)
    work()
    assert left() == (0, 0, 0)


def test_two_jobs_at_once_share_the_work(app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(departed, "BATCH", 3)
    departed_tenants(make, 12, users=10)
    all_at_once(app, [job.unlink, job.unlink])
    if left() != (0, 0, 0):  # what one held when the other came by is found by the next
        do(job.unlink)
    assert left() == (0, 0, 0)
    assert set(db.session.scalars(select(Contact.unlinked_reason))) == {NOT_MATCHED_ANY_MORE}


def test_contacts_are_found_again_by_the_sync_after_the_tenant_is_back(start: Start, sync: Sync, work: Work) -> None:
    _, tenant = start(a_user(), a_user("Ben Costa"))
    former = tenant.organization
    sync(tenant)
    ids = [contact.id for contact in contacts()]
    move(tenant, None)
    unlinking.go_on()
    work()
    assert {contact.unlinked_reason for contact in contacts()} == {NOT_MATCHED_ANY_MORE}
    move(tenant, former)
    sync(tenant)
    assert ([contact.id for contact in contacts()], linked()) == (ids, 2)
    assert {contact.unlinked_at for contact in contacts()} == {None}


def test_a_sync_of_a_tenant_that_is_back_before_it_was_cut_changes_nothing(start: Start, sync: Sync) -> None:
    _, tenant = start(a_user())
    former = tenant.organization
    sync(tenant)
    move(tenant, None)
    move(tenant, former)
    run = sync(tenant)
    assert (part_of(run).rows_written, linked(), the_contact().unlinked_at) == (0, 1, None)


def test_what_was_edited_meanwhile_is_brought_up_to_its_user(start: Start, sync: Sync) -> None:
    _, tenant = start(a_user())
    former = tenant.organization
    sync(tenant)
    move(tenant, None)
    edit(the_contact().id, "Edited meanwhile")
    move(tenant, former)
    sync(tenant)
    assert (the_contact().name, the_contact().unlinked_at, linked()) == ("Anna Berg", None, 1)


def edit(contact_id: int, name: str) -> None:
    """What somebody does who saves the form of a contact."""
    departed.let_go(db.session, contact_id)
    db.session.get_one(Contact, contact_id).name = name
    db.session.commit()


def test_a_sync_cuts_what_its_tenant_left_elsewhere_before_it_links_anybody(
    start: Start, sync: Sync, make: Make
) -> None:
    _, tenant = start(a_user())
    sync(tenant)
    first, other = the_contact(), make.organization()
    move(tenant, other)
    sync(tenant)
    assert tenant.departed_from_id is None
    assert (first.unlinked_reason, linked()) == (NOT_MATCHED_ANY_MORE, 1)
    do(job.unlink)
    [former, new] = contacts()
    assert (former.id, new.organization_id, linked()) == (first.id, other.id, 1)


def test_a_tenant_that_is_unmatched_while_it_is_read_keeps_what_was_read_and_is_cut(
    sandbox: Sandbox, start: Start, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, tenant = start(a_user())
    sync(tenant)
    tenant_id, read = tenant.id, tenants.read
    sandbox.put_users(given.tenant_id, a_user("Ben Costa"))

    def unmatched_meanwhile(*args: object, **options: object) -> object:
        found = read(*args, **options)  # type: ignore[arg-type]
        if db.session.get_one(Tenant, tenant_id).is_matched:
            move(db.session.get_one(Tenant, tenant_id), None)
        return found

    monkeypatch.setattr(tenants, "read", unmatched_meanwhile)
    assert sync(tenant).state == RunState.OK
    assert (tenant.departed_from_id, the_contact().unlinked_reason) == (None, NOT_MATCHED_ANY_MORE)
    assert db.session.query(DirectoryUser).count() == 2


def test_a_contact_that_another_tenant_links_before_it_is_cut_stays_linked(start: Start, sync: Sync) -> None:
    """As where a customer goes from one tenant to another, and keeps its addresses."""
    users = [a_user("Anna Berg"), a_user("Ben Costa")]
    _, tenant = start(*users)
    _, second = start(replace(users[0], user_id=str(uuid.uuid4())))
    second.organization = tenant.organization
    sync(tenant)
    move(tenant, None)
    sync(second)
    assert (len(contacts()), linked()) == (2, 1)
    do(job.unlink)
    assert sorted(contact.unlinked_reason for contact in contacts()) == ["", NOT_MATCHED_ANY_MORE]
    assert linked() == 1


@pytest.mark.slow
def test_a_worker_that_is_killed_leaves_links_that_another_cuts(make: Make, start_process: StartProcess) -> None:
    departed_tenants(make, PORTIONS + 5, users=10)
    unlinking.go_on()
    assert start_process("tests.jobs.killed").wait(120) == -signal.SIGKILL
    assert left() == (5, 50, 50)
    start_process("jobs.worker")
    do(sweep)
    eventually(lambda: left() == (0, 0, 0))
    assert db.session.query(Organization).count() == db.session.query(Integration).count() == 1
