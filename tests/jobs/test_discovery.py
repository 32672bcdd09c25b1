"""A partner's customers found: new, vanished, back, adopted, left to others, and read only in part."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask

from jobs import discovery, queue
from jobs.microsoft import pace
from sandbox import Fault, Sandbox
from sandbox import Tenant as SandboxTenant
from tests.support.factories import Make
from tests.support.microsoft import connected, new_run
from webapp.extensions import db
from webapp.models import (
    AuditEntry,
    Integration,
    License,
    Removal,
    RunState,
    SyncRun,
    Tenant,
    TenantState,
    removal,
    utc_now,
)

from .conftest import Work
from .helpers import all_at_once, asked, do, forget_tokens
from .partners import PARTNER_PERMISSIONS, customers_of, partner_integration, partner_tenant, rows_of


def names(answer: dict[str, Any], key: str) -> set[str]:
    db.session.rollback()
    return {row.name for row in db.session.query(Tenant).filter(Tenant.id.in_(answer[key]))}


def test_three_hundred_customers_on_several_pages_become_unmatched_tenants(sandbox: Sandbox, make: Make) -> None:
    partner = partner_tenant(sandbox, page_size=100)
    ids = [f"00000000-0000-4000-8000-{number:012}" for number in range(300)]
    sandbox.patch_tenant(partner.tenant_id, customers=ids, delegated_customers=ids[:150])
    integration_id = partner_integration(make, partner).id
    answer = do(discovery.discover, integration_id)
    assert (answer["ok"], answer["warning"], len(answer["tenants"]), len(answer["new"])) == (True, None, 301, 300)
    stored = db.session.query(Tenant).filter_by(integration_id=integration_id).all()
    assert {row.tenant_id for row in stored} == {partner.tenant_id, *ids}
    assert {row.state for row in stored} == {TenantState.UNMATCHED}
    assert asked(sandbox, partner.tenant_id) == {"token": 1, "contracts": 3, "delegatedAdminCustomers": 2}


def test_a_customer_has_the_name_and_domain_that_the_lists_tell(sandbox: Sandbox, make: Make) -> None:
    partner = partner_tenant(sandbox)
    [customer] = customers_of(sandbox, partner, "Müller & Söhne")
    integration_id = partner_integration(make, partner).id
    do(discovery.discover, integration_id)
    row = rows_of(integration_id)["Müller & Söhne"]
    assert (row.tenant_id, row.default_domain, row.domains) == (
        customer.tenant_id,
        customer.domains[0],
        customer.domains[0],
    )


def test_finding_the_same_again_writes_nothing_and_finds_nothing_new(sandbox: Sandbox, make: Make) -> None:
    partner = partner_tenant(sandbox)
    customers_of(sandbox, partner, "A", "B")
    integration_id = partner_integration(make, partner).id
    first = do(discovery.discover, integration_id)
    entries = db.session.query(AuditEntry).count()
    again = do(discovery.discover, integration_id)
    assert set(again["tenants"]) == set(first["tenants"])
    assert (again["new"], again["back"], again["gone"]) == ([], [], [])
    assert db.session.query(AuditEntry).count() == entries == 1


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


@pytest.mark.parametrize(
    ("permission", "contracts", "delegated"),
    [("Directory.Read.All", 2, 3), ("DelegatedAdminRelationship.Read.All", 3, 2)],
)
def test_where_one_list_may_not_be_read_the_other_is_used_and_nothing_is_marked_as_gone(
    sandbox: Sandbox, make: Make, permission: str, contracts: int, delegated: int
) -> None:
    partner = partner_tenant(sandbox)
    customers = customers_of(sandbox, partner, "A", "B", "C")
    integration_id = partner_integration(make, partner).id
    do(discovery.discover, integration_id)
    ids = [customer.tenant_id for customer in customers]
    [new] = customers_of(sandbox, partner, "New")
    sandbox.patch_tenant(
        partner.tenant_id,
        permissions=[each for each in PARTNER_PERMISSIONS if each != permission],
        customers=[*ids[:contracts], new.tenant_id],
        delegated_customers=[*ids[:delegated], new.tenant_id],
    )
    forget_tokens()
    answer = do(discovery.discover, integration_id)
    assert (answer["ok"], names(answer, "new"), answer["gone"]) == (True, {"New"}, [])
    assert permission in answer["warning"]["reason"]
    assert permission in answer["warning"]["fix"]
    assert all(row.gone_at is None for row in rows_of(integration_id).values())


@pytest.mark.parametrize(
    "fault",
    [
        Fault("contracts", "server_error", after=1),
        Fault("delegatedAdminCustomers", "forbidden"),
        Fault("contracts", "not_json", after=1),
        Fault("contracts", "wrong_shape"),
        Fault("delegatedAdminCustomers", "wrong_item"),
        Fault("contracts", "foreign_next_link", host="evil.example"),
        Fault("delegatedAdminCustomers", "bad_json"),
        Fault("contracts", "throttle", retry_after=600, after=1),
        Fault("token", "unauthorized"),
        Fault("graph", "unauthorized"),
    ],
)
def test_a_partial_answer_never_marks_anything_as_gone_and_the_run_goes_on(
    sandbox: Sandbox, make: Make, work: Work, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.microsoft.patience.TRIES", 1)
    partner = partner_tenant(sandbox, page_size=2)
    customers = customers_of(sandbox, partner, "A", "B", "C", "D", "E")
    integration = partner_integration(make, partner)
    do(discovery.discover, integration.id)
    rows_of(integration.id)["A"].match(make.organization())
    db.session.commit()
    sandbox.patch_tenant(partner.tenant_id, customers=[customer.tenant_id for customer in customers[:4]])
    sandbox.faults(partner.tenant_id, fault)
    forget_tokens()
    run = new_run(integration)
    queue.sync(run.id)
    work()
    assert (run.state, run.tenants_ok, run.tenants_gone) == (RunState.OK, 1, 0)
    assert run.notice_reason
    assert all(row.gone_at is None for row in rows_of(integration.id).values())


def of_changed_customers(sandbox: Sandbox, make: Make) -> tuple[SandboxTenant, int]:
    """A partner with two customers, one of them another than when they were last looked for, and its integration."""
    partner = partner_tenant(sandbox, page_size=1)
    stays, _ = customers_of(sandbox, partner, "Stays", "Leaves")
    integration_id = partner_integration(make, partner).id
    do(discovery.discover, integration_id)
    [new] = customers_of(sandbox, partner, "New")
    sandbox.patch_tenant(partner.tenant_id, customers=[stays.tenant_id, new.tenant_id])
    return partner, integration_id


@pytest.mark.parametrize("on", ["contracts", "delegatedAdminCustomers"])
def test_a_list_of_customers_of_which_a_page_expired_is_read_anew(sandbox: Sandbox, make: Make, on: str) -> None:
    partner, integration_id = of_changed_customers(sandbox, make)
    sandbox.faults(partner.tenant_id, Fault(on, "page_expired", after=1, times=1))
    answer = do(discovery.discover, integration_id)
    assert (answer["warning"], names(answer, "new"), names(answer, "gone")) == (None, {"New"}, {"Leaves"})


def test_a_list_of_customers_of_which_a_page_expires_again_marks_nothing_as_gone(sandbox: Sandbox, make: Make) -> None:
    partner, integration_id = of_changed_customers(sandbox, make)
    # Of the first reading the second page, and of the one after it, too.
    expired = [Fault("contracts", "page_expired", after=after, times=1) for after in (1, 2)]
    sandbox.faults(partner.tenant_id, *expired)
    sandbox.reset_requests()
    answer = do(discovery.discover, integration_id)
    assert (answer["ok"], answer["gone"]) == (True, [])
    assert "forgot where it was" in answer["warning"]["reason"]
    assert asked(sandbox, partner.tenant_id)["contracts"] == 4


@pytest.mark.parametrize(
    "empty", [{"customers": []}, {"customers": [], "delegated_customers": None}, {"delegated_customers": []}]
)
def test_an_empty_list_is_not_believed(sandbox: Sandbox, make: Make, empty: dict[str, Any]) -> None:
    partner = partner_tenant(sandbox)
    customers = customers_of(sandbox, partner, "A", "B")
    integration_id = partner_integration(make, partner).id
    do(discovery.discover, integration_id)
    one = [customers[0].tenant_id]
    sandbox.patch_tenant(partner.tenant_id, **{"customers": one, "delegated_customers": one, **empty})
    answer = do(discovery.discover, integration_id)
    assert (answer["gone"], answer["warning"]["code"]) == ([], "empty_list")
    assert all(row.gone_at is None for row in rows_of(integration_id).values())


@pytest.mark.parametrize(
    ("empty", "named"), [("customers", "delegated_customers"), ("delegated_customers", "customers")]
)
def test_a_list_that_was_always_empty_is_believed(empty: str, named: str, sandbox: Sandbox, make: Make) -> None:
    partner = partner_tenant(sandbox)
    customers = [customer.tenant_id for customer in customers_of(sandbox, partner, "A", "B")]
    sandbox.patch_tenant(partner.tenant_id, **{empty: [], named: customers})
    integration_id = partner_integration(make, partner).id
    do(discovery.discover, integration_id)
    sandbox.patch_tenant(partner.tenant_id, **{named: customers[:1]})
    answer = do(discovery.discover, integration_id)
    assert (names(answer, "gone"), answer["warning"]) == ({"B"}, None)


def test_a_refused_sign_in_is_told_as_such_and_not_as_lists_that_cannot_be_read(sandbox: Sandbox, make: Make) -> None:
    partner = partner_tenant(sandbox, secret_expired=True)
    answer = do(discovery.discover, partner_integration(make, partner).id)
    assert (answer["ok"], answer["problem"]["code"]) == (False, "AADSTS7000222")


def test_a_partner_of_whom_no_customer_is_named_is_told_so(sandbox: Sandbox, make: Make) -> None:
    answer = do(discovery.discover, partner_integration(make, partner_tenant(sandbox)).id)
    assert "names no customer of this partner" in answer["warning"]["reason"]


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


def test_new_tenants_are_matched_by_exact_name_only_where_that_is_wished_and_clear(
    sandbox: Sandbox, make: Make
) -> None:
    partner = partner_tenant(sandbox)
    customers_of(sandbox, partner, "MÜLLER  GmbH", "Twice", "Archived", "Nobody")
    one = make.organization(name="Müller GmbH")
    make.organization(name="Twice")
    make.organization(name="twice")
    make.organization(name="Archived", archived_at=utc_now())
    silent = partner_integration(make, partner)
    do(discovery.discover, silent.id)
    assert not [row for row in rows_of(silent.id).values() if row.is_matched]
    db.session.query(Tenant).filter(Tenant.tenant_id != partner.tenant_id).delete()
    silent.match_by_name = True
    db.session.commit()
    do(discovery.discover, silent.id)
    matched = {row.name: row.organization_id for row in rows_of(silent.id).values() if row.is_matched}
    assert matched == {"MÜLLER  GmbH": one.id}


def test_a_tenant_that_somebody_unmatched_is_not_matched_by_name_again(sandbox: Sandbox, make: Make) -> None:
    partner = partner_tenant(sandbox)
    customers_of(sandbox, partner, "Contoso")
    make.organization(name="Contoso")
    integration_id = partner_integration(make, partner, match_by_name=True).id
    do(discovery.discover, integration_id)
    rows_of(integration_id)["Contoso"].unmatch()
    db.session.commit()
    do(discovery.discover, integration_id)
    assert not rows_of(integration_id)["Contoso"].is_matched


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


@pytest.mark.parametrize("synced_at", ["last_synced_at", "users_synced_at"])
def test_a_synced_tenant_keeps_the_name_that_it_tells_itself(synced_at: str, sandbox: Sandbox, make: Make) -> None:
    partner = partner_tenant(sandbox)
    customers_of(sandbox, partner, "As in the list")
    integration_id = partner_integration(make, partner).id
    do(discovery.discover, integration_id)
    row = rows_of(integration_id)["As in the list"]
    row.name = "As it says"
    setattr(row, synced_at, utc_now())
    db.session.commit()
    do(discovery.discover, integration_id)
    assert "As it says" in rows_of(integration_id)


def test_two_partners_that_find_the_same_customers_at_once_have_each_once(
    app: Flask, sandbox: Sandbox, make: Make
) -> None:
    first, second = partner_tenant(sandbox), partner_tenant(sandbox)
    customers = [customer.tenant_id for customer in customers_of(sandbox, first, "A", "B", "C")]
    sandbox.patch_tenant(second.tenant_id, customers=customers)
    ids = [partner_integration(make, partner).id for partner in (first, second)]
    all_at_once(app, [partial(queue.run_here, "jobs.discovery.discover", each) for each in ids * 2])
    stored = [row.tenant_id for row in db.session.query(Tenant).filter(Tenant.tenant_id.in_(customers))]
    assert sorted(stored) == sorted(customers)


def test_a_run_of_a_direct_integration_looks_for_nothing(sandbox: Sandbox, make: Make, work: Work) -> None:
    tenant = partner_tenant(sandbox)
    row = connected(make, tenant)
    run = new_run(row.integration)
    queue.sync(run.id)
    work()
    assert run.state == RunState.OK
    assert {"contracts", "delegatedAdminCustomers"}.isdisjoint(asked(sandbox, tenant.tenant_id))


def test_a_run_that_was_cancelled_while_it_looked_asks_nothing_more(sandbox: Sandbox, make: Make, work: Work) -> None:
    partner = partner_tenant(sandbox)
    customers_of(sandbox, partner, "A")
    integration = partner_integration(make, partner)
    run = new_run(integration)
    queue.sync(run.id)
    SyncRun.cancel(db.session, run.id, utc_now(), "somebody")
    db.session.commit()
    work()
    assert (run.state, asked(sandbox, partner.tenant_id)) == (RunState.CANCELLED, {})


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


def test_an_integration_without_a_row_of_its_own_tenant_gets_it(sandbox: Sandbox, make: Make) -> None:
    partner = partner_tenant(sandbox, organization={"street": "1 Main St", "city": "Boise", "country": "US"})
    integration = partner_integration(make, partner)
    db.session.query(Tenant).delete()
    db.session.commit()
    do(discovery.discover, integration.id)
    assert rows_of(integration.id)["The Partner"].address == "1 Main St, Boise, US"


def test_a_partner_that_is_named_among_its_customers_is_there_once(sandbox: Sandbox, make: Make) -> None:
    partner = partner_tenant(sandbox)
    sandbox.patch_tenant(partner.tenant_id, customers=[partner.tenant_id])
    integration = partner_integration(make, partner)
    db.session.query(Tenant).delete()
    db.session.commit()
    assert do(discovery.discover, integration.id)["ok"]
    assert set(rows_of(integration.id)) == {"The Partner"}


def test_an_integration_that_was_removed_meanwhile_gets_no_tenants(sandbox: Sandbox, make: Make) -> None:
    partner = partner_tenant(sandbox)
    integration = partner_integration(make, partner)
    integration.disconnect(Removal.KEEP, utc_now())
    db.session.commit()
    answer = do(discovery.discover, integration.id)
    assert (answer["ok"], answer["problem"]["code"]) == (False, "removed")
