"""What happens to a run while Microsoft is asked: integrations deleted, tenants unmatched, leases lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from jobs import crew, queue
from jobs.microsoft.transport import Answer, Transport
from sandbox import Sandbox
from tests.support.factories import Make
from tests.support.microsoft import connected, new_run, sandbox_tenant
from webapp.extensions import db
from webapp.models import Integration, License, PartState, RunState, SyncPart, SyncRun, Tenant

from .conftest import Sync, Work
from .helpers import asked, licenses_of
from .meanwhile import Meanwhile, once_answered
from .people.helpers import part_of

E3, E5, VISIO = "SPE_E3", "SPE_E5", "VISIOCLIENT"


def test_no_transaction_is_open_while_microsoft_is_asked(
    sandbox: Sandbox, make: Make, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, open_ones = Transport.send, []

    def send(self: Transport, *args: Any, **options: Any) -> Answer:
        open_ones.append(db.session().in_transaction())
        return real(self, *args, **options)

    monkeypatch.setattr(Transport, "send", send)
    assert sync(connected(make, sandbox_tenant(sandbox))).state == RunState.OK
    assert open_ones == [False] * 3


def test_an_integration_deleted_before_its_run_begins_leaves_nothing_behind(
    sandbox: Sandbox, make: Make, work: Work
) -> None:
    tenant = connected(make, sandbox_tenant(sandbox))
    run = new_run(tenant.integration)
    queue.sync(run.id)
    db.session.delete(tenant.integration)
    db.session.commit()
    work()
    assert db.session.query(SyncRun).count() == 0
    assert queue.connection().zcard("rq:failed:sync") == 0


@pytest.fixture
def meanwhile(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Meanwhile]:
    """Let something happen while Microsoft is asked for the SKUs."""
    with once_answered(app, monkeypatch, "/$batch") as let:
        yield let


def test_an_integration_deleted_under_its_run_leaves_nothing_behind(
    sandbox: Sandbox, make: Make, work: Work, meanwhile: Meanwhile
) -> None:
    integration = connected(make, sandbox_tenant(sandbox)).integration
    integration_id = integration.id
    meanwhile(lambda: db.session.delete(db.session.get_one(Integration, integration_id)))
    queue.sync(new_run(integration).id)
    work()
    assert [db.session.query(model).count() for model in (SyncRun, SyncPart, Tenant, License)] == [0] * 4
    assert queue.connection().zcard("rq:failed:sync") == 0


def test_a_tenant_unmatched_under_its_run_keeps_what_was_read_and_stays_unmatched(
    sandbox: Sandbox, make: Make, sync: Sync, meanwhile: Meanwhile
) -> None:
    tenant = connected(make, sandbox_tenant(sandbox))
    tenant_id = tenant.id
    meanwhile(lambda: db.session.get_one(Tenant, tenant_id).unmatch())
    assert sync(tenant).state == RunState.OK
    assert tenant.organization_id is None
    assert len(licenses_of(tenant)) == 1


def test_a_lease_lost_midway_writes_nothing(sandbox: Sandbox, make: Make, sync: Sync, meanwhile: Meanwhile) -> None:
    tenant = connected(make, sandbox_tenant(sandbox))
    meanwhile(lambda: db.session.execute(update(SyncPart).values(lease="another worker's")))
    run = sync(tenant)
    assert (run.state, part_of(run).state, part_of(run).lease) == (
        RunState.SYNCING,
        PartState.SYNCING,
        "another worker's",
    )
    assert (licenses_of(tenant), tenant.last_synced_at, tenant.name) == ({}, None, "as it was")


def test_who_knows_that_the_lease_is_lost_asks_for_nothing_more(
    sandbox: Sandbox, make: Make, sync: Sync, meanwhile: Meanwhile
) -> None:
    tenant = connected(make, sandbox_tenant(sandbox))

    def take_over() -> None:
        db.session.execute(update(SyncPart).values(lease="another worker's"))
        db.session.commit()
        [own] = crew._at_work
        own.renew()

    meanwhile(take_over)
    sync(tenant)
    assert "users" not in asked(sandbox, tenant.tenant_id)
