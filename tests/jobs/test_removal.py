"""Removing an integration through real workers: both ways, interrupted anywhere, and connecting again."""

from __future__ import annotations

import signal
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import insert, update

from jobs import queue
from jobs import removal as job
from jobs import tenant as tenants
from jobs.schedule import sweep
from sandbox import Sandbox, Sku
from tests.support.factories import Make
from tests.support.microsoft import connected, new_run, sandbox_tenant
from webapp.extensions import db
from webapp.integrations import removing
from webapp.models import (
    FlexibleAssetType,
    Integration,
    License,
    Organization,
    Removal,
    RunState,
    SyncPart,
    SyncRun,
    Tenant,
    removal,
    utc_now,
)

from .conftest import Sync, Work
from .helpers import do
from .killed import PORTIONS
from .processes import Start, eventually, start

__all__ = ["start"]  # a fixture


def remove(integration: Integration, what: Removal) -> removal.Concerned:
    """What somebody does who types the name and presses Remove."""
    return do(removing.remove, integration.id, what, integration.name)


def nothing_was_heard(integration_id: int) -> None:
    """As if the job that worked on it were dead for long enough."""
    db.session.commit()
    heard_at = db.session.get_one(Integration, integration_id).removal_heard_at
    assert heard_at is not None
    earlier = heard_at - removal.SILENCE - timedelta(seconds=1)
    db.session.execute(update(Integration).where(Integration.id == integration_id).values(removal_heard_at=earlier))
    db.session.commit()


def left_of(integration_id: int) -> list[int]:
    db.session.rollback()
    return [
        db.session.query(Integration).filter_by(id=integration_id).count(),
        db.session.query(Tenant).filter_by(integration_id=integration_id).count(),
        db.session.query(License).join(License.tenant).filter(Tenant.integration_id == integration_id).count(),
        db.session.query(SyncRun).filter_by(integration_id=integration_id).count(),
        db.session.query(SyncPart).join(SyncPart.tenant).filter(Tenant.integration_id == integration_id).count(),
    ]


def many_licenses(make: Make, tenants: int, each: int) -> Integration:
    """An integration with very many licenses, written at once."""
    integration = make.integration()
    products = [make.product() for _ in range(each)]
    organization = make.organization()
    for _ in range(tenants):
        tenant = make.tenant(integration=integration, organization=organization)
        common = {"tenant_id": tenant.id, "status": "Enabled", "active": 1, "consumed": 1, "unused": 0, "over": 0}
        rows = [{**common, "product_id": one.id, "sku_id": one.sku_id, "sku_part_number": "X"} for one in products]
        db.session.execute(insert(License), rows)
    db.session.commit()
    return integration


def test_a_worker_deletes_what_was_counted(sandbox: Sandbox, make: Make, sync: Sync, work: Work) -> None:
    tenant = connected(make, sandbox_tenant(sandbox, skus=(Sku.of("SPE_E3"), Sku.of("SPB"))))
    sync(tenant)
    integration, integration_id = tenant.integration, tenant.integration_id
    counted = remove(integration, Removal.DELETE)
    assert (counted.licenses, counted.tenants, counted.runs) == (2, 1, 1)
    assert left_of(integration_id)[2] == 2, "a worker does it, not the request"
    work()
    assert left_of(integration_id) == [0, 0, 0, 0, 0]
    assert db.session.query(Organization).count() == 1
    assert db.session.query(FlexibleAssetType).count() == 0


def test_kept_data_is_disconnected_at_once_and_is_not_synced_again(
    sandbox: Sandbox, make: Make, sync: Sync, work: Work
) -> None:
    given = sandbox_tenant(sandbox)
    tenant = connected(make, given)
    sync(tenant)
    before = len(sandbox.requests(given.tenant_id)["requests"])
    counted = remove(tenant.integration, Removal.KEEP)
    assert (counted.licenses, counted.tenants) == (1, 1)
    assert tenant.integration.disconnected_at is not None
    do(sweep)
    work()
    assert len(sandbox.requests(given.tenant_id)["requests"]) == before
    assert left_of(tenant.integration_id) == [1, 1, 1, 1, 1]


