"""What comes on standard input is text in UTF-8, or is refused in a sentence, in whatever locale a command runs."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import click
import pytest
from flask.testing import FlaskCliRunner

from tests.support.factories import Make
from tests.webapp.integrations.conftest import CLIENT_ID, TENANT_ID
from webapp.commands.output import read_all, read_line
from webapp.extensions import db
from webapp.models import Integration, TenantAddition, User

NO_TEXT = b"p\xe4ssword of Latin-1\n"
CONNECT = ["integrations", "connect", "New", "--tenant-id", TENANT_ID, "--client-id", CLIENT_ID]


def put_in(given: bytes, errors: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given), encoding="utf-8", errors=errors))


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_what_is_no_text_is_refused_in_every_locale(errors: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for read in (read_line, read_all):
        put_in(NO_TEXT, errors, monkeypatch)
        with pytest.raises(click.ClickException, match=r"^Standard input is not text in UTF-8\.$"):
            read()


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("größe 1\nmore".encode(), "größe 1"),
        (b"ends as Windows does\r\nmore", "ends as Windows does"),
        (b" no end ", " no end "),
        (b"\n", ""),
        (b"", ""),
    ],
)
def test_a_line_is_read_without_its_end(given: bytes, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put_in(given, "strict", monkeypatch)
    assert read_line() == line


def test_nothing_comes_where_standard_input_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert (read_line(), read_all()) == ("", "")


@pytest.mark.parametrize(
    "command",
    [
        ["users", "create", "eve@msp.example", "--role", "editor", "--password-stdin"],
        ["users", "set-password", "ada@msp.example", "--password-stdin"],
        [*CONNECT, "--client-secret-stdin"],
        [*CONNECT, "--certificate", "FILE", "--certificate-password-stdin"],
        ["integrations", "credentials", "Direct", "--client-secret-stdin"],
        ["integrations", "add-tenants", "Direct"],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_a_command_that_is_given_no_text_says_so_and_changes_nothing(
    command: list[str], run_command: FlaskCliRunner, make: Make, tmp_path: Path
) -> None:
    make.user(email="ada@msp.example")
    make.integration(name="Direct")
    before = db.session.query(User.password_hash).all()
    db.session.commit()
    file = tmp_path / "any.pem"
    file.touch()
    result = run_command.invoke(args=[str(file) if word == "FILE" else word for word in command], input=NO_TEXT)
    assert (result.exit_code, result.stderr) == (1, "Error: Standard input is not text in UTF-8.\n")
    assert db.session.query(User.password_hash).all() == before
    assert (db.session.query(Integration).count(), db.session.query(TenantAddition).count()) == (1, 0)
