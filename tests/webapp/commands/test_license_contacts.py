"""`flask licenses contacts`: who holds which license, for scripts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskCliRunner

from tests.support.factories import Make
from webapp.models import License


def records(run_command: FlaskCliRunner, *options: str) -> list[dict[str, Any]]:
    result = run_command.invoke(args=["licenses", "contacts", "--json", *options])
    assert result.exit_code == 0, result.output
    listed: list[dict[str, Any]] = json.loads(result.stdout)
    return listed


@pytest.fixture
def license(make: Make) -> License:
    tenant = make.tenant(organization=make.organization(name="Contoso"))
    return make.license(tenant=tenant, product=make.product(part_number="SPE_E3", name="Microsoft 365 E3"))


def test_each_user_who_holds_a_license_is_an_object(run_command: FlaskCliRunner, make: Make, license: License) -> None:
    contact = make.contact(organization_id=license.tenant.organization_id, name="Ann", email="ann@contoso.example")
    named = make.directory_user(tenant=license.tenant, contact=contact)
    elsewhere = make.directory_user(tenant=license.tenant, contact=make.contact(name="Somebody else's"))
    make.assignment(license, named, is_through_group=True)
    make.assignment(license, elsewhere)
    make.assignment(make.license(), make.directory_user(tenant=make.tenant()))
    common = {
        "organization": "Contoso",
        "tenant_id": license.tenant.tenant_id,
        "sku_id": license.sku_id,
        "sku_part_number": "SPE_E3",
    }
    expected = [
        {
            **common,
            "user_id": named.user_id,
            "contact": "Ann",
            "email": "ann@contoso.example",
            "direct": False,
            "through_group": True,
        },
        {
            **common,
            "user_id": elsewhere.user_id,
            "contact": None,
            "email": None,
            "direct": True,
            "through_group": False,
        },
    ]
    assert records(run_command, str(license.id)) == expected
    assert records(run_command, "--organization", "contoso") == expected


def test_it_is_a_table_for_people(run_command: FlaskCliRunner, make: Make, license: License) -> None:
    make.assignment(license, make.directory_user(tenant=license.tenant))
    heading, row = run_command.invoke(args=["licenses", "contacts", str(license.id)]).stdout.splitlines()
    assert "through_group" in heading
    assert "SPE_E3" in row


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        ([], 2, "Name a LICENSE_ID, or an --organization."),
        (["1", "--organization", "Contoso"], 2, "Name a LICENSE_ID, or an --organization."),
        (["987654"], 1, "There is no license 987654."),
        (["99999999999999"], 1, "There is no license 99999999999999."),
        (["--organization", "Nobody"], 1, "There is no organization named Nobody."),
        (["--organization", ""], 1, "--organization is empty."),
        (["--organization", "\udce4"], 1, "--organization is empty."),
    ],
)
def test_what_is_not_there_is_named(options: list[str], code: int, sentence: str, run_command: FlaskCliRunner) -> None:
    result = run_command.invoke(args=["licenses", "contacts", *options])
    assert result.exit_code == code
    assert sentence in result.stderr
