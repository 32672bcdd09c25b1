"""The hands of a worker: tenants at the same time, leases renewed, what is in hand given back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from jobs import crew, queue, settling, sync
from jobs.crew import Crew, Hold
from sandbox import Fault, Sandbox
from tests.support.claims import claim_one
from tests.support.factories import Make
from tests.support.microsoft import connected, new_run, sandbox_tenant
from tests.support.waiting import eventually
from webapp.extensions import db
from webapp.models import Claim, PartState, RunState, SyncPart, SyncRun, utc_now
from webapp.models.leases import LEASE

from .conftest import Work
from .helpers import asked, do
from .test_cancel import tenants_of_one_app


@pytest.fixture
def claim(make: Make) -> Claim:
    run, _ = SyncRun.begin(db.session, make.tenant(organization=make.organization()).integration_id, "manual")  # type: ignore[arg-type]
    db.session.commit()
    [part_id] = SyncRun.plan(db.session, run.id, utc_now()) or []
    claim = claim_one(part_id, utc_now())
    db.session.commit()
    assert claim is not None
    return claim


def in_hand(app: Flask, claim: Claim, act: object) -> Hold:
    """The part in the hand of a crew while `act` is called with that crew."""
    holds: list[Hold] = []

    def work(hold: Hold) -> bool:
        holds.append(hold)
        act(hold.crew)  # type: ignore[operator]
        return False

    own = Crew(app, 1)
    own.free(1)
    own.give(claim, work)
    db.session.commit()
    return holds[0]


def test_the_lease_of_what_is_in_hand_is_renewed(app: Flask, claim: Claim) -> None:
    part = db.session.get_one(SyncPart, claim.part_id)
    part.lease_until = utc_now() + timedelta(seconds=1)
    db.session.commit()
    hold = in_hand(app, claim, lambda own: own.renew())
    db.session.refresh(part)
    assert part.lease_until > utc_now() + LEASE / 2
    assert not hold.is_lost


def test_a_part_that_another_took_is_known_to_be_lost(app: Flask, claim: Claim) -> None:
    part = db.session.get_one(SyncPart, claim.part_id)
    part.lease, part.lease_until = "another's", utc_now()
    db.session.commit()
    hold = in_hand(app, claim, lambda own: own.renew())
    db.session.refresh(part)
    assert hold.is_lost
    assert part.lease_until <= utc_now()


def test_what_is_handed_back_may_be_taken_up_at_once(app: Flask, claim: Claim) -> None:
    in_hand(app, claim, lambda own: own.hand_back())
    part = db.session.get_one(SyncPart, claim.part_id)
    assert (part.state, part.lease) == (PartState.WAITING, None)
    assert SyncPart.due(db.session, claim.run_id, utc_now()) == [part.id]


@pytest.fixture
def many_hands(app: Flask) -> None:
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], sync_tenants_at_once=6)


def test_a_worker_asks_for_many_tenants_at_the_same_time(
    many_hands: None, sandbox: Sandbox, make: Make, work: Work
) -> None:
    tenants = tenants_of_one_app(sandbox, make, 6)
    barrier_run = new_run(tenants[0].integration)
    for tenant in tenants:
        sandbox.faults(tenant.tenant_id, Fault("token", "slow", seconds=1))
    queue.sync(barrier_run.id)
    began = utc_now()
    work()
    assert (barrier_run.state, barrier_run.tenants_ok) == (RunState.OK, 6)
    assert barrier_run.finished_at is not None
    assert barrier_run.finished_at - began < timedelta(seconds=5)


def test_a_slow_tenant_does_not_hold_up_the_others_of_its_job(app: Flask, sandbox: Sandbox, make: Make) -> None:
    tenants = tenants_of_one_app(sandbox, make, 12)
    slow = tenants[0]
    sandbox.faults(slow.tenant_id, Fault("token", "slow", seconds=3))
    run = new_run(slow.integration)
    do(sync.begin, run.id)
    part_ids = SyncPart.due(db.session, run.id, utc_now())
    with crew.at_work(app, hands=6) as own:
        do(sync.work, run.id, part_ids)
        eventually(lambda: ended(run) == 11)
        assert not own.is_idle()
    db.session.commit()
    assert (run.state, run.tenants_ok) == (RunState.OK, 12)


def ended(run: SyncRun) -> int:
    db.session.commit()
    return db.session.query(SyncPart).filter_by(run_id=run.id, state=PartState.OK).count()


def test_unchanged_tenants_are_settled_together(
    many_hands: None, sandbox: Sandbox, make: Make, work: Work, count_queries: list[str]
) -> None:
    tenants = tenants_of_one_app(sandbox, make, 6)
    for _ in range(2):
        queue.sync(new_run(tenants[0].integration).id)
        count_queries.clear()
        work()
    assert len([sql for sql in count_queries if sql.startswith("UPDATE tenant SET last_synced_at")]) <= 2
    inserted = [sql.split()[2] for sql in count_queries if sql.startswith("INSERT")]
    assert set(inserted) == {"sync_part"}
    run = db.session.query(SyncRun).order_by(SyncRun.id.desc()).first()
    assert run is not None
    assert (run.state, run.tenants_ok, run.rows_written) == (RunState.OK, 6, 0)
    assert {tenant.last_synced_at > run.created_at for tenant in tenants if tenant.last_synced_at} == {True}


def test_a_part_lost_before_it_is_settled_is_not_written(
    sandbox: Sandbox, make: Make, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = connected(make, sandbox_tenant(sandbox))
    queue.sync(new_run(tenant.integration).id)
    work()
    before = tenant.last_synced_at
    run = new_run(tenant.integration)
    do(sync.begin, run.id)
    real = settling.flush

    def flush(at_once: bool = False) -> None:
        db.session.execute(db.update(SyncPart).where(SyncPart.run_id == run_id).values(lease="another's"))
        db.session.commit()
        real(at_once)

    run_id = run.id
    monkeypatch.setattr(settling, "flush", flush)
    do(sync.work, run_id, SyncPart.due(db.session, run_id, utc_now()))
    [part] = db.session.query(SyncPart).filter_by(run_id=run_id)
    assert (part.state, part.lease) == (PartState.SYNCING, "another's")
    db.session.refresh(tenant)
    assert tenant.last_synced_at == before
    assert asked(sandbox, tenant.tenant_id)["batch"] == 2
