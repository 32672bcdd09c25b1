"""`flask users`."""

from __future__ import annotations

import json

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskCliRunner

from tests.conftest import signed_in
from tests.support.factories import PASSWORD, Make
from tests.webapp.auth.forms import is_signed_in, sign_in
from webapp.extensions import db
from webapp.models import (
    AuditEntry,
    GroupMember,
    Organization,
    OrganizationGrant,
    Role,
    SetupCode,
    User,
    UserState,
    utc_now,
)


def create(
    run_command: FlaskCliRunner, email: str = "ada@msp.example", role: str = "administrator", password: str = PASSWORD
) -> Result:
    command = ["users", "create", email, "--role", role, "--password-stdin"]
    return run_command.invoke(args=command, input=f"{password}\n")


def test_a_created_user_signs_in(app: Flask, run_command: FlaskCliRunner) -> None:
    result = create(run_command, "Ada@MSP.example")
    assert result.exit_code == 0, result.output
    assert result.output == "Created ada@msp.example with the role Administrator.\n"
    assert sign_in(app.test_client(), "ada@msp.example").status_code == 302


@pytest.mark.parametrize("role", ["Read-only", "read_only", "readonly", "READ ONLY", "read-only"])
def test_a_role_is_understood_however_it_is_written(run_command: FlaskCliRunner, role: str) -> None:
    assert create(run_command, role=role).exit_code == 0
    assert db.session.query(User).one().role == Role.READ_ONLY


def test_the_code_of_the_first_visit_ends_with_the_first_user(run_command: FlaskCliRunner) -> None:
    code = SetupCode.renew(db.session)
    db.session.commit()
    create(run_command)
    assert not SetupCode.accepts(db.session, code)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"role": "king"},
            "'king' is not a role. The roles are: Administrator, Manager, Editor, Creator, Lite, Read-only.",
        ),
        ({"email": "no address"}, "'no address' is not an e-mail address."),
        ({"password": "short"}, "The password has 5 characters; it needs at least 8."),
        ({"password": "x"}, "The password has 1 character; it needs at least 8."),
        ({"password": "ada@msp.example"}, "The password is the e-mail address."),
        ({"password": ""}, "No password came on standard input."),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(run_command: FlaskCliRunner, change: dict[str, str], message: str) -> None:
    result = create(run_command, **change)
    assert result.exit_code != 0
    assert message in result.output
    assert "Traceback" not in result.output
    assert db.session.query(User).count() == 0


def test_an_address_is_taken_once(run_command: FlaskCliRunner, make: Make) -> None:
    make.user(email="ada@msp.example")
    result = create(run_command, "ADA@msp.example")
    assert result.exit_code == 1
    assert "There is a user ada@msp.example already." in result.output
    assert db.session.query(User).count() == 1


def test_a_password_is_never_an_argument(run_command: FlaskCliRunner) -> None:
    result = run_command.invoke(args=["users", "create", "ada@msp.example", "--role", "administrator"])
    assert result.exit_code == 2
    assert "Add --password-stdin and pipe the password in" in result.output
    assert db.session.query(User).count() == 0


def test_a_forgotten_password_is_set_anew_and_ends_the_sessions(
    app: Flask, run_command: FlaskCliRunner, make: Make
) -> None:
    browser = signed_in(app, make.user(email="ada@msp.example"))
    command = ["users", "set-password", "ADA@msp.example", "--password-stdin"]
    result = run_command.invoke(args=command, input="a new password\n")
    assert (result.exit_code, result.output) == (0, "Set a new password for ada@msp.example.\n")
    assert not is_signed_in(browser)
    assert sign_in(app.test_client(), "ada@msp.example", "a new password").status_code == 302
    assert sign_in(app.test_client(), "ada@msp.example").status_code == 401


@pytest.mark.parametrize(
    ("email", "password", "message"),
    [
        ("eve@msp.example", "a new password", "There is no user eve@msp.example."),
        ("ada@msp.example", "short", "needs at least 8"),
    ],
)
def test_a_password_that_cannot_be_set_changes_nothing(
    app: Flask, run_command: FlaskCliRunner, make: Make, email: str, password: str, message: str
) -> None:
    make.user(email="ada@msp.example")
    command = ["users", "set-password", email, "--password-stdin"]
    result = run_command.invoke(args=command, input=f"{password}\n")
    assert result.exit_code == 1
    assert message in result.output
    assert sign_in(app.test_client(), "ada@msp.example").status_code == 302


def test_the_list_has_everyone(run_command: FlaskCliRunner, make: Make) -> None:
    make.user(email="b@msp.example", role=Role.READ_ONLY)
    make.user(email="a@msp.example")
    result = run_command.invoke(args=["users", "list"])
    lines = result.output.splitlines()
    columns = ["email", "role", "state", "all_organizations", "created_at", "last_sign_in_at"]
    assert lines[0].split() == columns
    assert [line.split()[:4] for line in lines[1:]] == [
        ["a@msp.example", "administrator", "active", "True"],
        ["b@msp.example", "read-only", "active", "True"],
    ]


def test_the_list_as_json_has_no_secret(run_command: FlaskCliRunner, make: Make) -> None:
    user = make.user(email="a@msp.example")
    result = run_command.invoke(args=["users", "list", "--json"])
    assert json.loads(result.output) == [
        {
            "email": "a@msp.example",
            "role": "administrator",
            "state": "active",
            "all_organizations": True,
            "organizations": [],
            "groups": [],
            "created_at": user.created_at.isoformat(),
            "last_sign_in_at": None,
        }
    ]


