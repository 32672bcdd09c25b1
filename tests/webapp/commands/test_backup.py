"""`flask backup`: all that was committed is in the copy, also while somebody writes, and only this user may read it."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from tests.support.factories import Make
from webapp.commands import backup
from webapp.extensions import db


@pytest.fixture
def on_sqlite(app: Flask) -> Path:
    if db.engine.dialect.name != "sqlite":
        pytest.skip("SQLite's alone")
    return Path(db.engine.url.database or "")


def names_in(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM organization ORDER BY name")]


def test_what_is_committed_is_in_the_copy_and_what_somebody_writes_meanwhile_is_not(
    on_sqlite: Path, make: Make, run_command: FlaskCliRunner, tmp_path: Path
) -> None:
    make.organization(name="Contoso")
    copy = tmp_path / "copy.db"
    with closing(sqlite3.connect(on_sqlite, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE organization SET name = 'Fabrikam'")
        result = run_command.invoke(args=["backup", str(copy)])
        writer.execute("ROLLBACK")
    assert result.exit_code == 0, result.output
    assert names_in(copy) == ["Contoso"]
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert "keep that, too" in result.stderr


@pytest.mark.usefixtures("on_sqlite")
def test_a_file_that_exists_is_left_as_it_is(run_command: FlaskCliRunner, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy.write_text("yesterday's")
    result = run_command.invoke(args=["backup", str(copy)])
    assert result.exit_code == 1
    assert "exists already" in result.stderr
    assert copy.read_text() == "yesterday's"


@pytest.mark.usefixtures("on_sqlite")
def test_where_nothing_can_be_written_that_is_said_in_a_sentence(run_command: FlaskCliRunner, tmp_path: Path) -> None:
    result = run_command.invoke(args=["backup", str(tmp_path / "missing" / "copy.db")])
    assert result.exit_code == 1
    assert "cannot be written (No such file or directory)" in result.stderr


@pytest.mark.usefixtures("on_sqlite")
def test_what_is_cut_short_does_not_have_the_name_of_a_backup(
    run_command: FlaskCliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half_a_copy(database: Path, file: Path) -> None:
        file.write_bytes(database.read_bytes()[:4096])
        assert not (tmp_path / "copy.db").exists()
        raise KeyboardInterrupt

    monkeypatch.setattr(backup, "_copy", half_a_copy)
    assert run_command.invoke(args=["backup", str(tmp_path / "copy.db")]).exit_code == 1
    assert list(tmp_path.glob("copy*")) == []


@pytest.mark.usefixtures("on_sqlite")
def test_a_name_that_is_no_text_is_refused_and_nothing_is_left(run_command: FlaskCliRunner, tmp_path: Path) -> None:
    result = run_command.invoke(args=["backup", f"{tmp_path}/caf\udce9.db"])
    assert (result.exit_code, "not text in UTF-8" in result.stderr) == (1, True)
    assert list(tmp_path.glob("caf*")) == []


def test_postgresql_has_a_command_of_its_own(app: Flask, run_command: FlaskCliRunner, tmp_path: Path) -> None:
    if db.engine.dialect.name == "sqlite":
        pytest.skip("PostgreSQL's")
    result = run_command.invoke(args=["backup", str(tmp_path / "copy.db")])
    assert result.exit_code == 1
    assert "pg_dump" in result.stderr