@pytest.mark.parametrize("what", Removal)
def test_a_worker_in_the_midst_of_a_tenant_writes_nothing(
    app: Flask, sandbox: Sandbox, make: Make, work: Work, monkeypatch: pytest.MonkeyPatch, what: Removal
) -> None:
    tenant = connected(make, sandbox_tenant(sandbox))
    integration_id = tenant.integration_id
    run = new_run(tenant.integration)
    run_id, now, read = run.id, utc_now(), tenants.read

    def removed_meanwhile(*args: object, **options: object) -> object:
        found = read(*args, **options)  # type: ignore[arg-type]
        removal.begin(db.session, integration_id, what, now)
        db.session.commit()
        return found

    monkeypatch.setattr(tenants, "read", removed_meanwhile)
    queue.sync(run_id)
    work()
    assert db.session.query(License).count() == 0
    assert db.session.get_one(SyncRun, run_id).state == RunState.CANCELLED


def test_a_batch_that_breaks_is_as_if_it_had_not_begun_and_is_done_later(
    make: Make, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "BATCH", 100)
    integration = many_licenses(make, tenants=5, each=60)
    integration_id = integration.id
    batches = 0
    delete = removal._delete

    def break_in_the_midst(*args: object) -> int:
        nonlocal batches
        batches += 1
        deleted = delete(*args)  # type: ignore[arg-type]
        if batches == 2:
            raise RuntimeError("the worker is in trouble")
        return deleted

    monkeypatch.setattr(removal, "_delete", break_in_the_midst)
    assert remove(integration, Removal.DELETE).licenses == 300
    work()
    assert left_of(integration_id)[2] == 200
    assert db.session.get_one(Integration, integration_id).removal_done == 100
    do(sweep)
    work()
    assert left_of(integration_id)[2] == 200, "it was heard of just now"
    nothing_was_heard(integration_id)
    do(sweep)
    work()
    assert left_of(integration_id) == [0, 0, 0, 0, 0]


def test_a_removal_whose_job_was_lost_is_found(make: Make, work: Work) -> None:
    integration = many_licenses(make, tenants=1, each=3)
    integration_id = integration.id
    remove(integration, Removal.DELETE)
    queue.connection().flushall()
    nothing_was_heard(integration_id)
    do(sweep)
    work()
    assert left_of(integration_id) == [0, 0, 0, 0, 0]


def test_a_removal_works_in_turns(make: Make, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what waits behind it is not held up however much there is to delete."""
    monkeypatch.setattr(removal, "BATCH", 10)
    monkeypatch.setattr(job, "SECONDS", 0)
    integration = many_licenses(make, tenants=2, each=30)
    integration_id = integration.id
    remove(integration, Removal.DELETE)
    queue.connection().flushall()
    do(job.remove, integration_id)
    assert db.session.get_one(Integration, integration_id).removal_done == 10
    work()
    assert left_of(integration_id) == [0, 0, 0, 0, 0]


def test_a_removal_that_is_over_may_be_done_again(make: Make, work: Work) -> None:
    integration = many_licenses(make, tenants=1, each=3)
    integration_id = integration.id
    remove(integration, Removal.DELETE)
    work()
    do(job.remove, integration_id)
    live = make.integration()
    do(job.remove, live.id)
    assert left_of(live.id)[0] == 1


@pytest.mark.slow
def test_a_worker_that_is_killed_leaves_a_removal_that_another_finishes(
    app: Flask, sandbox: Sandbox, make: Make, start: Start
) -> None:
    deleted = PORTIONS * removal.BATCH
    integration = many_licenses(make, tenants=50, each=(deleted + removal.BATCH) // 50)
    integration_id = integration.id
    remove(integration, Removal.DELETE)
    assert start("tests.jobs.killed").wait(120) == -signal.SIGKILL
    db.session.rollback()
    assert db.session.get_one(Integration, integration_id).removal_done == deleted
    assert db.session.query(License).count() == removal.BATCH
    nothing_was_heard(integration_id)
    start("jobs.worker")
    do(sweep)
    eventually(lambda: left_of(integration_id) == [0, 0, 0, 0, 0])
    assert db.session.query(Organization).count() == 1


@pytest.mark.parametrize("what", Removal)
def test_no_statement_reads_the_secret_after_it_was_erased(make: Make, what: Removal) -> None:
    integration = make.integration(secret="to be erased")
    sealed = integration.client_secret_encrypted
    remove(integration, what)
    stored: list[str] = []
    with db.engine.connect() as connection:
        for table in db.metadata.sorted_tables:
            for row in connection.execute(table.select()):
                stored += map(str, row)
    assert sealed not in stored
