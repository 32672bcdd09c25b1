"""A partner's customers who are gone, who are back, and who come from another integration."""

from __future__ import annotations

from jobs import discovery, queue
from sandbox import Sandbox
from tests.support.factories import Make
from tests.support.microsoft import connected, new_run
from webapp.extensions import db
from webapp.models import (
    AuditEntry,
    Integration,
    License,
    Removal,
    RunState,
    Tenant,
    TenantState,
    removal,
    utc_now,
)

from .conftest import Work
from .helpers import asked, do
from .partners import customers_of, names, partner_integration, partner_tenant, rows_of


def test_a_run_finds_new_customers_marks_vanished_ones_and_does_not_sync_them(
    sandbox: Sandbox, make: Make, work: Work
) -> None:
    partner = partner_tenant(sandbox)
    stays, leaves = customers_of(sandbox, partner, "Stays", "Leaves")
    integration = partner_integration(make, partner)
    do(discovery.discover, integration.id)
    for row in rows_of(integration.id).values():
        row.match(make.organization())
    db.session.commit()
    queue.sync(new_run(integration).id)
    work()
    kept = db.session.query(License).count()
    [new] = customers_of(sandbox, partner, "New")
    sandbox.patch_tenant(partner.tenant_id, customers=[stays.tenant_id, new.tenant_id])
    sandbox.reset_requests()
    run = new_run(integration)
    queue.sync(run.id)
    work()
    rows = rows_of(integration.id)
    assert (run.state, run.tenants_total, run.tenants_found, run.tenants_gone) == (RunState.OK, 2, 1, 1)
    assert run.notice_reason == ""
    assert rows["New"].state == TenantState.UNMATCHED
    assert rows["Leaves"].gone_at is not None
    assert rows["Leaves"].state == TenantState.MATCHED
    assert db.session.query(License).count() == kept == 3
    assert asked(sandbox, leaves.tenant_id) == {}
    assert run.requests == sandbox.requests()["total"]


def test_a_customer_that_is_back_is_synced_again(sandbox: Sandbox, make: Make, work: Work) -> None:
    partner = partner_tenant(sandbox)
    stays, leaves = customers_of(sandbox, partner, "Stays", "Leaves")
    integration = partner_integration(make, partner)
    do(discovery.discover, integration.id)
    rows_of(integration.id)["Leaves"].match(make.organization())
    db.session.commit()
    sandbox.patch_tenant(partner.tenant_id, customers=[stays.tenant_id])
    gone = do(discovery.discover, integration.id)
    assert names(gone, "gone") == {"Leaves"}
    assert "Leaves" not in names(gone, "tenants")
    sandbox.patch_tenant(partner.tenant_id, customers=[stays.tenant_id, leaves.tenant_id])
    run = new_run(integration)
    queue.sync(run.id)
    work()
    assert rows_of(integration.id)["Leaves"].gone_at is None
    assert (run.state, run.tenants_ok, run.tenants_found) == (RunState.OK, 1, 1)


def test_a_tenant_that_another_integration_reaches_is_left_to_it(sandbox: Sandbox, make: Make) -> None:
    partner = partner_tenant(sandbox)
    _, theirs = customers_of(sandbox, partner, "Mine", "Theirs")
    other = connected(make, theirs, name="Their own")
    integration_id = partner_integration(make, partner).id
    answer = do(discovery.discover, integration_id)
    assert answer["left"] == [["Theirs", "Their own"]]
    assert "Their own" in answer["warning"]["reason"]
    assert set(rows_of(integration_id)) == {"The Partner", "Mine"}
    assert db.session.query(Tenant).filter_by(tenant_id=theirs.tenant_id).one().id == other.id
    again = do(discovery.discover, integration_id)
    assert again["gone"] == []


def test_a_tenant_kept_from_a_removed_integration_is_adopted_with_its_licenses(sandbox: Sandbox, make: Make) -> None:
    partner = partner_tenant(sandbox)
    [customer] = customers_of(sandbox, partner, "Contoso")
    former = connected(make, customer)
    make.license(tenant=former)
    organization_id, row_id, former_id = former.organization_id, former.id, former.integration_id
    removal.begin(db.session, former_id, Removal.KEEP, utc_now())
    db.session.commit()
    integration_id = partner_integration(make, partner).id
    answer = do(discovery.discover, integration_id)
    adopted = db.session.query(Tenant).filter_by(tenant_id=customer.tenant_id).one()
    assert (adopted.id, adopted.integration_id, adopted.organization_id) == (row_id, integration_id, organization_id)
    assert answer["new"] == [row_id]
    assert db.session.query(License).one().tenant_id == row_id
    assert db.session.get(Integration, former_id) is None


def test_a_customer_who_left_one_partner_for_another_comes_along(sandbox: Sandbox, make: Make) -> None:
    first, second = partner_tenant(sandbox), partner_tenant(sandbox)
    stays, moves = customers_of(sandbox, first, "Stays", "Moves")
    first_id, second_id = partner_integration(make, first).id, partner_integration(make, second).id
    do(discovery.discover, first_id)
    make.license(tenant=rows_of(first_id)["Moves"])
    sandbox.patch_tenant(first.tenant_id, customers=[stays.tenant_id])
    sandbox.patch_tenant(second.tenant_id, customers=[moves.tenant_id])
    assert do(discovery.discover, second_id)["left"]
    do(discovery.discover, first_id)
    do(discovery.discover, second_id)
    assert set(rows_of(first_id)) == {"The Partner", "Stays"}
    moved = rows_of(second_id)["Moves"]
    assert (moved.gone_at, db.session.query(License).one().tenant_id) == (None, moved.id)


def test_the_audit_log_tells_which_tenants_are_new_matched_gone_and_back(sandbox: Sandbox, make: Make) -> None:
    partner = partner_tenant(sandbox)
    stays, leaves = customers_of(sandbox, partner, "Stays", "Leaves")
    make.organization(name="Leaves")
    integration_id = partner_integration(make, partner, name="MSP", match_by_name=True).id
    for customers in ([stays, leaves], [stays], [stays, leaves]):
        sandbox.patch_tenant(partner.tenant_id, customers=[customer.tenant_id for customer in customers])
        do(discovery.discover, integration_id)
    told = {entry.event: {*entry.details["tenants"]} for entry in db.session.query(AuditEntry)}
    one, other = (f"{customer.display_name} ({customer.tenant_id})" for customer in (stays, leaves))
    assert told == {
        "New: 2 tenants of MSP": {one, other},
        "Matched by exact name: 1 tenant of MSP": {other},
        "Gone: 1 tenant of MSP": {other},
        "Back: 1 tenant of MSP": {other},
    }


def test_an_integration_that_was_removed_meanwhile_gets_no_tenants(sandbox: Sandbox, make: Make) -> None:
    partner = partner_tenant(sandbox)
    integration = partner_integration(make, partner)
    integration.disconnect(Removal.KEEP, utc_now())
    db.session.commit()
    answer = do(discovery.discover, integration.id)
    assert (answer["ok"], answer["problem"]["code"]) == (False, "removed")
