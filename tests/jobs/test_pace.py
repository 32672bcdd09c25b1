"""Microsoft's pace is obeyed, and what passes is waited out: put off, resumed at its time, given up in the end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from jobs import hold, queue, waits
from jobs import tenant as tenants
from jobs.microsoft import transport
from jobs.microsoft.errors import HeldBack, Throttled
from jobs.microsoft.pace import SPREAD_SECONDS
from jobs.microsoft.page import Ask
from jobs.microsoft.patience import SYNC
from sandbox import Fault, Sandbox
from tests.support.factories import Make
from tests.support.microsoft import connected, sandbox_tenant
from tests.support.waiting import eventually
from webapp.extensions import db
from webapp.models import License, PartState, Problem, RunState, utc_now
from webapp.models.leases import MAX_ATTEMPTS

from .conftest import Sync, Work
from .helpers import move_time_on, resume
from .people.helpers import SKUS, a_user, part_of


@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "date"])
@pytest.mark.parametrize(
    ("kind", "on"), [("throttle", "token"), ("throttle", "subscribedSkus"), ("unavailable", "organization")]
)
def test_a_short_wait_is_waited_out_and_nobody_asks_before_its_end(
    kind: str, on: str, as_date: bool, sandbox: Sandbox, make: Make, sync: Sync, work: Work
) -> None:
    given = sandbox_tenant(sandbox, faults=(Fault(on, kind, times=1, retry_after=1, as_date=as_date),))
    run = sync(connected(make, given))
    # Asked to take it up again and again, it is taken up when it is time.

    def has_ended() -> bool:
        resume(work)
        return not run.state.is_active

    eventually(has_ended)
    assert run.state == RunState.OK
    assert sandbox.requests(given.tenant_id)["early"] == 0


def test_a_long_wait_puts_the_tenant_off_until_its_time(sandbox: Sandbox, make: Make, sync: Sync, work: Work) -> None:
    given = sandbox_tenant(sandbox, faults=(Fault("subscribedSkus", "throttle", times=1, retry_after=120),))
    tenant = connected(make, given)
    before = utc_now()
    run = sync(tenant)
    part = part_of(run)
    assert (run.state, part.state) == (RunState.SYNCING, PartState.WAITING)
    assert part.not_before is not None
    assert before + timedelta(seconds=119) < part.not_before < utc_now() + timedelta(seconds=125)
    assert tenant.not_before == part.not_before
    assert "slow down" in part.reason

    count = sandbox.requests(given.tenant_id)["total"]
    resume(work)
    assert sandbox.requests(given.tenant_id)["total"] == count

    move_time_on(timedelta(seconds=125))
    resume(work)
    assert (run.state, part.attempts, part.reason) == (RunState.OK, 2, "")
    assert run.requests == sandbox.requests(given.tenant_id)["total"]
    assert db.session.query(License).count() == 1


def test_a_wait_holds_up_no_other_tenant(sandbox: Sandbox, make: Make, sync: Sync) -> None:
    slow = connected(make, sandbox_tenant(sandbox, faults=(Fault("graph", "throttle", retry_after=300),)))
    fast = connected(make, sandbox_tenant(sandbox))
    assert sync(slow).state == RunState.SYNCING
    assert sync(fast).state == RunState.OK


def test_a_wait_beyond_a_runs_patience_fails_and_no_later_run_asks_early(
    sandbox: Sandbox, make: Make, sync: Sync, work: Work
) -> None:
    given = sandbox_tenant(sandbox, faults=(Fault("subscribedSkus", "throttle", times=1, retry_after=3600),))
    tenant = connected(make, given)
    run = sync(tenant)
    assert (run.state, run.code) == (RunState.FAILED, "HTTP 429")
    assert "slow down" in run.reason
    count = sandbox.requests(given.tenant_id)["total"]

    second = sync(tenant)
    assert (second.state, second.code, second.requests) == (RunState.FAILED, "HTTP 429", 0)
    assert "not to be asked again before" in second.reason
    assert "UTC" in second.reason

    move_time_on(timedelta(minutes=50))
    third = sync(tenant)
    assert third.state.is_active
    assert sandbox.requests(given.tenant_id)["total"] == count

    move_time_on(timedelta(minutes=11))
    resume(work)
    assert third.state == RunState.OK


def test_a_wait_of_years_is_a_wait_of_a_week(sandbox: Sandbox, make: Make, sync: Sync) -> None:
    tenant = connected(make, sandbox_tenant(sandbox, faults=(Fault("graph", "throttle", retry_after=10**9),)))
    assert sync(tenant).state == RunState.FAILED
    assert tenant.not_before is not None
    assert tenant.not_before < utc_now() + timedelta(days=8)


@pytest.mark.parametrize("whose", ["tenant", "integration"])
def test_a_wait_that_a_clock_which_was_ahead_wrote_is_not_waited_out(
    sandbox: Sandbox, make: Make, sync: Sync, whose: str
) -> None:
    tenant = connected(make, sandbox_tenant(sandbox))
    waits = tenant if whose == "tenant" else tenant.integration
    waits.not_before = utc_now() + timedelta(days=300)
    db.session.commit()
    assert sync(tenant).state == RunState.OK


def test_who_is_throttled_time_and_again_fails_in_the_end(sandbox: Sandbox, make: Make, sync: Sync, work: Work) -> None:
    tenant = connected(make, sandbox_tenant(sandbox, faults=(Fault("graph", "throttle", retry_after=60),)))
    run = sync(tenant)
    for _ in range(MAX_ATTEMPTS - 1):
        assert run.state == RunState.SYNCING
        move_time_on(timedelta(seconds=61))
        resume(work)
    assert (run.state, run.code, part_of(run).attempts) == (RunState.FAILED, "HTTP 429", MAX_ATTEMPTS)


def test_a_tenant_that_is_throttled_time_and_again_keeps_the_run_of_the_others_for_a_quarter_of_an_hour_at_the_most(
    sandbox: Sandbox, make: Make, sync: Sync, work: Work
) -> None:
    tenant = connected(make, sandbox_tenant(sandbox, faults=(Fault("graph", "throttle", retry_after=420),)))
    run = sync(tenant)
    for _ in range(2):
        assert run.state == RunState.SYNCING
        move_time_on(timedelta(seconds=421))
        resume(work)
    assert (run.state, run.code, part_of(run).attempts) == (RunState.FAILED, "HTTP 429", 3)
    # What was asked for holds all the same.
    assert tenant.not_before is not None
    assert tenant.not_before > utc_now() + timedelta(seconds=400)
    count = sandbox.requests(given_id := tenant.tenant_id)["total"]
    assert sync(tenant).state == RunState.SYNCING
    assert sandbox.requests(given_id)["total"] == count


def test_a_wait_of_the_whole_app_is_waited_out_each_time(sandbox: Sandbox, make: Make, sync: Sync, work: Work) -> None:
    fault = Fault("subscribedSkus", "throttle_app", times=1, retry_after=420)
    given = sandbox_tenant(sandbox, faults=(fault,))
    run = sync(connected(make, given))
    for _ in range(2):
        assert run.state == RunState.SYNCING
        move_time_on(timedelta(seconds=421 + SPREAD_SECONDS))
        sandbox.throttle_app(given.client_id, 0)
        sandbox.faults(given.tenant_id, fault)
        resume(work)
    assert run.state == RunState.SYNCING
    sandbox.throttle_app(given.client_id, 0)


def test_a_tenant_that_is_read_for_too_long_is_given_up_and_says_so(
    sandbox: Sandbox, make: Make, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold, "_LONGEST_SECONDS", 0)
    tenant = connected(make, sandbox_tenant(sandbox))
    run = sync(tenant)
    assert (run.state, run.code, part_of(run).attempts) == (RunState.FAILED, "took_too_long", 1)
    assert sandbox.requests(tenant.tenant_id)["total"] == 0


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("graph", "throttle", retry_after=60), "HTTP 429"),
        (Fault("subscribedSkus", "server_error"), "generalException"),
    ],
    ids=["wait", "fault"],
)
@pytest.mark.usefixtures("hasty")
def test_a_tenant_that_must_wait_or_fails_at_its_last_attempt_fails_with_that_reason(
    fault: Fault, code: str, sandbox: Sandbox, make: Make, sync: Sync, work: Work
) -> None:
    tenant = connected(make, sandbox_tenant(sandbox, faults=(fault,)))
    run = sync(tenant)
    part = part_of(run)
    part.attempts, part.not_before = MAX_ATTEMPTS - 1, utc_now()
    db.session.commit()
    resume(work)
    assert (run.state, run.code) == (RunState.FAILED, code)


@pytest.mark.usefixtures("hasty")
def test_a_fault_after_waits_is_tried_again_as_any_other(sandbox: Sandbox, make: Make, sync: Sync, work: Work) -> None:
    wait, fault = Fault("graph", "throttle", times=3, retry_after=5), Fault("subscribedSkus", "gateway_timeout")
    run = sync(connected(make, sandbox_tenant(sandbox, faults=(wait, fault))))
    for _ in range(5):
        assert run.state == RunState.SYNCING
        move_time_on(timedelta(seconds=10))
        resume(work)
    assert (run.state, run.code, part_of(run).attempts) == (RunState.FAILED, "UnknownError", 6)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("subscribedSkus", "server_error"), "generalException"),
        (Fault("subscribedSkus", "unavailable"), "serviceNotAvailable"),
        (Fault("subscribedSkus", "gateway_timeout"), "UnknownError"),
        (Fault("subscribedSkus", "drop"), "no_answer"),
        (Fault("token", "unavailable"), "HTTP 503"),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else None,
)
@pytest.mark.usefixtures("hasty")
def test_a_fault_is_tried_again_later_and_later_and_reported_when_it_stays(
    fault: Fault, code: str, sandbox: Sandbox, make: Make, sync: Sync, work: Work
) -> None:
    tenant = connected(make, sandbox_tenant(sandbox, faults=(fault,)))
    run = sync(tenant)
    part = part_of(run)
    for most in (5, 10):
        assert (run.state, part.state) == (RunState.SYNCING, PartState.WAITING)
        assert part.not_before is not None
        assert part.not_before <= utc_now() + timedelta(seconds=most)
        move_time_on(timedelta(seconds=most))
        resume(work)
    assert (run.state, run.code, part.attempts) == (RunState.FAILED, code, 3)
    assert run.reason
    assert run.fix


@pytest.mark.usefixtures("hasty")
def test_a_fault_that_passes_leaves_no_trace(sandbox: Sandbox, make: Make, sync: Sync, work: Work) -> None:
    tenant = connected(make, sandbox_tenant(sandbox, faults=(Fault("subscribedSkus", "server_error", times=2),)))
    run = sync(tenant)
    for _ in range(2):
        move_time_on(timedelta(seconds=10))
        resume(work)
    assert (run.state, run.reason, tenant.not_before) == (RunState.OK, "", None)


def expired(on: str) -> Fault:
    return Fault(on, "page_expired", after=1, times=1)


@pytest.mark.parametrize(
    "faults",
    [
        (expired("subscribedSkus"),),
        (expired("usersList"),),
        # It is a list of one, whose first page is made to have another one after it.
        (Fault("organization", "endless_pages", times=1), Fault("organization", "page_expired", times=1)),
    ],
    ids=["licenses", "users", "organization"],
)
@pytest.mark.usefixtures("hasty")
def test_a_list_of_which_a_page_expired_is_read_anew(
    faults: tuple[Fault, ...], sandbox: Sandbox, make: Make, sync: Sync, work: Work
) -> None:
    users = (a_user(), a_user("Ben Costa"))
    given = sandbox_tenant(sandbox, skus=SKUS, users=users, page_size=1, faults=faults)
    run = sync(connected(make, given))
    assert (run.state, part_of(run).state) == (RunState.SYNCING, PartState.WAITING)
    assert db.session.query(License).count() == 0
    move_time_on(timedelta(seconds=5))
    resume(work)
    assert (run.state, part_of(run).reason, db.session.query(License).count()) == (RunState.OK, "", 2)


def test_an_answer_that_does_not_come_is_not_waited_for_twice_in_a_row(
    sandbox: Sandbox, make: Make, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "SILENCE_SECONDS", 0.2)
    given = sandbox_tenant(sandbox, faults=(Fault("subscribedSkus", "slow", seconds=10),))
    run = sync(connected(make, given))
    assert part_of(run).state == PartState.WAITING
    assert "did not answer in time" in part_of(run).reason
    assert run.heard_at is not None


def test_a_tenants_wait_is_kept_also_where_the_lease_was_lost(
    sandbox: Sandbox, make: Make, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.models.part._settle", lambda *args, **values: False)
    tenant = connected(make, sandbox_tenant(sandbox, faults=(Fault("graph", "throttle", retry_after=600),)))
    sync(tenant)
    assert tenant.not_before is not None
    assert tenant.not_before > utc_now() + timedelta(minutes=9)


@pytest.mark.usefixtures("app")
def test_a_wait_that_was_told_to_who_named_the_tenant_by_a_domain_is_obeyed_by_who_names_it_by_its_id(
    sandbox: Sandbox, make: Make
) -> None:
    given = sandbox_tenant(sandbox, faults=(Fault("graph", "throttle", retry_after=600),))
    tenant = connected(make, given)
    asks = [Ask("/organization", "Organization.Read.All"), Ask("/subscribedSkus", "Organization.Read.All")]
    for name, kind in ((given.domains[0], Throttled), (given.tenant_id, HeldBack)):
        _, graph = tenants.client(tenants.credentials_of(tenant.integration, name), tenants.transport(), SYNC)
        with pytest.raises(Throttled) as told:
            graph.together(asks)
        assert type(told.value) is kind


@pytest.mark.parametrize("is_of_app", [False, True], ids=["the tenant", "the app"])
def test_a_wait_that_another_worker_is_told_while_a_tenant_is_read_is_obeyed_though_redis_was_emptied(
    is_of_app: bool, app: Flask, sandbox: Sandbox, make: Make
) -> None:
    given = sandbox_tenant(sandbox)
    tenant = connected(make, given)
    credentials = tenants.credentials_of(tenant.integration, tenant.tenant_id)
    told = Throttled(Problem("Microsoft asked to slow down.", "Wait."), 600, is_of_app=is_of_app)
    _, graph = tenants.client(credentials, tenants.transport(), SYNC)
    asks = [Ask("/organization", "Organization.Read.All"), Ask("/subscribedSkus", "Organization.Read.All")]
    graph.together(asks)
    asked = sandbox.requests(given.tenant_id)["total"]
    waits.note_wait(tenant.id, told, utc_now())
    queue.connection().flushall()
    for ask in (lambda: graph.together(asks), lambda: graph.page(asks[0])):
        with pytest.raises(HeldBack) as held:
            ask()
        assert held.value.is_of_app == is_of_app
        assert 590 < (held.value.seconds or 0) < 600 + SPREAD_SECONDS
    assert sandbox.requests(given.tenant_id)["total"] == asked
