"""A partner's two lists of customers: read whole, read in part, expired, empty, and which of them is believed."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import discovery, queue
from jobs.microsoft import partner as partners_lists
from jobs.microsoft.graph import MAX_PAGES
from sandbox import Fault, Sandbox
from sandbox import Tenant as SandboxTenant
from tests.support.factories import Make
from tests.support.microsoft import new_run
from webapp.extensions import db
from webapp.models import (
    RunState,
    Tenant,
    TenantState,
)

from .conftest import Work
from .helpers import asked, do, forget_tokens
from .partners import PARTNER_PERMISSIONS, customers_of, names, partner_integration, partner_tenant, rows_of


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


def test_the_customers_of_a_large_partner_may_take_many_pages(sandbox: Sandbox, make: Make) -> None:
    partner = partner_tenant(sandbox, page_size=1)
    ids = [f"00000000-0000-4000-8000-{number:012}" for number in range(MAX_PAGES + 1)]
    sandbox.patch_tenant(partner.tenant_id, customers=ids, delegated_customers=ids[:1])
    answer = do(discovery.discover, partner_integration(make, partner).id)
    assert (answer["warning"], len(answer["new"])) == (None, MAX_PAGES + 1)


@pytest.mark.parametrize("endless", ["contracts", "delegated"])
def test_a_list_of_customers_without_end_is_given_up(
    endless: str, sandbox: Sandbox, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partners_lists, "_MOST_CUSTOMERS", 2)
    partner = partner_tenant(sandbox, page_size=1)
    ids = [f"00000000-0000-4000-8000-{number:012}" for number in range(6)]
    lists = {"contracts": (ids, ids[:1]), "delegated": (ids[:1], ids)}[endless]
    sandbox.patch_tenant(partner.tenant_id, customers=lists[0], delegated_customers=lists[1])
    answer = do(discovery.discover, partner_integration(make, partner).id)
    assert (len(answer["new"]), answer["gone"]) == (3, [])
    assert "more than 2 customers" in answer["warning"]["reason"]


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
