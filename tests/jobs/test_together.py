"""Several workers at once, jobs that run twice, work that was lost: one outcome, no duplicates."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from jobs import crew, queue, sync
from jobs.microsoft.transport import Answer, Transport
from jobs.schedule import sweep
from sandbox import Fault, Sandbox, Sku
from tests.support.claims import claim_one
from tests.support.factories import Make
from tests.support.microsoft import connected_together, new_run, sandbox_tenant
from tests.support.together import all_at_once
from webapp.extensions import db
from webapp.models import License, PartState, Product, RunState, SyncPart, SyncRun, Tenant, utc_now
from webapp.models.leases import LEASE

from .conftest import Work
from .helpers import asked, do, move_time_on

PART_NUMBERS = ("SPE_E3", "SPE_E5", "SPB", "VISIOCLIENT", "POWER_BI_PRO", "PROJECTPROFESSIONAL")
MIX = tuple(Sku.of(part_number, 10, 5) for part_number in PART_NUMBERS)


def a_run(sandbox: Sandbox, make: Make, tenants: int = 1, faults: tuple[Fault, ...] = ()) -> SyncRun:
    """A run, recorded and not enqueued, of an integration that reaches so many tenants with the same products."""
    given = [sandbox_tenant(sandbox, skus=MIX, faults=faults) for _ in range(tenants)]
    first, *_ = connected_together(sandbox, make, *given)
    return new_run(first.integration)


def part_ids(run: SyncRun) -> list[int]:
    return list(db.session.scalars(db.select(SyncPart.id).where(SyncPart.run_id == run.id).order_by(SyncPart.id)))


def test_jobs_that_run_twice_change_nothing_the_second_time(sandbox: Sandbox, make: Make, work: Work) -> None:
    run = a_run(sandbox, make, tenants=2)
    do(sync.begin, run.id)
    do(sync.begin, run.id)
    work()
    finished_at = run.finished_at
    count = sandbox.requests()["total"]
    do(sync.work, run.id, part_ids(run))
    do(sync.begin, run.id)
    work()
    assert (run.state, run.tenants_ok, run.finished_at) == (RunState.OK, 2, finished_at)
    assert sandbox.requests()["total"] == count
    assert db.session.query(License).count() == 2 * len(MIX)


def test_workers_at_the_same_parts_at_once_share_them(app: Flask, sandbox: Sandbox, make: Make) -> None:
    run = a_run(sandbox, make, tenants=6)
    run_id = run.id
    do(sync.begin, run_id)
    queue.connection().flushall()
    ids = part_ids(run)
    # Forwards and backwards, so that they meet.
    orders = [ids, ids[::-1], ids[3:] + ids[:3], ids[::-1]]
    all_at_once(app, [lambda order=order: sync.work(run_id, order) for order in orders])  # type: ignore[misc]
    db.session.commit()
    assert (run.state, run.tenants_ok, run.rows_written, run.requests) == (RunState.OK, 6, 6 * len(MIX), 18)
    assert db.session.query(License).count() == 6 * len(MIX)
    assert db.session.query(Product).count() == len(MIX)
    for tenant in db.session.query(Tenant):
        assert asked(sandbox, tenant.tenant_id)["subscribedSkus"] == 1


def test_integrations_that_make_the_same_products_at_once_share_them(app: Flask, sandbox: Sandbox, make: Make) -> None:
    runs = [a_run(sandbox, make) for _ in range(5)]
    for run in runs:
        do(sync.begin, run.id)
    calls = [(run.id, part_ids(run)) for run in runs]
    all_at_once(app, [lambda call=call: sync.work(*call) for call in calls])  # type: ignore[misc]
    db.session.commit()
    assert [run.state for run in runs] == [RunState.OK] * 5
    assert db.session.query(Product).count() == len(MIX)
    assert db.session.query(License).count() == 5 * len(MIX)


def test_a_second_start_while_one_runs_makes_no_second_job(sandbox: Sandbox, make: Make) -> None:
    run = a_run(sandbox, make)
    for _ in range(5):
        queue.sync(new_run(run.integration).id)
    assert queue.connection().llen("rq:queue:sync") == 1
    assert db.session.query(SyncRun).count() == 1


def test_a_run_whose_jobs_were_lost_is_taken_up_again(app: Flask, sandbox: Sandbox, make: Make, work: Work) -> None:
    run = a_run(sandbox, make, tenants=3)
    queue.sync(run.id)
    queue.connection().flushall()
    do(sweep)
    work()
    assert run.state == RunState.QUEUED  # it may still be on its way
    move_time_on(timedelta(seconds=31))
    do(sweep)
    work()
    assert (run.state, run.tenants_ok) == (RunState.OK, 3)


def test_parts_whose_jobs_were_lost_midway_are_taken_up_again(
    app: Flask, sandbox: Sandbox, make: Make, work: Work
) -> None:
    run = a_run(sandbox, make, tenants=12)
    do(sync.begin, run.id)
    ids = part_ids(run)
    do(sync.work, run.id, ids[:5])
    queue.connection().flushall()
    move_time_on(timedelta(seconds=31))
    do(sweep)
    work()
    assert (run.state, run.tenants_ok) == (RunState.OK, 12)
    assert db.session.query(License).count() == 12 * len(MIX)


def test_a_part_whose_worker_died_is_taken_up_when_its_lease_has_lapsed(
    sandbox: Sandbox, make: Make, work: Work
) -> None:
    run = a_run(sandbox, make)
    do(sync.begin, run.id)
    part = db.session.query(SyncPart).one()
    assert claim_one(part.id, run.heard_at) is not None
    db.session.commit()
    move_time_on(timedelta(seconds=31))
    do(sweep)
    work()
    assert (run.state, part.state) == (RunState.SYNCING, PartState.SYNCING)
    move_time_on(LEASE)
    do(sweep)
    work()
    assert (run.state, part.attempts) == (RunState.OK, 2)


def test_a_run_that_nobody_ended_is_ended_by_the_sweep(sandbox: Sandbox, make: Make, work: Work) -> None:
    run = a_run(sandbox, make)
    do(sync.begin, run.id)
    db.session.execute(update(SyncPart).values(state=PartState.OK, finished_at=utc_now()))
    db.session.commit()
    queue.connection().flushall()
    move_time_on(timedelta(seconds=31))
    do(sweep)
    work()
    assert run.state == RunState.OK


@pytest.fixture(autouse=True)
def _not_stopping() -> Iterator[None]:
    """A worker told to stop ends with its process, but here the next test has the same one."""
    yield
    crew.stopping.clear()


def test_a_worker_told_to_stop_hands_on_what_it_has_not_begun(sandbox: Sandbox, make: Make, work: Work) -> None:
    run = a_run(sandbox, make, tenants=3)
    do(sync.begin, run.id)
    queue.connection().flushall()
    crew.stopping.set()
    do(sync.work, run.id, part_ids(run))
    assert {part.state for part in db.session.query(SyncPart)} == {PartState.WAITING}
    crew.stopping.clear()
    work()
    assert (run.state, run.tenants_ok) == (RunState.OK, 3)
    assert {part.attempts for part in db.session.query(SyncPart)} == {1}


def test_a_worker_told_to_stop_midway_gives_the_tenant_back(
    sandbox: Sandbox, make: Make, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = a_run(sandbox, make, tenants=2)
    do(sync.begin, run.id)
    queue.connection().flushall()
    real = Transport.send

    def send(self: Transport, method: str, url: str, **options: Any) -> Answer:
        if "/$batch" in url:
            crew.stopping.set()
        return real(self, method, url, **options)

    monkeypatch.setattr(Transport, "send", send)
    do(sync.work, run.id, part_ids(run))
    monkeypatch.undo()
    first, second = db.session.query(SyncPart).order_by(SyncPart.id)
    assert (first.state, first.attempts, first.lease, second.attempts) == (PartState.WAITING, 1, None, 0)
    assert db.session.query(License).count() == 0
    crew.stopping.clear()
    do(sweep)
    work()
    assert (run.state, run.tenants_ok, first.attempts, second.attempts) == (RunState.OK, 2, 2, 1)
