"""Users that cannot be read, and the licenses beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from redis import Redis

from jobs.microsoft import transport
from jobs.microsoft.transport import Answer, Transport
from sandbox import Fault, Sandbox, Sku
from tests.jobs.conftest import Sync, Work
from tests.jobs.helpers import asked, move_time_on, resume
from webapp.extensions import db
from webapp.models import (
    Contact,
    License,
    PartState,
    RunState,
    SyncPart,
    SyncRun,
    UserSync,
)
from webapp.models.leases import MAX_ATTEMPTS

from .helpers import SKUS, Start, a_user, contacts, held, part_of, the_contact

FAULTS: Sequence[tuple[dict[str, Any], str]] = [
    ({"permissions": ("LicenseAssignment.Read.All", "Organization.Read.All")}, "lacks the permission User.Read.All"),
    ({"faults": (Fault("users", "forbidden"),)}, "lacks the permission User.Read.All"),
    ({"faults": (Fault("users", "wrong_item"),)}, "no id that is a GUID"),
    ({"faults": (Fault("users", "wrong_shape"),)}, "no list of values"),
    ({"faults": (Fault("users", "foreign_next_link"),)}, "another server"),
    ({"faults": (Fault("users", "endless_pages"),)}, "the same page twice"),
]


@pytest.mark.parametrize(("trouble", "reason"), FAULTS)
@pytest.mark.parametrize("mode", [UserSync.ALL, UserSync.OFF])
def test_users_that_cannot_be_read_hurt_only_themselves(
    start: Start,
    sync: Sync,
    sandbox: Sandbox,
    redis_url: str,
    trouble: dict[str, Any],
    reason: str,
    mode: UserSync,
) -> None:
    given, tenant = start(a_user())
    sync(tenant)
    users_synced_at, before = tenant.users_synced_at, held()
    tenant.integration.sync_users = mode
    db.session.commit()
    sandbox.patch_tenant(
        given.tenant_id, skus=(Sku.of("SPE_E3", 99, 14), SKUS[1]), users=(a_user("Ben Costa"),), **trouble
    )
    Redis.from_url(redis_url).flushall()  # a token that was given before has the permissions of before
    part = part_of(sync(tenant))
    assert (part.state, part.changed, part.rows_written, part.users_read) == (PartState.OK, 1, 1, 0)
    if mode == UserSync.ALL:
        assert "users could not be read" in part.reason
        assert reason in part.reason
        assert part.fix
    else:
        assert part.fix.startswith("Nothing needs to be done.")
        assert not part.needs_consent
    if "permission" in reason:
        assert "User.Read.All" in part.fix
    assert (tenant.users_synced_at, held()) == (users_synced_at, before)
    assert (the_contact().name, the_contact().unlinked_at) == ("Anna Berg", None)


def test_two_things_that_cannot_be_read_are_both_named(start: Start, sync: Sync) -> None:
    _, tenant = start(a_user(), tenant_values={"permissions": ("LicenseAssignment.Read.All",)})
    part = part_of(sync(tenant))
    assert part.state == PartState.OK
    for permission in ("Organization.Read.All", "User.Read.All"):
        assert permission in part.reason
        assert permission in part.fix


def test_a_fault_that_may_pass_puts_the_tenant_off_and_writes_nothing(start: Start, sync: Sync) -> None:
    _, tenant = start(a_user(), tenant_values={"faults": (Fault("users", "throttle", retry_after=30),)})
    assert part_of(sync(tenant)).state == PartState.WAITING
    assert db.session.query(License).count() == db.session.query(Contact).count() == 0


@pytest.mark.parametrize(
    ("permissions", "again"),
    [
        (("LicenseAssignment.Read.All", "Organization.Read.All"), {"usersDelta": 1}),
        (("LicenseAssignment.Read.All",), {"batch": 1, "organization": 1, "usersDelta": 1}),
    ],
)
def test_what_is_refused_is_asked_for_once_more_together_with_a_new_token(
    permissions: tuple[str, ...], again: dict[str, int], sandbox: Sandbox, start: Start, sync: Sync
) -> None:
    given, tenant = start(a_user(), tenant_values={"permissions": permissions})
    sync(tenant)
    sandbox.reset_requests(given.tenant_id)
    assert part_of(sync(tenant)).state == PartState.OK
    first = {"batch": 1, "subscribedSkus": 1, "organization": 1, "usersDelta": 1}
    expected = Counter(first) + Counter(again)
    assert asked(sandbox, given.tenant_id) == {**expected, "token": 1}


def until_the_last_try(run: SyncRun, work: Work) -> SyncPart:
    """The part of the run when it has been tried as often as it is."""
    part = part_of(run)
    for _ in range(2):
        assert (run.state, part.state) == (RunState.SYNCING, PartState.WAITING)
        move_time_on(timedelta(seconds=10))
        resume(work)
    return part


@pytest.mark.parametrize("kind", ["server_error", "gateway_timeout", "drop"])
@pytest.mark.usefixtures("hasty")
def test_users_that_fail_again_and_again_do_not_keep_the_licenses_from_being_synced(
    kind: str, start: Start, sync: Sync, work: Work, sandbox: Sandbox
) -> None:
    given, tenant = start(a_user())
    sync(tenant)
    users_synced_at, before = tenant.users_synced_at, held()
    sandbox.patch_tenant(given.tenant_id, skus=(Sku.of("SPE_E3", 99, 14), SKUS[1]), users=())
    sandbox.faults(given.tenant_id, Fault("users", kind))
    part = until_the_last_try(sync(tenant), work)
    assert (part.state, part.attempts, part.changed, part.users_read) == (PartState.OK, 3, 1, 0)
    assert part.reason.startswith("The tenant's users could not be read, so its contacts")
    assert "Licenses are not affected." in part.reason
    assert part.fix
    assert (tenant.users_synced_at, held(), the_contact().unlinked_at) == (users_synced_at, before, None)
    sandbox.faults(given.tenant_id)
    assert part_of(sync(tenant)).reason == ""
    assert held() == set()


@pytest.mark.parametrize("kind", ["server_error", "drop"])
@pytest.mark.usefixtures("hasty")
def test_where_only_what_changed_fails_again_and_again_everybody_is_read(
    kind: str, start: Start, sync: Sync, work: Work, sandbox: Sandbox
) -> None:
    given, tenant = start(a_user())
    sync(tenant)
    sandbox.patch_tenant(given.tenant_id, users=(a_user(), a_user("Ben Costa")))
    sandbox.faults(given.tenant_id, Fault("usersDelta", kind))
    part = until_the_last_try(sync(tenant), work)
    assert (part.state, part.reason, part.users_read) == (PartState.OK, "", 2)
    assert "Ben Costa" in {contact.name for contact in contacts()}
    # And from then on what changes is asked for as before.
    sandbox.faults(given.tenant_id)
    sync(tenant)
    sandbox.reset_requests(given.tenant_id)
    sync(tenant)
    assert asked(sandbox, given.tenant_id) == {"batch": 1, "subscribedSkus": 1, "organization": 1, "usersDelta": 1}


@pytest.mark.usefixtures("hasty")
def test_users_that_hold_up_all_that_is_asked_for_with_them_do_not_keep_the_licenses_from_being_synced(
    start: Start, sync: Sync, work: Work, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, tenant = start(a_user())
    sync(tenant)
    real = Transport.send

    def send(self: Transport, method: str, url: str, **options: Any) -> Answer:
        # For all else an answer is waited for that takes long on a busy machine.
        asks_for_users = "/users" in f"{url} {options.get('data')}"
        monkeypatch.setattr(transport, "SILENCE_SECONDS", 0.5 if asks_for_users else 60)
        return real(self, method, url, **options)

    monkeypatch.setattr(Transport, "send", send)
    sandbox.patch_tenant(given.tenant_id, skus=(Sku.of("SPE_E3", 99, 14), SKUS[1]))
    sandbox.faults(given.tenant_id, Fault("users", "slow", seconds=60))
    part = until_the_last_try(sync(tenant), work)
    assert (part.state, part.changed, part.users_read) == (PartState.OK, 1, 0)
    assert "did not answer in time" in part.reason


@pytest.mark.parametrize(
    "faults",
    [
        # Each try asks twice, in a batch and by itself: the sixth time is by itself.
        (Fault("users", "server_error", times=5), Fault("users", "throttle", retry_after=30)),
        (Fault("usersDelta", "server_error"), Fault("usersList", "throttle", retry_after=30)),
    ],
    ids=["changes", "list"],
)
@pytest.mark.usefixtures("hasty")
def test_a_wait_that_is_asked_for_at_the_last_try_is_obeyed(
    faults: Sequence[Fault], start: Start, sync: Sync, work: Work, sandbox: Sandbox
) -> None:
    given, tenant = start(a_user())
    sandbox.faults(given.tenant_id, *faults)
    part = until_the_last_try(sync(tenant), work)
    assert (part.state, part.code) == (PartState.WAITING, "HTTP 429")
    assert tenant.not_before is not None
    assert db.session.query(License).count() == 0


@pytest.mark.parametrize(("of_users", "is_known"), [("usersDelta", True), ("usersDelta", False), ("usersList", False)])
@pytest.mark.parametrize(("retry_after", "attempts"), [(20, MAX_ATTEMPTS), (None, 3)])
@pytest.mark.usefixtures("hasty")
def test_users_for_whom_microsoft_asks_to_wait_time_and_again_do_not_keep_the_licenses_from_being_synced(
    of_users: str,
    is_known: bool,
    retry_after: int | None,
    attempts: int,
    start: Start,
    sync: Sync,
    work: Work,
    sandbox: Sandbox,
) -> None:
    given, tenant = start(a_user())
    if is_known:
        sync(tenant)
    before = held()
    sandbox.patch_tenant(given.tenant_id, skus=(Sku.of("SPE_E3", 99, 14), SKUS[1]), users=(a_user("Ben Costa"),))
    sandbox.faults(given.tenant_id, Fault(of_users, "throttle", retry_after=retry_after))
    part = part_of(sync(tenant))
    while part.state == PartState.WAITING:
        sandbox.reset_requests(given.tenant_id)
        move_time_on(timedelta(seconds=30))
        resume(work)
    assert (part.state, part.attempts, part.code) == (PartState.OK, attempts, "HTTP 429")
    assert "users could not be read" in part.reason
    assert (db.session.query(License).filter_by(active=99).count(), held()) == (1, before)
    # It is obeyed all the same: nothing else is asked for instead, and the next sync waits.
    assert (tenant.not_before is not None) == (retry_after is not None)
    assert ("users" in asked(sandbox, given.tenant_id)) == (of_users == "usersList")


def test_users_for_whom_microsoft_asks_to_wait_longer_than_a_run_does_are_left_out_at_once(
    start: Start, sync: Sync, sandbox: Sandbox
) -> None:
    given, tenant = start(a_user())
    sandbox.faults(given.tenant_id, Fault("users", "throttle", retry_after=3600))
    part = part_of(sync(tenant))
    assert (part.state, part.attempts, part.code) == (PartState.OK, 1, "HTTP 429")
    assert db.session.query(License).count() == len(SKUS)
    sandbox.reset_requests(given.tenant_id)
    assert part_of(sync(tenant)).state == PartState.FAILED
    assert not asked(sandbox, given.tenant_id)


@pytest.mark.usefixtures("hasty")
def test_users_that_fail_once_after_waits_are_asked_for_again(
    start: Start, sync: Sync, work: Work, sandbox: Sandbox
) -> None:
    given, tenant = start(a_user())
    # Each try asks twice, in a batch and by itself.
    sandbox.faults(
        given.tenant_id,
        Fault("subscribedSkus", "throttle", times=2, retry_after=5),
        Fault("users", "server_error", after=2, times=2),
    )
    part = until_the_last_try(sync(tenant), work)
    assert (part.state, part.attempts, part.faults) == (PartState.WAITING, 3, 1)
    move_time_on(timedelta(seconds=10))
    resume(work)
    assert (part.state, part.attempts, part.reason, part.users_read) == (PartState.OK, 4, "", 1)


@pytest.mark.usefixtures("hasty")
def test_licenses_that_fail_again_and_again_fail_the_tenant(
    start: Start, sync: Sync, work: Work, sandbox: Sandbox
) -> None:
    given, tenant = start(a_user())
    sandbox.faults(given.tenant_id, Fault("subscribedSkus", "server_error"), Fault("users", "server_error"))
    assert until_the_last_try(sync(tenant), work).state == PartState.FAILED
    assert db.session.query(License).count() == 0
