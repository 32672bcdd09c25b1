"""Pages beside a database of another version: one that is older is said to be, and nothing is done with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from flask_migrate import downgrade, upgrade
from sqlalchemy import text

from tests.support.browser import HTMX
from tests.support.factories import Make
from tests.support.services import empty_database
from tests.support.settings import make_settings
from webapp import create_app, schema_version
from webapp.extensions import db
from webapp.models import User
from webapp.schema_version import Fit

SetRevision = Callable[[str], None]


@pytest.fixture
def set_revision(app: Flask) -> Iterator[SetRevision]:
    """Let the database say that it is at this revision, though its tables are as ever; the app has yet to look."""
    expected = schema_version.look().expected

    def set_to(revision: str | None) -> None:
        db.session.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
        db.session.commit()
        app.extensions["schema_version"] = schema_version._Guard()

    yield set_to
    set_to(expected)
    schema_version.require_fit()


def before(app: Flask) -> str:
    """The revision before the newest."""
    script = ScriptDirectory(str(schema_version.MIGRATIONS))
    newest = script.get_revision("head")
    assert newest is not None
    return str(newest.down_revision)


def test_what_the_database_is_seen_as(app: Flask, set_revision: SetRevision) -> None:
    assert (schema_version.look().fit, schema_version.look().problem) == (Fit.SAME, "")
    set_revision("9999")
    assert schema_version.look().fit is Fit.NEWER
    set_revision(before(app))
    assert schema_version.look().fit is Fit.OLDER


def test_a_database_of_several_revisions_is_said_to_be_one(
    app: Flask, as_reader: FlaskClient, run_command: FlaskCliRunner
) -> None:
    """As after a backup was restored into a database that was not empty."""
    db.session.execute(text("INSERT INTO alembic_version VALUES ('0001')"))
    db.session.commit()
    app.extensions["schema_version"] = schema_version._Guard()
    try:
        assert schema_version.look().fit is Fit.MIXED
        page = as_reader.get("/")
        assert page.status_code == 503
        assert "The database is a mixture of versions" in page.text
        assert "flask db upgrade" not in page.text
        assert "several revisions" in str(as_reader.get("/readyz").json)
        assert "several revisions" in run_command.invoke(args=["users", "list"]).output
        assert "several revisions" in run_command.invoke(args=["doctor"]).output
    finally:
        db.session.execute(text("DELETE FROM alembic_version WHERE version_num = '0001'"))
        db.session.commit()
        app.extensions["schema_version"] = schema_version._Guard()
        schema_version.require_fit()


@pytest.mark.parametrize(
    "command", ["users list", "integrations list", "users create a@msp.example --role administrator"]
)
def test_with_an_older_database_a_command_says_that_it_is_to_be_migrated_and_does_nothing(
    app: Flask, run_command: FlaskCliRunner, set_revision: SetRevision, command: str
) -> None:
    set_revision(before(app))
    ended = run_command.invoke(args=command.split(), input="a password that is long enough\n")
    assert ended.exit_code == 1
    assert "Migrate it: `flask db upgrade`." in ended.output
    assert db.session.query(User).count() == 0


def test_an_older_sqlite_database_can_be_backed_up_before_it_is_migrated(
    app: Flask, run_command: FlaskCliRunner, set_revision: SetRevision, tmp_path: Path
) -> None:
    if db.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL has pg_dump")
    set_revision(before(app))
    assert run_command.invoke(args=["backup", str(tmp_path / "copy.db")]).exit_code == 0


def test_with_an_older_database_every_page_says_that_it_is_to_be_migrated(
    app: Flask, as_reader: FlaskClient, set_revision: SetRevision
) -> None:
    set_revision(before(app))
    for answer in (
        as_reader.get("/global/office-365-licenses"),
        as_reader.get("/sign-in"),
        as_reader.post("/sign-in", data={"email": "a@msp.example", "password": "x"}),
        as_reader.get("/", headers=HTMX),
        as_reader.get("/api/v1/licenses", headers={"Accept": "application/json"}),
    ):
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "5"
        assert "flask db upgrade" in answer.text
    ready = as_reader.get("/readyz")
    assert ready.status_code == 503
    assert before(app) in ready.text
    assert as_reader.get("/healthz").status_code == 200
    with as_reader.get("/static/app.css") as file:
        assert file.status_code == 200


def test_an_older_database_is_not_asked_for_its_version_by_each_of_many_who_ask(
    app: Flask, client: FlaskClient, set_revision: SetRevision, count_queries: list[str]
) -> None:
    set_revision(before(app))
    count_queries.clear()
    client.get("/sign-in")
    asked = len(count_queries)
    client.get("/sign-in")
    assert asked == len(count_queries) > 0


def test_with_a_newer_database_pages_work_and_readiness_and_the_doctor_tell(
    as_reader: FlaskClient, set_revision: SetRevision, run_command: FlaskCliRunner
) -> None:
    set_revision("9999")
    assert as_reader.get("/global/office-365-licenses").status_code == 200
    ready = as_reader.get("/readyz")
    assert ready.status_code == 503
    assert "older version than the database" in ready.text
    found = json.loads(run_command.invoke(args=["doctor", "--json"]).output)
    [told] = [finding for finding in found if finding["part"] == "database"]
    assert told["health"] == "failed"
    assert "older version than the database" in told["text"]
    assert told["fix"].startswith("Install the version")


def test_pages_work_again_once_the_database_is_migrated(make: Make, client: FlaskClient, app: Flask) -> None:
    make.user()
    guard = app.extensions["schema_version"]
    guard.fits = False
    assert client.get("/sign-in").status_code == 200
    assert guard.fits


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_database_that_was_taken_back_is_noticed_by_the_page_that_breaks(database: str, tmp_path: Path) -> None:
    with empty_database(database, tmp_path) as url:
        _take_back(url, tmp_path)


def _take_back(url: str, data_dir: Path) -> None:
    app = create_app(make_settings(data_dir, database_url=url))
    client = app.test_client()
    with app.app_context():
        upgrade()
    assert client.get("/sign-in").status_code in {200, 302}
    with app.app_context():
        downgrade(revision="base")
    answer = client.get("/sign-in")
    assert answer.status_code == 503
    assert "Seatledger is being updated" in answer.text
    with app.app_context():
        upgrade()
        app.extensions["schema_version"].refused = None  # as if two seconds had passed
    assert client.get("/sign-in").status_code in {200, 302}
    with app.app_context():
        db.engine.dispose()
