"""`flask organizations`."""

from __future__ import annotations

import json
from pathlib import Path

from flask.testing import FlaskCliRunner
from sqlalchemy import select

from tests.support.factories import Make
from webapp.extensions import db
from webapp.models import AuditEntry, Organization, OrganizationDomain, utc_now


def test_organizations_are_listed_with_what_they_have(run_command: FlaskCliRunner, make: Make) -> None:
    contoso = make.organization(
        name="Contoso", address="Here", phone="1", domains=[OrganizationDomain(domain="contoso.example")]
    )
    make.license(tenant=make.tenant(organization=contoso), active=25, consumed=30)
    make.organization(name="Fabrikam")
    make.organization(name="Left", archived_at=utc_now())
    listed = json.loads(run_command.invoke(args=["organizations", "list", "--json"]).stdout)
    assert [row["name"] for row in listed] == ["Contoso", "Fabrikam"]
    assert listed[0] == {
        "id": contoso.id,
        "name": "Contoso",
        "address": "Here",
        "phone": "1",
        "domains": ["contoso.example"],
        "archived_at": None,
        "tenants": 1,
        "licenses": 1,
        "active": 25,
        "consumed": 30,
        "unused": 0,
        "over": 5,
    }
    archived = json.loads(run_command.invoke(args=["organizations", "list", "--archived", "--json"]).stdout)
    assert [row["name"] for row in archived] == ["Left"]
    found = json.loads(run_command.invoke(args=["organizations", "list", "--search", "CONTOSO.ex", "--json"]).stdout)
    assert [row["name"] for row in found] == ["Contoso"]
    assert "contoso.example" in run_command.invoke(args=["organizations", "list"]).stdout


def test_an_organization_is_created_once(run_command: FlaskCliRunner) -> None:
    words = ["organizations", "create", " Müller  GmbH ", "--address", "Here", "--phone", "1", "--domain", "A.example"]
    done = run_command.invoke(args=[*words, "--domain", "b.example", "--json"])
    assert json.loads(done.stdout)["domains"] == ["a.example", "b.example"]
    again = run_command.invoke(args=["organizations", "create", "MÜLLER gmbh"])
    assert again.exit_code == 1
    assert again.stderr == "Error: There is an organization named Müller GmbH already.\n"
    assert db.session.scalars(select(Organization.name)).all() == ["Müller GmbH"]
    entry = db.session.scalars(select(AuditEntry)).one()
    assert (entry.actor, entry.event) == ("command line", "Created the organization Müller GmbH")


def test_what_cannot_be_is_refused_in_a_sentence(run_command: FlaskCliRunner) -> None:
    for words, reason in (
        ([""], "Enter the organization's name."),
        (["x" * 5000], "The name has 5,000 characters; it may have 200."),
        (["A", "--domain", "no_domain"], "no_domain is not a domain name."),
        (["A", "--phone", "1" * 101], "The phone number has 101 characters; it may have 100."),
    ):
        result = run_command.invoke(args=["organizations", "create", *words])
        assert result.exit_code == 1
        assert result.stderr.startswith(f"Error: {reason}")
    assert db.session.query(Organization).count() == 0


def test_a_dry_run_says_what_becomes_of_each_line_and_an_import_does_it(
    run_command: FlaskCliRunner, make: Make, tmp_path: Path
) -> None:
    make.organization(name="Contoso", phone="1")
    path = tmp_path / "customers.csv"
    path.write_bytes("name;phone;owner\nNew;;\ncontoso;2;\nnew;;\n;3;\n".encode("utf-16"))
    dry = run_command.invoke(args=["organizations", "import", str(path), "--dry-run"])
    assert dry.exit_code == 1
    assert dry.stdout.splitlines() == [
        "1 organization would be created, 0 would be updated; 3 lines would be left out.",
        "Columns that are not known, and left out: owner.",
        "Line 2: New is created.",
        "Line 3: contoso is there already and differs: phone 1 -> 2.",
    ]
    assert dry.stderr.splitlines() == [
        "Line 4: new is left out: Duplicate of line 2.",
        "Line 5: no name is left out: It has no name.",
        "Error: 2 lines of 4 cannot be imported: see above.",
    ]
    assert db.session.query(Organization).count() == 1
    db.session.rollback()
    done = run_command.invoke(args=["organizations", "import", str(path), "--update"])
    assert done.exit_code == 1
    assert done.stdout.startswith("1 organization created, 1 updated; 2 lines left out.")
    db.session.expire_all()
    stored = db.session.execute(select(Organization.name, Organization.phone).order_by(Organization.name)).all()
    assert [tuple(row) for row in stored] == [("Contoso", "2"), ("New", "")]
    db.session.rollback()
    again = run_command.invoke(args=["organizations", "import", str(path)])
    assert again.stdout.startswith("0 organizations created, 0 updated; 4 lines left out.")


def test_lines_that_are_there_already_are_no_failure(run_command: FlaskCliRunner, make: Make, tmp_path: Path) -> None:
    make.organization(name="Contoso", phone="1")
    make.organization(name="Left", archived_at=utc_now())
    path = tmp_path / "customers.csv"
    path.write_text("name,phone\nContoso,2\nleft,\nNew,\n")
    for _ in range(2):
        result = run_command.invoke(args=["organizations", "import", str(path)])
        assert (result.exit_code, result.stderr) == (0, "")
        db.session.rollback()
    assert db.session.query(Organization).count() == 3


def test_a_file_that_is_no_list_ends_with_a_sentence(run_command: FlaskCliRunner, tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    for content, words in (
        (b"%PDF-1.7", "This is a PDF document, not a CSV file."),
        (b"name\n" + b"A\n" * 100_000, "The file has more than 20,000 organizations."),
        (b"name\n" + b"x" * (50 * 1024 * 1024), "The file is larger than 10 MB."),
    ):
        path.write_bytes(content)
        result = run_command.invoke(args=["organizations", "import", str(path)])
        assert result.exit_code == 1
        assert result.stderr.startswith(f"Error: {words}")
    assert run_command.invoke(args=["organizations", "import", str(tmp_path / "nowhere.csv")]).exit_code == 2
