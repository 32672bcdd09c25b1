"""Removing an integration: the first step, the batches, and what is adopted afterwards."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from tests.support.claims import claim_one
from tests.support.factories import Make
from tests.support.locks import need_many_writers
from tests.support.together import all_at_once
from webapp.database import declare_writing
from webapp.extensions import db
from webapp.models import (
    FlexibleAssetType,
    Integration,
    IntegrationRemoved,
    License,
    Organization,
    PartState,
    Removal,
    RunState,
    SyncPart,
    SyncRun,
    Tenant,
    Trigger,
    User,
    removal,
    utc_now,
)


@pytest.fixture(autouse=True)
def _may_write(app: Flask) -> None:
    """As in a request that posts, and in a job."""
    declare_writing()


def an_integration(make: Make, tenants: int = 2, licenses: int = 2, runs: int = 1) -> Integration:
    """An integration with so many tenants, each with so many licenses and a part in each of the runs."""
    integration = make.integration()
    rows = [make.tenant(integration=integration, organization=make.organization()) for _ in range(tenants)]
    for tenant in rows:
        for _ in range(licenses):
            make.license(tenant=tenant)
    for _ in range(runs):
        run = make.run(integration=integration, state=RunState.OK)
        for tenant in rows:
            make.part(run_id=run.id, tenant_id=tenant.id, state=PartState.OK)
    return integration


def begin(integration: Integration, way: Removal) -> removal.Concerned:
    concerned = removal.begin(db.session, integration.id, way, utc_now())
    db.session.commit()
    return concerned


def delete_all(integration_id: int) -> int:
    """Do batch after batch; returns how many there were."""
    batches = 1
    while removal.next_batch(db.session, integration_id, utc_now()):
        db.session.commit()
        batches += 1
    db.session.commit()
    return batches


def counts() -> dict[str, int]:
    models = (Integration, Tenant, License, SyncRun, SyncPart, FlexibleAssetType, Organization, User)
    return {model.__name__: db.session.query(model).count() for model in models}


def test_the_first_step_erases_the_secret_and_ends_the_schedule(make: Make) -> None:
    for way in Removal:
        integration = make.integration(secret="a secret to forget")
        begin(integration, way)
        assert (integration.client_secret_encrypted, integration.certificate_encrypted) == ("", "")
        assert (integration.client_secret, integration.certificate, integration.refresh_token) == ("", "", "")
        assert (integration.is_live, integration.next_sync_at, integration.syncs_by_itself) == (False, None, False)


@pytest.mark.parametrize("way", Removal)
def test_the_run_that_is_active_is_cancelled_and_nobody_writes_for_it(make: Make, way: Removal) -> None:
    integration = make.integration()
    make.tenant(integration=integration, organization=make.organization())
    run, _ = SyncRun.begin(db.session, integration.id, Trigger.MANUAL)
    (part_id,) = SyncRun.plan(db.session, run.id, utc_now()) or []
    claim = claim_one(part_id, utc_now())
    db.session.commit()
    assert claim is not None
    begin(integration, way)
    assert (run.state, db.session.get_one(SyncPart, part_id).state) == (RunState.CANCELLED, PartState.CANCELLED)
    assert not SyncPart.hold(db.session, claim)


@pytest.mark.parametrize("way", Removal)
def test_no_run_begins_once_removal_was_asked(make: Make, way: Removal) -> None:
    integration = an_integration(make)
    begin(integration, way)
    with pytest.raises(IntegrationRemoved):
        SyncRun.begin(db.session, integration.id, Trigger.SCHEDULE)


def test_of_two_who_remove_at_once_one_does(app: Flask, make: Make) -> None:
    integration_id = an_integration(make).id

    def ask(way: Removal) -> Callable[[], str]:
        def remove() -> str:
            try:
                removal.begin(db.session, integration_id, way, utc_now())
            except IntegrationRemoved:
                return "too late"
            db.session.commit()
            return way.value

        return remove

    answers = all_at_once(app, [ask(Removal.KEEP), ask(Removal.DELETE), ask(Removal.KEEP)])
    assert sorted(answers).count("too late") == 2


def test_a_run_that_begins_at_the_same_moment_is_cancelled_or_refused(app: Flask, make: Make) -> None:
    for _ in range(5):
        integration = an_integration(make)
        integration_id = integration.id

        def start(integration_id: int = integration_id) -> None:
            try:
                SyncRun.begin(db.session, integration_id, Trigger.MANUAL)
            except IntegrationRemoved:
                return
            db.session.commit()

        def remove(integration_id: int = integration_id) -> None:
            removal.begin(db.session, integration_id, Removal.KEEP, utc_now())
            db.session.commit()

        all_at_once(app, [start, remove, start])
        assert SyncRun.active(db.session, integration_id) is None


def test_who_writes_a_tenant_meanwhile_is_not_held_up_by_the_integration(make: Make) -> None:
    """PostgreSQL looks after it when a tenant's row changes twice; the removal waits for that writer's part."""
    need_many_writers()
    integration = an_integration(make)
    db.session.commit()
    removal.begin(db.session, integration.id, Removal.KEEP, utc_now())
    with db.engine.connect() as writer:
        looked_after = select(Integration.id).where(Integration.id == integration.id)
        assert writer.scalar(looked_after.with_for_update(read=True, key_share=True, nowait=True)) == integration.id


def test_keeping_changes_no_row_but_the_integrations(make: Make) -> None:
    integration, before = an_integration(make), counts()
    concerned = begin(integration, Removal.KEEP)
    assert counts() == before
    assert (concerned.licenses, concerned.tenants, concerned.runs, concerned.organizations) == (4, 2, 1, 2)
    assert not removal.next_batch(db.session, integration.id, utc_now())
    assert removal.silent(db.session, utc_now() + timedelta(days=1)) == []


def test_deleting_deletes_what_was_counted_and_nothing_else(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "BATCH", 3)
    other, before = an_integration(make), counts()
    integration = an_integration(make, tenants=4, licenses=2, runs=3)
    integration_id = integration.id
    make.tenant(integration=integration)
    concerned = begin(integration, Removal.DELETE)
    assert integration.removal_total == concerned.licenses == 8
    assert (concerned.tenants, concerned.runs, concerned.organizations, concerned.type_goes) == (5, 3, 4, False)
    assert delete_all(integration_id) > 8
    assert counts() == {**before, "Organization": before["Organization"] + 4}
    assert db.session.query(Integration).one() == other


def test_each_batch_counts_what_it_deleted(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "BATCH", 3)
    integration = an_integration(make, tenants=1, licenses=5)
    begin(integration, Removal.DELETE)
    done = []
    while removal.next_batch(db.session, integration.id, utc_now()) and integration.removal_done < 5:
        db.session.commit()
        done.append((integration.removal_done, db.session.query(License).count()))
    assert done == [(3, 2)]
    assert integration.removal_done == integration.removal_total == 5


def test_two_who_delete_at_once_do_each_row_once(app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "BATCH", 2)
    integration = an_integration(make, tenants=5, licenses=4)
    integration_id = integration.id
    begin(integration, Removal.DELETE)
    all_at_once(app, [lambda: delete_all(integration_id)] * 3)
    db.session.rollback()
    left = counts()
    assert [left[name] for name in ("Integration", "Tenant", "License", "SyncRun", "SyncPart")] == [0] * 5
    assert left["Organization"] == 5


def test_the_type_goes_with_the_last_that_uses_it(make: Make) -> None:
    first, second = an_integration(make), an_integration(make)
    assert not removal.Concerned.by(db.session, first.id).type_goes
    begin(second, Removal.DELETE)
    delete_all(second.id)
    assert db.session.query(FlexibleAssetType).count() == 1
    assert removal.Concerned.by(db.session, first.id).type_goes
    begin(first, Removal.DELETE)
    delete_all(first.id)
    assert db.session.query(FlexibleAssetType).count() == 0


def test_the_type_stays_while_licenses_of_a_removed_integration_are_kept(make: Make) -> None:
    kept, deleted = an_integration(make), an_integration(make)
    begin(kept, Removal.KEEP)
    assert not begin(deleted, Removal.DELETE).type_goes
    delete_all(deleted.id)
    assert db.session.query(FlexibleAssetType).count() == 1


def test_the_type_does_not_stay_for_a_removed_integration_without_licenses(make: Make) -> None:
    kept, deleted = an_integration(make, licenses=0), an_integration(make)
    begin(kept, Removal.KEEP)
    assert begin(deleted, Removal.DELETE).type_goes
    delete_all(deleted.id)
    assert db.session.query(FlexibleAssetType).count() == 0


def test_a_removal_of_which_nothing_was_heard_is_found_once(make: Make) -> None:
    lost, fresh = an_integration(make), an_integration(make)
    begin(lost, Removal.DELETE)
    begin(fresh, Removal.DELETE)
    now = utc_now() + removal.SILENCE
    fresh.removal_heard_at = now
    db.session.commit()
    assert removal.silent(db.session, now + timedelta(seconds=1)) == [lost.id]
    db.session.commit()
    assert removal.silent(db.session, now + timedelta(seconds=2)) == []


def test_a_removal_that_was_heard_of_by_a_clock_that_was_ahead_is_found(make: Make) -> None:
    lost = an_integration(make)
    begin(lost, Removal.DELETE)
    lost.removal_heard_at = utc_now() + timedelta(hours=3)
    db.session.commit()
    assert removal.silent(db.session, utc_now()) == [lost.id]


def test_a_tenant_is_adopted_with_its_licenses_and_its_organization(make: Make) -> None:
    former, new = an_integration(make, tenants=2), make.integration()
    begin(former, Removal.KEEP)
    first, second = former.tenants
    organization_id, license_ids = first.organization_id, {row.id for row in db.session.query(License)}
    adopted = removal.adopt(db.session, new.id, first.tenant_id)
    db.session.commit()
    assert adopted is not None
    assert (adopted.id, adopted.integration, adopted.organization_id) == (first.id, new, organization_id)
    assert {row.id for row in db.session.query(License)} == license_ids
    assert db.session.get_one(Tenant, second.id).integration_id == former.id, "what was not connected again stays"


@pytest.mark.parametrize("is_same_app", [True, False])
def test_of_an_adopted_tenant_its_wait_stays_where_the_app_stays(make: Make, is_same_app: bool) -> None:
    former = an_integration(make, tenants=1)
    heir = make.integration(client_id=former.client_id if is_same_app else str(uuid.uuid4()))
    (tenant,) = former.tenants
    tenant.not_before = utc_now() + timedelta(hours=1)
    begin(former, Removal.KEEP)
    assert removal.adopt(db.session, heir.id, tenant.tenant_id) is tenant
    assert (tenant.not_before is not None) == is_same_app


def test_with_the_last_tenant_the_logs_come_along_and_nothing_is_left_of_the_former(make: Make) -> None:
    former, new = an_integration(make, tenants=1, runs=2), make.integration()
    former_id, (tenant,) = former.id, former.tenants
    begin(former, Removal.KEEP)
    removal.adopt(db.session, new.id, tenant.tenant_id)
    db.session.commit()
    assert db.session.query(Integration).filter_by(id=former_id).count() == 0
    assert db.session.query(SyncRun).filter_by(integration_id=new.id).count() == 2
    assert db.session.query(SyncPart).count() == 2


@pytest.mark.parametrize("way", [None, Removal.DELETE])
def test_no_tenant_is_adopted_from_an_integration_that_is_live_or_being_deleted(
    make: Make, way: Removal | None
) -> None:
    former, new = an_integration(make, tenants=1), make.integration()
    if way is not None:
        begin(former, way)
    assert removal.adopt(db.session, new.id, former.tenants[0].tenant_id) is None


def test_a_deleted_integration_takes_the_parts_of_an_adopted_tenant_along(make: Make) -> None:
    former, new = an_integration(make, tenants=2), make.integration()
    begin(former, Removal.KEEP)
    removal.adopt(db.session, new.id, former.tenants[0].tenant_id)
    db.session.commit()
    begin(new, Removal.DELETE)
    delete_all(new.id)
    left = counts()
    assert (left["Integration"], left["Tenant"], left["License"], left["SyncPart"]) == (1, 1, 2, 1)
    assert left["Organization"] == 2
