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
from webapp.models import Role, SetupCode, User


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
        ({"role": "king"}, "'king' is not a role. The roles are: Administrator, Read-only."),
        ({"email": "no address"}, "'no address' is not an e-mail address."),
        ({"password": "short"}, "The password has 5 characters; it needs at least 8."),
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
    assert lines[0].split() == ["email", "role", "created_at", "last_sign_in_at"]
    assert [line.split()[:2] for line in lines[1:]] == [
        ["a@msp.example", "administrator"],
        ["b@msp.example", "read-only"],
    ]


def test_the_list_as_json_has_no_secret(run_command: FlaskCliRunner, make: Make) -> None:
    user = make.user(email="a@msp.example")
    result = run_command.invoke(args=["users", "list", "--json"])
    assert json.loads(result.output) == [
        {
            "email": "a@msp.example",
            "role": "administrator",
            "created_at": user.created_at.isoformat(),
            "last_sign_in_at": None,
        }
    ]


@pytest.mark.parametrize("command", [["users"], ["users", "create"], ["users", "set-password"], ["users", "list"]])
def test_each_command_explains_itself(run_command: FlaskCliRunner, command: list[str]) -> None:
    result = run_command.invoke(args=[*command, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output
