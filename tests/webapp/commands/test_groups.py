"""`flask groups`."""

from __future__ import annotations

import json

import pytest
from flask.testing import FlaskCliRunner

from tests.support.factories import Make
from webapp.extensions import db
from webapp.models import GroupMember, OrganizationGrant, UserGroup


def run(run_command: FlaskCliRunner, *arguments: str) -> str:
    result = run_command.invoke(args=["groups", *arguments])
    assert result.exit_code == 0, result.output
    db.session.rollback()
    return result.output


def test_a_group_is_made_changed_listed_and_deleted(run_command: FlaskCliRunner, make: Make) -> None:
    make.organization(name="Contoso")
    make.user(email="ann@msp.example")
    assert run(run_command, "create", "Team", "--user", "ANN@msp.example") == "Made the group Team.\n"
    assert run(run_command, "add", "TEAM", "--organization", "contoso") == "Changed the group Team.\n"
    assert run(run_command, "add", "team", "--organization", "contoso") == "The group Team is so already.\n"
    [record] = json.loads(run(run_command, "list", "--json"))
    del record["created_at"]
    assert record == {"name": "Team", "members": 1, "all_organizations": False, "organizations": 1}
    run(run_command, "remove", "Team", "--user", "ann@msp.example", "--organization", "Contoso")
    assert db.session.query(GroupMember).count() == db.session.query(OrganizationGrant).count() == 0
    assert run(run_command, "delete", "Team") == "Deleted the group Team.\n"
    assert db.session.query(UserGroup).count() == 0


def test_a_group_may_have_all_organizations(run_command: FlaskCliRunner) -> None:
    run(run_command, "create", "Everyone", "--all-organizations")
    assert db.session.query(UserGroup).one().all_organizations


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["create", "Team"], "There is a group named Team already."),
        (["create", ""], "Enter the group's name."),
        (["create", "x" * 5000], "5,000 characters"),
        (["create", "New", "--user", "eve@msp.example"], "There is no user eve@msp.example."),
        (["add", "Team"], "Name what, with --user or --organization."),
        (["add", "Team", "--organization", "Nothing"], "There is no organization named Nothing."),
        (["delete", "Other"], "There is no group named Other."),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    run_command: FlaskCliRunner, make: Make, arguments: list[str], message: str
) -> None:
    make.group(name="team")
    result = run_command.invoke(args=["groups", *arguments])
    assert result.exit_code != 0
    assert message in result.output
    assert "Traceback" not in result.output
    assert [group.name for group in db.session.query(UserGroup)] == ["team"]
