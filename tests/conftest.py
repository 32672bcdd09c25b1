"""Fixtures for all tests. Whatever touches the database runs twice: on SQLite and on PostgreSQL."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from flask_migrate import upgrade
from redis import Redis
from sqlalchemy import event

from tests.faults.seed import choose_seed
from tests.support import factories
from tests.support.browser import Browser
from tests.support.services import postgresql_server, redis_server
from tests.support.settings import make_settings
from webapp import create_app
from webapp.extensions import db, limiter
from webapp.models import Role, User, UserSession
from webapp.schema_version import require_fit

# The environment of whoever runs the tests is not theirs.
for _name in ("DATABASE_URL", "REDIS_URL", "DATA_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
    os.environ.pop(_name, None)


def pytest_configure() -> None:
    choose_seed()


def pytest_report_header() -> str:
    return f"faults: FAULT_SEED={choose_seed()}"


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with redis_server() as url:
        yield url


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    with postgresql_server() as url:
        yield url


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def migrated_app(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, redis_url: str
) -> Iterator[Flask]:
    """One app for each database, its tables made by the migrations. Tests use `app`, which empties them."""
    data_dir = tmp_path_factory.mktemp(request.param)
    changes = {"redis_url": redis_url}
    if request.param == "postgresql":
        changes["database_url"] = request.getfixturevalue("postgresql_url")
    app = create_app(make_settings(data_dir, **changes))
    app.config["TESTING"] = True
    app.config["WTF_CSRF_ENABLED"] = False
    app.test_client_class = Browser
    with app.app_context():
        upgrade()
        # Looked for once, so that no test counts it among the queries of its page.
        require_fit()
    yield app
    # The tests go back and forth between the databases, each time with a new app: what it held open ends with it, and
    # so does what was left lying about, such as an export that nobody read to its end.
    gc.collect()
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def app(migrated_app: Flask, redis_url: str) -> Iterator[Flask]:
    """The app with empty tables, an empty Redis and an open app context."""
    Redis.from_url(redis_url).flushall()
    settings = migrated_app.config["SETTINGS"]
    with migrated_app.app_context():
        limiter.reset()
        yield migrated_app
        db.session.rollback()
        for table in reversed(db.metadata.sorted_tables):
            db.session.execute(table.delete())
        db.session.commit()
        db.session.remove()
    migrated_app.config["SETTINGS"] = settings


@pytest.fixture
def make(app: Flask) -> factories.Make:
    """Factories: `make.license(tenant=…)` and the like; what they make is committed."""
    return factories.Make()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser that is not signed in."""
    return app.test_client()


@pytest.fixture
def as_administrator(app: Flask, make: factories.Make) -> FlaskClient:
    return signed_in(app, make.user(role=Role.ADMINISTRATOR))


@pytest.fixture
def as_reader(app: Flask, make: factories.Make) -> FlaskClient:
    """A browser signed in with the role Read-only."""
    return signed_in(app, make.user(role=Role.READ_ONLY))


@pytest.fixture
def run_command(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


def signed_in(app: Flask, user: User) -> FlaskClient:
    """A browser in which the user is signed in, without going through the form."""
    UserSession.open(db.session, user)
    db.session.commit()
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = user.session_token
        session["_fresh"] = True
    return client


@pytest.fixture
def count_queries(app: Flask) -> Iterator[list[str]]:
    """The SQL statements sent since the test began; clear the list to count from there."""
    statements: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield statements
    event.remove(db.engine, "before_cursor_execute", note)
