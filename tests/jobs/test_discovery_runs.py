"""Runs that look for a partner's customers before they sync: what becomes of the run."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask

from jobs import discovery, queue, sync
from jobs.crew import stopping
from jobs.microsoft import deadline, pace
from sandbox import Fault, Sandbox
from tests.support.factories import Make
from tests.support.microsoft import connected, new_run
from webapp.extensions import db
from webapp.models import (
    License,
    RunState,
    SyncRun,
    utc_now,
)
from webapp.models.run_discovery import LONGEST_DISCOVERY

from .conftest import Work
from .helpers import asked, do, waiting
from .meanwhile import Meanwhile, once_answered
from .partners import customers_of, partner_integration, partner_tenant, rows_of


def test_customers_are_signed_in_to_by_their_own_tenant_with_the_partners_app(
    sandbox: Sandbox, make: Make, work: Work
) -> None:
    partner = partner_tenant(sandbox)
    [customer] = customers_of(sandbox, partner, "Contoso")
    integration = partner_integration(make, partner)
    do(discovery.discover, integration.id)
    rows_of(integration.id)["Contoso"].match(make.organization())
    db.session.commit()
    run = new_run(integration)
    queue.sync(run.id)
    work()
    assert (run.state, run.tenants_total, run.tenants_ok) == (RunState.OK, 1, 1)
    assert db.session.query(License).one().sku_part_number == "SPE_E3"
    assert asked(sandbox, customer.tenant_id)["subscribedSkus"] == 1


@pytest.mark.parametrize("kind", ["throttle", "throttle_app"])
def test_a_run_that_is_told_to_wait_does_not_ask_the_partner_again_before(
    sandbox: Sandbox, make: Make, work: Work, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    partner = partner_tenant(sandbox)
    customers_of(sandbox, partner, "A")
    integration = partner_integration(make, partner)
    do(discovery.discover, integration.id)
    rows_of(integration.id)["A"].match(make.organization())
    db.session.commit()
    sandbox.faults(partner.tenant_id, Fault("contracts", kind, retry_after=600))
    sandbox.reset_requests()
    for _ in range(2):
        run = new_run(integration)
        queue.sync(run.id)
        work()
        # Redis and this process, which remember it as well, may lose it.
        queue.connection().flushall()
        monkeypatch.setattr(pace, "_heard", pace._Heard())
        assert "asked" in run.notice_reason
        assert run.state == (RunState.OK if kind == "throttle" else RunState.SYNCING)
        SyncRun.cancel(db.session, run.id, utc_now(), "whoever tests")
        db.session.commit()
    assert asked(sandbox, partner.tenant_id)["contracts"] == 1
    assert sandbox.requests(partner.tenant_id)["early"] == 0


def test_a_run_of_a_direct_integration_looks_for_nothing(sandbox: Sandbox, make: Make, work: Work) -> None:
    tenant = partner_tenant(sandbox)
    row = connected(make, tenant)
    run = new_run(row.integration)
    queue.sync(run.id)
    work()
    assert run.state == RunState.OK
    assert {"contracts", "delegatedAdminCustomers"}.isdisjoint(asked(sandbox, tenant.tenant_id))


def test_a_run_that_was_cancelled_before_it_looked_asks_nothing(sandbox: Sandbox, make: Make, work: Work) -> None:
    partner = partner_tenant(sandbox)
    customers_of(sandbox, partner, "A")
    integration = partner_integration(make, partner)
    run = new_run(integration)
    queue.sync(run.id)
    SyncRun.cancel(db.session, run.id, utc_now(), "somebody")
    db.session.commit()
    work()
    assert (run.state, asked(sandbox, partner.tenant_id)) == (RunState.CANCELLED, {})


@pytest.fixture
def meanwhile(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Meanwhile]:
    """Let something happen when Microsoft has given a first answer."""
    with once_answered(app, monkeypatch) as let:
        yield let
    stopping.clear()


def test_a_run_that_is_cancelled_while_it_looks_asks_nothing_more(
    sandbox: Sandbox, make: Make, meanwhile: Meanwhile
) -> None:
    partner = partner_tenant(sandbox)
    customers_of(sandbox, partner, "A")
    run = new_run(partner_integration(make, partner))
    run_id = run.id
    meanwhile(lambda: SyncRun.cancel(db.session, run_id, utc_now(), "somebody"))
    do(sync.begin, run_id)
    db.session.refresh(run)
    assert (run.state, list(asked(sandbox, partner.tenant_id))) == (RunState.CANCELLED, ["token"])
    assert waiting() == []


def test_a_worker_that_is_told_to_stop_while_a_run_looks_leaves_it_to_others(
    sandbox: Sandbox, make: Make, meanwhile: Meanwhile
) -> None:
    partner = partner_tenant(sandbox)
    customers_of(sandbox, partner, "A")
    run = new_run(partner_integration(make, partner))
    meanwhile(stopping.set)
    do(sync.begin, run.id)
    db.session.refresh(run)
    assert (run.state, list(asked(sandbox, partner.tenant_id))) == (RunState.QUEUED, ["token"])
    assert [job.args for job in waiting()] == [(run.id,)]


def test_a_run_whose_look_was_lost_for_too_long_goes_on_without(sandbox: Sandbox, make: Make, work: Work) -> None:
    partner = partner_tenant(sandbox)
    integration = partner_integration(make, partner)
    rows_of(integration.id)["The Partner"].match(make.organization())
    db.session.commit()
    run = new_run(integration)
    run.started_at = utc_now() - timedelta(minutes=11)
    db.session.commit()
    queue.sync(run.id)
    work()
    assert (run.state, run.notice_code) == (RunState.OK, "lost")
    assert "contracts" not in asked(sandbox, partner.tenant_id)


def test_a_look_that_takes_too_long_ends_with_what_it_read_and_the_run_goes_on(
    sandbox: Sandbox, make: Make, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    partner = partner_tenant(sandbox, page_size=1)
    [known] = customers_of(sandbox, partner, "Known")
    integration = partner_integration(make, partner)
    do(discovery.discover, integration.id)
    rows_of(integration.id)["Known"].match(make.organization())
    db.session.commit()
    new = [customer.tenant_id for customer in customers_of(sandbox, partner, "A", "B", "C", "D")]
    sandbox.patch_tenant(partner.tenant_id, customers=[*new, known.tenant_id])
    sandbox.reset_requests()
    # Each request takes so long that the third one would come after its time.
    ticks = itertools.count(0, step=LONGEST_DISCOVERY.total_seconds() / 2)
    monkeypatch.setattr(deadline, "monotonic", lambda: next(ticks))
    run = new_run(integration)
    queue.sync(run.id)
    work()
    assert (run.state, run.tenants_ok, run.tenants_found, run.tenants_gone) == (RunState.OK, 1, 2, 0)
    assert run.notice_code == "took_too_long"
    assert "longer than 10 minutes" in run.notice_reason
    assert asked(sandbox, partner.tenant_id) == {"contracts": 2}


def test_an_error_that_nobody_foresaw_does_not_fail_the_run(
    sandbox: Sandbox, make: Make, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    partner = partner_tenant(sandbox)
    integration = partner_integration(make, partner)
    rows_of(integration.id)["The Partner"].match(make.organization())
    db.session.commit()
    monkeypatch.setattr(discovery, "read_customers", lambda graph: 1 / 0)
    run = new_run(integration)
    queue.sync(run.id)
    work()
    assert (run.state, run.tenants_ok) == (RunState.OK, 1)
    assert "Seatledger itself" in run.notice_reason
