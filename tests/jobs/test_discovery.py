"""A partner's customers found: their rows, their names, and the organizations of these names."""

from __future__ import annotations

from functools import partial

import pytest
from flask import Flask

from jobs import discovery, queue
from sandbox import Sandbox
from tests.support.factories import Make
from tests.support.together import all_at_once
from webapp.extensions import db
from webapp.models import (
    AuditEntry,
    Tenant,
    utc_now,
)

from .helpers import do
from .partners import customers_of, partner_integration, partner_tenant, rows_of


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
