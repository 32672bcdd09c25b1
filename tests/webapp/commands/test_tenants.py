"""`flask tenants`."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from tests.support.factories import Make
from tests.webapp.commands.conftest import Run
from webapp.extensions import db
from webapp.models import AuditEntry, Organization, Tenant, utc_now


def organization_of(tenant: Tenant) -> str | None:
    organization = db.session.get_one(Tenant, tenant.id).organization
    return organization.name if organization else None


def test_list_prints_each_tenant_with_its_state(flask: Run, make: Make) -> None:
    integration = make.integration(name="Contoso")
    now = utc_now()
    matched = make.tenant(
        integration=integration,
        name="A",
        default_domain="a.example",
        organization=make.organization(name="Customer"),
        last_synced_at=now,
    )
    make.tenant(integration=integration, name="B", ignored_at=now)
    make.tenant(name="C")
    records = json.loads(flask("tenants", "list", "--json").stdout)
    assert [record["state"] for record in records] == ["matched", "ignored", "unmatched"]
    assert records[0] == {
        "integration": "Contoso",
        "tenant_id": matched.tenant_id,
        "name": "A",
        "default_domain": "a.example",
        "state": "matched",
        "organization": "Customer",
        "suggestion": None,
        "suggested_because": None,
        "suggestion_score": None,
        "last_synced_at": now.isoformat(),
        "gone_at": None,
        "disconnected_at": None,
    }
    assert (records[2]["organization"], records[2]["last_synced_at"]) == (None, None)


def test_list_of_one_integration_leaves_out_the_others(flask: Run, make: Make) -> None:
    make.tenant(integration=make.integration(name="Contoso"), name="Ours\x1b[2J")
    make.tenant(name="Theirs")
    result = flask("tenants", "list", "--integration", "contoso")
    assert "Ours" in result.stdout
    assert "\x1b" not in result.stdout
    assert "Theirs" not in result.stdout
    unknown = flask("tenants", "list", "--integration", "Fabrikam")
    assert unknown.exit_code == 1
    assert "There is no integration named Fabrikam." in unknown.stderr


@pytest.mark.parametrize("called", ["tenant_id", "default_domain", "domains", "name"])
def test_a_tenant_is_matched_by_its_guid_any_of_its_domains_or_its_name(called: str, flask: Run, make: Make) -> None:
    make.organization(name="Müller GmbH")
    domains = {"default_domain": "mueller.example", "domains": "mueller.example\nmueller.onmicrosoft.com"}
    tenant = make.tenant(name="Müller", **domains)
    result = flask("tenants", "match", getattr(tenant, called).splitlines()[-1].upper(), "MÜLLER gmbh")
    assert result.exit_code == 0, result.output
    assert "Matched Müller to Müller GmbH." in result.stdout
    assert organization_of(tenant) == "Müller GmbH"


def test_an_organization_that_does_not_exist_is_created_only_when_asked(flask: Run, make: Make) -> None:
    tenant = make.tenant()
    refused = flask("tenants", "match", tenant.tenant_id, "Contoso")
    assert refused.exit_code == 1
    assert "There is no organization named Contoso. Add --create" in refused.stderr
    assert organization_of(tenant) is None
    assert flask("tenants", "match", tenant.tenant_id, "Contoso", "--create").exit_code == 0
    assert organization_of(tenant) == "Contoso"
    assert flask("tenants", "match", tenant.tenant_id, "contoso", "--create").exit_code == 0
    assert db.session.scalars(select(Organization.name)).all() == ["Contoso"]
    assert flask("tenants", "match", tenant.tenant_id, "\x07", "--create").exit_code == 1


def test_an_unknown_tenant_is_explained(flask: Run) -> None:
    result = flask("tenants", "match", "Contoso", "Contoso")
    assert result.exit_code == 1
    assert "There is no tenant called Contoso." in result.stderr


def test_an_ambiguous_tenant_is_explained_with_its_candidates(flask: Run, make: Make) -> None:
    tenants = [make.tenant(name="Contoso"), make.tenant(name="CONTOSO")]
    make.organization(name="Customer")
    result = flask("tenants", "match", "Contoso", "Customer")
    assert result.exit_code == 1
    assert "2 tenants are called Contoso." in result.stderr
    for tenant in tenants:
        assert tenant.tenant_id in result.stderr
        assert organization_of(tenant) is None


def test_an_ambiguous_organization_is_explained_with_its_candidates(flask: Run, make: Make) -> None:
    make.organization(name="Contoso")
    make.organization(name="CONTOSO")
    tenant = make.tenant()
    result = flask("tenants", "match", tenant.tenant_id, "contoso", "--create")
    assert result.exit_code == 1
    assert "2 organizations are named contoso." in result.stderr
    assert "CONTOSO" in result.stderr
    assert organization_of(tenant) is None


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("only",),
        ("a", "b", "--create-organizations"),
        ("--create", "--create-organizations"),
        ("--accept-suggestions", "--create-organizations"),
        ("a", "b", "--accept-suggestions"),
        ("a", "b", "--integration", "c"),
    ],
)
def test_what_does_not_go_together_is_a_usage_error(args: tuple[str, ...], flask: Run) -> None:
    assert flask("tenants", "match", *args).exit_code == 2


def test_all_unmatched_tenants_get_the_organization_of_their_name(flask: Run, make: Make) -> None:
    make.organization(name="fabrikam")
    contoso, fabrikam, namesake = (make.tenant(name=name) for name in ("Contoso", "Fabrikam", "CONTOSO"))
    ignored = make.tenant(name="Ignored", ignored_at=utc_now())
    matched = make.tenant(name="Matched", organization=make.organization(name="Already"))
    result = flask("tenants", "match", "--create-organizations")
    assert result.exit_code == 0, result.output
    assert len(result.stdout.splitlines()) == 3
    assert organization_of(fabrikam) == "fabrikam"
    assert organization_of(contoso) == organization_of(namesake)
    assert organization_of(ignored) is None
    assert organization_of(matched) == "Already"
    assert len(db.session.scalars(select(Organization.id)).all()) == 3
    assert "No tenant is unmatched." in flask("tenants", "match", "--create-organizations").stdout


def test_a_tenant_with_several_namesakes_is_left_and_told(flask: Run, make: Make) -> None:
    make.organization(name="Contoso")
    make.organization(name="contoso")
    left, other = make.tenant(name="Contoso"), make.tenant(name="Fabrikam")
    result = flask("tenants", "match", "--create-organizations")
    assert result.exit_code == 1
    assert "Contoso: left, several organizations have its name." in result.stderr
    assert organization_of(left) is None
    assert organization_of(other) == "Fabrikam"


def test_suggestions_are_listed_with_their_reasons(flask: Run, make: Make) -> None:
    make.organization(name="Contoso Ltd")
    make.organization(name="Fabrikam")
    for _ in range(2):
        make.organization(name="Twins")
    make.tenant(name="A Contosso Inc")
    make.tenant(name="Contosso Inc")
    make.tenant(name="FABRIKAM")
    make.tenant(name="Gone, Contoso Ltd", gone_at=utc_now())
    make.tenant(name="Twins")
    records = {record["name"]: record for record in json.loads(flask("tenants", "list", "--json").stdout)}

    def suggested(name: str) -> tuple[object, object, object]:
        record = records[name]
        return record["suggestion"], record["suggested_because"], record["suggestion_score"]

    assert suggested("Contosso Inc") == ("Contoso Ltd", "alike name", 93)
    assert suggested("FABRIKAM") == ("Fabrikam", "same name", None)
    assert suggested("Twins") == (None, "2 organizations have this name", None)
    assert suggested("Gone, Contoso Ltd") == (None, None, None)
    assert "same name" in flask("tenants", "list").stdout


def test_suggestions_are_accepted_all_at_once(flask: Run, make: Make) -> None:
    make.organization(name="Contoso Ltd")
    alike, unknown = make.tenant(name="Contosso Inc"), make.tenant(name="Northwind")
    dry = flask("tenants", "match", "--accept-suggestions", "--dry-run")
    assert "Contosso Inc: would be matched to Contoso Ltd (alike name, 93 %)." in dry.stdout
    assert organization_of(alike) is None
    result = flask("tenants", "match", "--accept-suggestions")
    assert result.exit_code == 0
    assert "Contosso Inc: matched to Contoso Ltd (alike name, 93 %)." in result.stdout
    assert "Northwind: left, no suggestion." in result.stderr
    assert organization_of(alike) == "Contoso Ltd"
    assert organization_of(unknown) is None
    [entry] = db.session.scalars(select(AuditEntry))
    assert (entry.actor, entry.event) == ("command line", "Contosso Inc is matched to Contoso Ltd")


def test_only_the_tenants_of_one_integration_are_matched(flask: Run, make: Make) -> None:
    ours = make.tenant(integration=make.integration(name="Ours"), name="Contoso")
    theirs = make.tenant(name="Fabrikam")
    assert flask("tenants", "match", "--create-organizations", "--integration", "ours").exit_code == 0
    assert (organization_of(ours), organization_of(theirs)) == ("Contoso", None)


def test_a_dry_run_writes_nothing(flask: Run, make: Make) -> None:
    tenant = make.tenant(name="Contoso")
    assert (
        "Contoso: would be matched to Contoso (new organization)."
        in flask("tenants", "match", "--create-organizations", "--dry-run").stdout
    )
    assert (
        "Would create the organization and match Contoso to X."
        in flask("tenants", "match", tenant.tenant_id, "X", "--create", "--dry-run").stdout
    )
    assert organization_of(tenant) is None
    assert db.session.scalars(select(Organization)).all() == []


def test_an_archived_organization_is_not_matched(flask: Run, make: Make) -> None:
    make.organization(name="Contoso", archived_at=utc_now())
    tenant = make.tenant(name="Contoso")
    refused = flask("tenants", "match", tenant.tenant_id, "Contoso", "--create")
    assert "Contoso is archived." in refused.stderr
    assert flask("tenants", "match", "--accept-suggestions").exit_code == 0
    left = flask("tenants", "match", "--create-organizations")
    assert left.exit_code == 1
    assert "Contoso: left, an archived organization has its name." in left.stderr
    assert organization_of(tenant) is None