def test_the_list_as_json_tells_what_users_are_given(run_command: FlaskCliRunner, make: Make) -> None:
    north = make.organization(name="North")
    user = make.reader(make.organization(name="South"), email="a@msp.example", role=Role.LITE)
    make.grant(make.group(user, name="Team"), north)
    make.invited_user(email="b@msp.example", role=Role.MANAGER, all_organizations=False)
    make.user(email="c@msp.example", role=Role.LITE, deactivated_at=utc_now())
    keys = ("state", "all_organizations", "organizations", "groups")
    records = json.loads(run_command.invoke(args=["users", "list", "--json"]).output)
    assert [tuple(record[key] for key in keys) for record in records] == [
        ("active", False, ["North", "South"], ["Team"]),
        ("invited", True, [], []),
        ("deactivated", False, [], []),
    ]


def granted() -> set[str]:
    return {
        db.session.get_one(Organization, grant.organization_id).name for grant in db.session.query(OrganizationGrant)
    }


def test_a_user_is_made_with_organizations_and_groups(run_command: FlaskCliRunner, make: Make) -> None:
    make.organization(name="North")
    group = make.group(name="Team")
    command = ["users", "create", "a@msp.example", "--role", "editor", "--organization", "NORTH", "--group", "team"]
    result = run_command.invoke(args=[*command, "--password-stdin"], input=f"{PASSWORD}\n")
    assert result.exit_code == 0, result.output
    user = db.session.query(User).one()
    assert not user.all_organizations
    assert granted() == {"North"}
    assert db.session.query(GroupMember).one().group_id == group.id


@pytest.mark.parametrize(("role", "has_all"), [("editor", True), ("read-only", True), ("lite", False)])
def test_without_a_list_all_are_given_but_never_to_lite(run_command: FlaskCliRunner, role: str, has_all: bool) -> None:
    assert create(run_command, role=role).exit_code == 0
    assert db.session.query(User).one().all_organizations == has_all


@pytest.mark.parametrize(
    ("option", "message"), [("--organization", "no organization named"), ("--group", "no group named")]
)
def test_what_is_given_must_be_there(run_command: FlaskCliRunner, make: Make, option: str, message: str) -> None:
    command = ["users", "invite", "a@msp.example", "--role", "lite", option, "Nothing"]
    result = run_command.invoke(args=command)
    assert result.exit_code == 1
    assert message in result.output
    assert db.session.query(User).count() == 0


def test_an_invitation_prints_its_link(app: Flask, run_command: FlaskCliRunner) -> None:
    result = run_command.invoke(args=["users", "invite", "a@msp.example", "--role", "manager"])
    assert result.exit_code == 0, result.output
    address = result.output.strip()
    assert address.startswith("http://127.0.0.1:8000/invitation/")
    browser = app.test_client()
    form = {"password": PASSWORD, "repeated": PASSWORD}
    assert browser.post(address.removeprefix("http://127.0.0.1:8000"), data=form).status_code == 302
    assert is_signed_in(browser)


def test_a_reset_link_sets_a_new_password(app: Flask, run_command: FlaskCliRunner, make: Make) -> None:
    make.user(email="a@msp.example")
    address = run_command.invoke(args=["users", "reset-link", "A@msp.example"]).output.strip()
    form = {"password": "a new password", "repeated": "a new password"}
    app.test_client().post(address.removeprefix("http://127.0.0.1:8000"), data=form)
    assert sign_in(app.test_client(), "a@msp.example", "a new password").status_code == 302


def test_a_role_is_set_and_a_user_deactivated_and_brought_back(
    app: Flask, run_command: FlaskCliRunner, make: Make
) -> None:
    make.user()
    user = make.user(email="a@msp.example", role=Role.READ_ONLY)
    browser = signed_in(app, user)
    for command in (["set-role", "a@msp.example", "--role", "lite"], ["deactivate", "a@msp.example"]):
        assert run_command.invoke(args=["users", *command]).exit_code == 0
    db.session.rollback()
    assert (user.role, user.all_organizations, user.state) == (Role.LITE, False, UserState.DEACTIVATED)
    assert not is_signed_in(browser)
    assert run_command.invoke(args=["users", "reset-link", "a@msp.example"]).exit_code == 1
    assert run_command.invoke(args=["users", "reactivate", "a@msp.example"]).exit_code == 0
    assert sign_in(app.test_client(), "a@msp.example").status_code == 302
    told = db.session.query(AuditEntry).filter_by(actor="command line").order_by(AuditEntry.id)
    assert [entry.event for entry in told] == [
        "Changed the rights of a@msp.example: Lite now",
        "Deactivated a@msp.example",
        "Reactivated a@msp.example",
    ]


@pytest.mark.parametrize("command", ["set-role --role lite", "deactivate", "reactivate", "reset-link"])
def test_an_unknown_user_is_told(run_command: FlaskCliRunner, make: Make, command: str) -> None:
    name, *options = command.split()
    result = run_command.invoke(args=["users", name, "eve@msp.example", *options])
    assert result.exit_code == 1
    assert "There is no user eve@msp.example." in result.output


@pytest.mark.parametrize("command", [["users"], ["users", "create"], ["users", "set-password"], ["users", "list"]])
def test_each_command_explains_itself(run_command: FlaskCliRunner, command: list[str]) -> None:
    result = run_command.invoke(args=[*command, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output
