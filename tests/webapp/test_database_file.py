"""The file of an SQLite database that is replaced, taken away or not there yet."""

from __future__ import annotations

import os
import sqlite3
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import text

from tests.support.settings import make_settings
from webapp import create_app
from webapp.doctor.database import check_database
from webapp.doctor.finding import Health
from webapp.extensions import db
from webapp.models import Problem
from webapp.refusals import NO_FILE, REPLACED_FILE


def test_a_file_that_is_replaced_under_a_process_is_refused_by_it_and_nothing_is_written_beside_it(
    tmp_path: Path,
) -> None:
    app = create_app(make_settings(tmp_path))
    client = app.test_client()
    with app.app_context():
        file = Path(db.engine.url.database or "")
        upgrade()
    assert client.get("/sign-in").status_code < 400
    other = tmp_path / "other.db"
    sqlite3.connect(other).close()
    away = file.rename(tmp_path / "away.db")
    _assert_refuses(app, NO_FILE)
    assert not file.exists()
    other.rename(file)
    _assert_refuses(app, REPLACED_FILE)
    assert file.stat().st_size == 0
    away.replace(file)
    assert client.get("/sign-in").status_code < 400


def test_a_database_that_is_not_there_is_made_by_a_migration_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Else a command that is given while its disk is away would put an empty one in its place."""
    app = create_app(make_settings(tmp_path))
    with app.app_context():
        file = Path(db.engine.url.database or "")
        (found,) = check_database()
        expected = app.extensions["schema_version"].expected
        assert found.health is Health.FAILED
        assert found.text == f"There is no database yet (revision none), and this version needs {expected}."
        assert "disk" in found.fix
    for command in (["users", "list"], ["db", "current"], ["db", "downgrade"]):
        asked = app.test_cli_runner().invoke(args=command)
        assert asked.exit_code == 1
        assert "There is no database yet" in asked.output + caplog.text
        caplog.clear()
    page = app.test_client().get("/sign-in")
    assert page.status_code == 503
    assert NO_FILE.reason.removesuffix(".") in page.text.replace("&#39;", "'")
    assert not file.exists()
    made = app.test_cli_runner().invoke(args=["db", "upgrade"])
    assert made.exit_code == 0
    assert create_app(app.config["SETTINGS"]).test_client().get("/sign-in").status_code < 400


def test_a_database_that_is_made_is_its_user_s_alone_also_in_a_directory_that_others_look_into(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        place = tmp_path / "srv"
        place.mkdir(mode=0o755)
        app = create_app(replace(make_settings(tmp_path), database_url=f"sqlite:///{place / 'seatledger.db'}"))
        with app.app_context():
            upgrade()
            db.session.execute(text("SELECT 1"))
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in place.iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("seatledger.db", "seatledger.db-wal", "seatledger.db-shm"), 0o600)


def test_a_link_to_a_disk_that_is_away_makes_no_database_there(tmp_path: Path) -> None:
    mount_point = tmp_path / "disk"
    mount_point.mkdir()
    app = create_app(make_settings(tmp_path))
    with app.app_context():
        Path(db.engine.url.database or "").symlink_to(mount_point / "seatledger.db")
    assert "There is no database yet" in app.test_cli_runner().invoke(args=["users", "list"]).output
    assert list(mount_point.iterdir()) == []


def _assert_refuses(app: Flask, refusal: Problem) -> None:
    client = app.test_client()
    page = client.get("/sign-in")
    assert page.status_code == 503
    assert refusal.reason.removesuffix(".") in page.text.replace("&#39;", "'")
    # As a thread of the same process that has no connection yet.
    with app.app_context():
        db.engine.dispose()
    assert client.get("/sign-in").status_code == 503
    assert client.get("/readyz").get_json()["problems"][0] == refusal.text
