"""What commands print is written to any terminal and any file, or they say in a sentence why not."""

from __future__ import annotations

import errno
import json
from typing import Any

import click
import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from tests.support.factories import Make

NAME = "株式会社 Café 👩"
# Each of them lacks letters that customers have in their names.
POOR = ("iso-8859-1", "cp1252", "koi8-r", "shift_jis")


@pytest.fixture
def organization(make: Make) -> None:
    make.organization(name=NAME)


@pytest.mark.parametrize("encoding", POOR)
def test_a_letter_that_the_terminal_lacks_is_a_question_mark(app: Flask, organization: None, encoding: str) -> None:
    result = app.test_cli_runner(charset=encoding).invoke(args=["organizations", "list"])
    assert (result.exit_code, result.stderr) == (0, "")
    assert "?" in result.stdout


@pytest.mark.parametrize("encoding", ["utf-8", *POOR])
def test_json_has_the_whole_name_in_any_encoding(app: Flask, organization: None, encoding: str) -> None:
    result = app.test_cli_runner(charset=encoding).invoke(args=["organizations", "list", "--json"])
    assert (result.exit_code, [row["name"] for row in json.loads(result.stdout)]) == (0, [NAME])


def test_letters_are_printed_as_they_are_where_they_can_be(run_command: FlaskCliRunner, organization: None) -> None:
    for more in ((), ("--json",)):
        assert "株式会社" in run_command.invoke(args=["organizations", "list", *more]).stdout


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_output_that_cannot_be_written_is_told_in_a_sentence(
    run_command: FlaskCliRunner, organization: None, more: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    echo = click.echo

    def full(text: Any = None, **options: Any) -> None:
        if not options.get("file"):
            raise OSError(errno.ENOSPC, "No space left on device")
        echo(text, **options)

    monkeypatch.setattr(click, "echo", full)
    result = run_command.invoke(args=["organizations", "list", *more])
    assert result.exit_code == 1
    assert result.stderr == "Error: What is printed could not be written (No space left on device).\n"
