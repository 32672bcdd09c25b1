"""`flask integrations add-tenants`, and connecting a partner from the command line, with real answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox import Sandbox
from tests.jobs.conftest import sandbox, shared_sandbox
from tests.jobs.partners import customers_of, partner_integration, partner_tenant
from tests.support.factories import Make
from tests.support.microsoft import connected, sandbox_tenant
from tests.webapp.commands.conftest import Run
from webapp.extensions import db
from webapp.models import AuditEntry, Integration, Kind, Tenant, TenantAddition

__all__ = ["sandbox", "shared_sandbox"]


def test_tenants_given_as_arguments_are_added_where_no_worker_runs(
    sandbox: Sandbox, make: Make, integrations: Run
) -> None:
    home = sandbox_tenant(sandbox)
    other = sandbox_tenant(sandbox, display_name="Other", client_id=home.client_id, secret=home.secret)
    integration = connected(make, home, name="Direct").integration
    result = integrations("add-tenants", "direct", other.domains[0], home.tenant_id)
    assert result.exit_code == 0
    assert "added" in result.output
    assert db.session.query(Tenant).filter_by(tenant_id=other.tenant_id).one().integration_id == integration.id
    actors = {entry.actor for entry in db.session.query(AuditEntry)}
    assert actors == {"command line"}


def test_tenants_from_standard_input_have_a_record_each(sandbox: Sandbox, make: Make, integrations: Run) -> None:
    home = sandbox_tenant(sandbox)
    without = sandbox_tenant(sandbox, client_id=home.client_id, secret=home.secret, consented=False)
    connected(make, home, name="Direct")
    stdin = f"{home.tenant_id}\n\n{without.tenant_id}\nnonsense\n"
    result = integrations("add-tenants", "Direct", "--json", stdin=stdin)
    assert result.exit_code == 1
    records: list[dict[str, Any]] = json.loads(result.stdout)
    assert [record["state"] for record in records] == ["present", "no_consent", "not_a_tenant"]
    assert records[1]["consent_url"] == (
        f"https://login.microsoftonline.com/{without.tenant_id}/adminconsent?client_id={home.client_id}"
    )
    assert records[0]["consent_url"] is None
    assert "2 of 3 were not added" in result.stderr


@pytest.mark.parametrize(
    ("stdin", "said"),
    [
        ("", "at least one"),
        ("\n".join(f"t{number}.example" for number in range(1001)), "no more than 1,000"),
        ("\xff\xfet.example".encode("utf-16"), "UTF-8"),
    ],
)
def test_what_cannot_be_a_list_is_refused(make: Make, integrations: Run, stdin: str | bytes, said: str) -> None:
    make.integration(name="Direct")
    result = integrations("add-tenants", "Direct", stdin=stdin)
    assert (result.exit_code, db.session.query(TenantAddition).count()) == (1, 0)
    assert said in result.output


def test_a_partner_takes_no_tenants_by_hand(make: Make, integrations: Run) -> None:
    make.integration(name="Partner", kind=Kind.PARTNER)
    result = integrations("add-tenants", "Partner", "a.example")
    assert result.exit_code == 1
    assert "found by themselves" in result.output


def test_a_partner_is_connected_and_its_customers_are_found(sandbox: Sandbox, make: Make, integrations: Run) -> None:
    partner = partner_tenant(sandbox)
    customers_of(sandbox, partner, "A", "B")
    arguments = ("--tenant-id", partner.tenant_id, "--client-id", partner.client_id, "--client-secret-stdin")
    result = integrations("connect", "Partner", *arguments, "--kind", "partner", stdin=f"{partner.secret}\n")
    assert result.exit_code == 0, result.output
    assert "reaches 3 tenants (2 new)" in result.output
    assert db.session.query(Integration).one().kind == Kind.PARTNER
    assert {row.name for row in db.session.query(Tenant)} == {"The Partner", "A", "B"}


def test_discover_prints_what_it_found(sandbox: Sandbox, make: Make, integrations: Run) -> None:
    partner = partner_tenant(sandbox)
    stays, leaves = customers_of(sandbox, partner, "Stays", "Leaves")
    partner_integration(make, partner, name="Partner")
    result = integrations("discover", "Partner", "--json")
    assert {record["name"] for record in json.loads(result.stdout)} == {"The Partner", "Stays", "Leaves"}
    assert "reaches 3 tenants (2 new)" in result.stderr
    sandbox.patch_tenant(partner.tenant_id, customers=[stays.tenant_id])
    result = integrations("discover", "Partner", "--json")
    assert {record["name"] for record in json.loads(result.stdout)} == {"The Partner", "Stays"}
    assert f"Gone: Leaves ({leaves.tenant_id})" in result.stderr
