"""Waits that Microsoft asked for, as they are stored: whoever asks for something obeys them, syncs and all others."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from jobs import adding, compare, connect, discovery, waits
from jobs.microsoft.errors import HeldBack, Throttled
from jobs.schedule import sweep
from sandbox import Fault, Sandbox
from tests.support.factories import Make
from tests.support.microsoft import connected, new_run, sandbox_tenant
from tests.support.turns import in_turn
from webapp.database import declare_writing
from webapp.extensions import db, vault
from webapp.models import AdditionLine, Cloud, Integration, Problem, RunState, Tenant, TenantAddition, utc_now
from webapp.models.run import SILENCE

from .conftest import Sync, Work
from .helpers import asked, do, move_time_on

# Something that a job asks Microsoft about the tenant, and the code of the problem that comes of it.
Question = Callable[[Tenant], Any]


def compared(tenant: Tenant) -> Any:
    return do(compare.compare, tenant.id)["problem"]["code"]


def looked_for(tenant: Tenant) -> Any:
    return do(discovery.discover, tenant.integration_id)["problem"]["code"]


def tried(tenant: Tenant, named: str = "") -> Any:
    integration = tenant.integration
    name, client_id = named or tenant.tenant_id.upper(), integration.client_id.upper()
    given = {"cloud": integration.cloud, "tenant": name, "client_id": client_id}
    sealed = vault.encrypt(json.dumps({**given, "client_secret": integration.client_secret}))
    return do(connect.check, sealed)["problem"]["code"]


@in_turn
def added(tenant: Tenant) -> Any:
    """Another one, whose domain tells which."""
    lines = [(tenant.default_domain, None)]
    addition = TenantAddition.begin(db.session, tenant.integration_id, lines, "ann@msp.example")
    db.session.commit()
    do(adding.add, addition.id)
    return db.session.query(AdditionLine).filter_by(addition_id=addition.id).one().code


@pytest.mark.parametrize(
    ("ask", "is_of_app"),
    [
        (compared, True),
        (compared, False),
        (looked_for, True),
        (looked_for, False),
        (tried, True),
        (tried, False),
        (added, True),
    ],
)
def test_nobody_asks_before_the_end_of_a_wait(ask: Question, is_of_app: bool, sandbox: Sandbox, make: Make) -> None:
    given = sandbox_tenant(sandbox)
    other = sandbox_tenant(sandbox, client_id=given.client_id, secret=given.secret)
    tenant = connected(make, given)
    tenant.default_domain = other.domains[0]
    told = tenant.integration if is_of_app else tenant
    told.not_before, told.told_to_wait_at = utc_now() + timedelta(minutes=5), utc_now()
    db.session.commit()
    assert ask(tenant) == "HTTP 429"
    assert (asked(sandbox, given.tenant_id), asked(sandbox, other.tenant_id)) == ({}, {})


@pytest.mark.parametrize("ask", [compared, tried])
def test_a_sign_in_that_is_asked_to_wait_keeps_everybody_from_asking_before(
    ask: Question, sandbox: Sandbox, make: Make, sync: Sync
) -> None:
    fault = Fault("token", "throttle", times=1, retry_after=60)
    tenant = connected(make, sandbox_tenant(sandbox, faults=(fault,)))
    assert ask(tenant) == "HTTP 429"
    count = sandbox.requests(tenant.tenant_id)["total"]
    for question in (compared, tried):
        assert question(tenant) in {"held_back", "HTTP 429"}
    assert sync(tenant).state == RunState.SYNCING
    assert sandbox.requests(tenant.tenant_id)["total"] == count


def test_a_wait_of_a_tenant_is_one_also_for_who_names_it_by_a_domain(sandbox: Sandbox, make: Make) -> None:
    given = sandbox_tenant(sandbox)
    tenant = connected(make, given)
    tenant.not_before, tenant.told_to_wait_at = utc_now() + timedelta(minutes=5), utc_now()
    db.session.commit()
    assert tried(tenant, given.domains[0]) == "held_back"
    assert {"batch", "subscribedSkus", "organization"}.isdisjoint(asked(sandbox, given.tenant_id))


@pytest.mark.parametrize("is_of_app", [False, True], ids=["the tenant", "the app"])
def test_the_longest_wait_is_kept_unless_a_clock_that_was_wrong_has_written_it(
    is_of_app: bool, app: Flask, make: Make
) -> None:
    tenant = make.tenant(integration=make.integration())
    now = utc_now()

    def kept_after(seconds: float) -> timedelta:
        waits.note_wait(tenant.id, Throttled(Problem("Slower.", "Wait."), seconds, is_of_app=is_of_app), now)
        until = (tenant.integration if is_of_app else tenant).not_before
        assert until is not None
        return until - now

    assert kept_after(600) == timedelta(minutes=10)
    assert kept_after(10) == timedelta(minutes=10)
    assert kept_after(900) == timedelta(minutes=15)
    told = tenant.integration if is_of_app else tenant
    for ahead in (timedelta(days=300), timedelta(hours=3)):
        told.not_before, told.told_to_wait_at = now + ahead + timedelta(seconds=20), now + ahead
        db.session.commit()
        assert kept_after(10) == timedelta(seconds=10)
    # A version before this one did not say when it was told.
    told.not_before, told.told_to_wait_at = now + timedelta(hours=3), None
    db.session.commit()
    assert kept_after(10) == timedelta(hours=3)


@pytest.mark.parametrize("is_of_app", [False, True], ids=["the tenant", "the app"])
def test_a_wait_holds_up_whom_it_concerns_and_nobody_else(is_of_app: bool, make: Make) -> None:
    app_id, another_app_id = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
    own, of_same_app, _in_another_cloud, of_another_app = (
        make.tenant(integration=make.integration(client_id=client_id, cloud=cloud))
        for client_id, cloud in (
            (app_id, Cloud.GLOBAL),
            (app_id, Cloud.GLOBAL),
            (app_id, Cloud.CHINA),
            (another_app_id, Cloud.GLOBAL),
        )
    )
    waits.note_wait(own.id, Throttled(Problem("Slower.", "Wait."), 600, is_of_app=is_of_app), utc_now())
    tenants, integrations = (
        set(db.session.scalars(select(model.id).where(model.not_before.is_not(None))))
        for model in (Tenant, Integration)
    )
    if is_of_app:
        assert (tenants, integrations) == (set(), {own.integration_id, of_same_app.integration_id})
    else:
        assert (tenants, integrations) == ({own.id}, set())
    with pytest.raises(HeldBack) as held_back:
        waits.obey(app_id, own.tenant_id)
    assert held_back.value.is_of_app == is_of_app
    waits.obey(another_app_id, of_another_app.tenant_id)
    if not is_of_app:
        waits.obey(app_id, of_same_app.tenant_id)


def test_who_looks_up_waits_waits_for_nobody_who_writes(app: Flask, make: Make) -> None:
    tenant = make.tenant(integration=make.integration())
    tenant.not_before = utc_now() + timedelta(minutes=5)
    db.session.commit()
    # Another connection has the turn to write, which on SQLite only one can have.
    declare_writing()
    with db.engine.connect() as writer:
        writer.execute(update(Tenant).values(phone="1"))
        assert len(waits.stored()) == 1
        writer.rollback()


def test_a_direct_integration_that_is_told_to_wait_while_it_looks_for_tenants_keeps_that(
    sandbox: Sandbox, make: Make
) -> None:
    given = sandbox_tenant(sandbox, faults=(Fault("graph", "throttle", retry_after=600),))
    tenant = connected(make, given)
    assert looked_for(tenant) == "HTTP 429"
    assert tenant.not_before is not None
    assert tenant.not_before > utc_now() + timedelta(minutes=9)


def test_of_all_waits_those_that_are_over_and_those_of_a_clock_that_was_wrong_are_not_told(
    app: Flask, make: Make
) -> None:
    now = utc_now()
    held, over, wrong, ahead, free = (make.tenant(integration=make.integration()) for _ in range(5))
    held.not_before = now + timedelta(minutes=1)
    held.integration.not_before = now + timedelta(minutes=2)
    over.not_before = over.integration.not_before = now - timedelta(seconds=1)
    wrong.not_before = wrong.integration.not_before = now + timedelta(days=300)
    ahead.not_before = ahead.integration.not_before = now + timedelta(hours=3, seconds=20)
    ahead.told_to_wait_at = ahead.integration.told_to_wait_at = now + timedelta(hours=3)
    free.not_before = None
    db.session.commit()
    found = {(wait.client_id, wait.tenant): wait.seconds for wait in waits.stored()}
    of_app, of_tenant = (held.integration.client_id, ""), (held.integration.client_id, held.tenant_id)
    assert found == {of_app: pytest.approx(120, abs=20), of_tenant: pytest.approx(60, abs=20)}


def test_of_two_waits_in_one_batch_both_are_kept(app: Flask, make: Make) -> None:
    tenant = make.tenant(integration=make.integration())
    now = utc_now()
    told = Throttled(Problem("Slower.", "Wait."), 2, is_of_app=True)
    told.also = [Throttled(Problem("Slower.", "Wait."), 600), Throttled(Problem("Slower.", "Wait."), None)]
    assert waits.note_wait(tenant.id, told, now) == now + timedelta(seconds=2)
    assert tenant.not_before == now + timedelta(seconds=600)
    assert tenant.integration.not_before == now + timedelta(seconds=2)


def test_a_run_that_waits_for_its_turn_or_whose_tenants_all_wait_is_not_said_to_be_lost(
    sandbox: Sandbox, make: Make, work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    throttled = Fault("batch", "throttle", retry_after=600)
    run = new_run(connected(make, sandbox_tenant(sandbox, faults=(throttled,))).integration)

    def is_said_to_be_lost() -> bool:
        caplog.clear()
        move_time_on(SILENCE + timedelta(seconds=1))
        do(sweep)
        return "nothing was heard of it" in caplog.text

    assert is_said_to_be_lost()  # nobody enqueued it
    assert not is_said_to_be_lost()  # no worker took it up yet
    work()
    assert not is_said_to_be_lost()  # its tenant was put off
    assert run.state == RunState.SYNCING
