"""`flask licenses list`: the same licenses as the pages', for scripts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskCliRunner

from tests.support.factories import Make
from webapp.models import utc_now


def records(run_command: FlaskCliRunner, *options: str) -> list[dict[str, Any]]:
    result = run_command.invoke(args=["licenses", "list", "--json", *options])
    assert result.exit_code == 0, result.output
    listed: list[dict[str, Any]] = json.loads(result.stdout)
    return listed


def test_a_record_has_what_the_design_promises(run_command: FlaskCliRunner, make: Make) -> None:
    now = utc_now()
    tenant = make.tenant(
        organization=make.organization(name="Contoso"),
        integration=make.integration(name="Partner"),
        name="株式会社",
        last_synced_at=now,
    )
    product = make.product(name="Microsoft Dynamics CRM Online", part_number="CRMSTANDARD")
    license = make.license(
        tenant=tenant, product=product, active=0, status="Suspended", suspended=25, applies_to="User"
    )
    for _ in range(2):
        make.assignment(license, make.directory_user(tenant=tenant))
    assert records(run_command) == [
        {
            "id": license.id,
            "name": "Microsoft Dynamics CRM Online",
            "organization": "Contoso",
            "integration": "Partner",
            "tenant_id": tenant.tenant_id,
            "tenant": "株式会社",
            "sku_id": product.sku_id,
            "sku_part_number": "CRMSTANDARD",
            "applies_to": "User",
            "status": "Suspended",
            "active": 0,
            "consumed": 14,
            "unused": 0,
            "over": 14,
            "assigned": 2,
            "warning": 0,
            "suspended": 25,
            "locked_out": 0,
            "last_synced_at": now.isoformat(),
            "gone_at": None,
            "disconnected_at": None,
        }
    ]


def test_options_filter_as_the_addresses_do(run_command: FlaskCliRunner, make: Make) -> None:
    tenant = make.tenant(organization=make.organization(name="Contoso"), default_domain="contoso.example")
    mine = make.license(tenant=tenant, product=make.product(name="Microsoft 365 E3"), status="LockedOut")
    make.license()
    for options in (
        ["--organization", "CONTOSO"],
        ["--organization", str(tenant.organization_id)],
        ["--tenant", "contoso.example"],
        ["--product", "microsoft 365 e3"],
        ["--search", "contoso e3"],
        ["--status", "locked out"],
    ):
        assert [row["sku_id"] for row in records(run_command, *options)] == [mine.sku_id], options


def test_all_are_listed_sorted(run_command: FlaskCliRunner, make: Make) -> None:
    tenant = make.tenant(organization=make.organization())
    for number in range(60):
        make.license(tenant=tenant, active=number, consumed=0)
    assert [row["unused"] for row in records(run_command, "--sort", "-unused")] == list(range(59, -1, -1))


def test_an_organization_without_licenses_lists_none(run_command: FlaskCliRunner, make: Make) -> None:
    make.organization(name="Empty")
    assert records(run_command, "--organization", "Empty") == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--organization", "Nobody"], "There is no organization named Nobody."),
        (["--tenant", "nowhere.example"], "There is no tenant named nowhere.example."),
        (["--product", "NOTHING"], "There is no product named NOTHING."),
        (["--status", "Fine"], "There is no status Fine. Use one of: Enabled, Warning, Suspended"),
        (["--organization", "a\udce4b"], "There is no organization named ab."),
        (["--organization", "\udce4"], "--organization is empty."),
        (["--organization", "Contoso", "--organization", ""], "--organization is empty."),
        (["--tenant", ""], "--tenant is empty."),
        (["--product", " "], "--product is empty."),
        (["--status", ""], "--status is empty."),
    ],
)
def test_what_names_nothing_is_refused_in_a_sentence(
    run_command: FlaskCliRunner, make: Make, options: list[str], sentence: str
) -> None:
    make.license()
    result = run_command.invoke(args=["licenses", "list", "--json", *options])
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert result.stdout == ""


def test_what_cannot_be_sorted_by_is_a_wrong_word(run_command: FlaskCliRunner, make: Make) -> None:
    make.license()
    result = run_command.invoke(args=["licenses", "list", "--sort", "colour"])
    assert result.exit_code == 2
    assert "There is nothing named colour to sort by. Use one of: organization, tenant" in result.stderr
    assert result.stdout == ""


def test_the_table_is_for_reading(run_command: FlaskCliRunner, make: Make) -> None:
    make.license(organization=make.organization(name="Contoso\nLtd"), active=5, consumed=7)
    lines = run_command.invoke(args=["licenses", "list"]).stdout.splitlines()
    assert len(lines) == 2
    assert lines[0].split()[:4] == ["organization", "tenant", "name", "status"]
    assert lines[1].startswith("Contoso?Ltd")
