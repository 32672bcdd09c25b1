"""The web while its databases are away: it says so, nothing is half done, and it is well again without a restart."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from flask_migrate import upgrade
from sqlalchemy import select

from jobs import queue
from tests.conftest import signed_in
from tests.faults.databases import PostgresqlServer, RedisServer, private_directory
from tests.support.browser import HTMX, Browser
from tests.support.factories import PASSWORD, Make
from tests.support.settings import make_settings
from tests.support.waiting import eventually
from webapp import create_app
from webapp.engines import sqlite
from webapp.extensions import db
from webapp.models import AuditEntry, Role, RunState, SyncRun, User

pytestmark = pytest.mark.slow

PAGES = ("/global/office-365-licenses", "/account/integrations", "/sign-in", "/organizations")
JSON = {"Accept": "application/json"}


@dataclass
class Site:
    """An app on databases of its own, and who looks at it."""

    app: Flask
    redis: RedisServer
    postgresql: PostgresqlServer | None
    browser: FlaskClient
    email: str
    integration_id: int

    def sign_in(self) -> int:
        answer = self.app.test_client().post("/sign-in", data={"email": self.email, "password": PASSWORD})
        return answer.status_code

    def is_well(self) -> bool:
        return all(self.browser.get(page).status_code in {200, 302} for page in PAGES)


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> Iterator[ExitStack]:
    monkeypatch.setattr("webapp.auth.throttle._SECONDS_WITHOUT_REDIS", 0.0)
    with ExitStack() as stack:
        yield stack


def _kill_if_up(redis: RedisServer) -> None:
    if not redis.is_down:
        redis.kill()


def a_site(stack: ExitStack, kind: str) -> Site:
    directory = Path(stack.enter_context(private_directory()))
    redis = RedisServer(directory)
    redis.start()
    stack.callback(_kill_if_up, redis)
    settings = make_settings(directory, redis_url=redis.url)
    postgresql = None
    if kind == "postgresql":
        postgresql = PostgresqlServer(directory)
        stack.callback(postgresql.stop)
        settings = replace(settings, database_url=postgresql.url)
    app = create_app(settings)
    app.config["TESTING"] = True
    app.config["WTF_CSRF_ENABLED"] = False
    app.test_client_class = Browser
    with app.app_context():
        upgrade()
        user = Make().user(role=Role.ADMINISTRATOR)
        integration = Make().integration(sync_every_hours=0)
        Make().tenant(integration=integration, organization=Make().organization())
        stack.callback(_let_go, app)
        return Site(app, redis, postgresql, signed_in(app, user), user.email, integration.id)


def _let_go(app: Flask) -> None:
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def says_so(site: Site) -> None:
    """Each page, partial, form and answer to a program is a clear one, and says when to come again."""
    answers = [
        *(site.browser.get(page) for page in PAGES),
        site.browser.get("/global/office-365-licenses", headers=HTMX),
        site.browser.get("/api/v1/licenses", headers={**JSON, "Authorization": "Bearer of-nothing"}),
        site.app.test_client().post("/sign-in", data={"email": site.email, "password": PASSWORD}),
    ]
    for answer in answers:
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "5"
        assert "The database does not answer" in answer.text
        assert "Traceback" not in answer.text
    assert '<h1 class="empty-title">' in answers[0].text
    assert answers[-3].headers["HX-Retarget"] == "#notices"
    assert answers[-2].json is not None
    assert site.browser.get("/readyz").status_code == 503
    assert site.browser.get("/healthz").status_code == 200


def test_a_postgresql_that_is_killed_is_said_to_be_away_and_pages_come_back_by_themselves(build: ExitStack) -> None:
    site = a_site(build, "postgresql")
    assert site.postgresql is not None
    assert site.is_well()
    for _ in range(2):
        site.postgresql.kill()
        eventually(lambda: site.browser.get("/sign-in").status_code == 503)
        says_so(site)
        site.postgresql.start()
        eventually(site.is_well)
        assert site.sign_in() == 302
    with site.app.app_context():
        # Of the sign-ins in between nothing was recorded, and of those that worked each once.
        assert [entry.event for entry in db.session.scalars(select(AuditEntry))].count("Signed in") == 2


def test_connections_that_were_dropped_are_replaced_before_a_page_meets_them(build: ExitStack) -> None:
    site = a_site(build, "postgresql")
    assert site.postgresql is not None
    assert site.is_well()
    site.postgresql.drop_connections()
    assert site.is_well()
    assert site.sign_in() == 302


def test_a_connection_that_breaks_once_the_page_is_made_leaves_the_page_as_it_is(build: ExitStack) -> None:
    site = a_site(build, "postgresql")
    postgresql = site.postgresql
    assert postgresql is not None

    def drop(answer: Response) -> Response:
        postgresql.drop_connections()
        return answer

    site.app.after_request(drop)
    for page in PAGES:
        assert site.browser.get(page).status_code in {200, 302}
    assert site.sign_in() == 302


def test_a_connection_that_breaks_in_the_midst_of_a_request_saves_nothing(
    build: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = a_site(build, "postgresql")
    postgresql = site.postgresql
    assert postgresql is not None

    def drop_before_the_commit(user: User) -> None:
        db.session.flush()
        postgresql.drop_connections()

    monkeypatch.setattr("webapp.auth.views.begin_session", drop_before_the_commit)
    monkeypatch.setattr("webapp.auth.views.after_sign_in", db.session.commit)
    assert site.sign_in() == 503
    monkeypatch.undo()
    assert site.sign_in() == 302
    with site.app.app_context():
        assert [entry.event for entry in db.session.scalars(select(AuditEntry))].count("Signed in") == 1


def test_an_sqlite_file_that_somebody_holds_is_read_and_a_form_says_that_it_cannot_be_saved(
    build: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
    site = a_site(build, "sqlite")
    path = site.app.config["SETTINGS"].data_dir / "seatledger.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert site.is_well()
        assert site.sign_in() == 503
        other.execute("ROLLBACK")
    assert site.sign_in() == 302


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_without_redis_pages_are_shown_and_actions_say_what_to_do(build: ExitStack, kind: str) -> None:
    site = a_site(build, kind)
    site.redis.kill_without_its_data()
    assert site.is_well()
    assert site.sign_in() == 302
    assert site.app.test_client().post("/sign-in", data={"email": site.email, "password": "wrong"}).status_code == 401

    address = f"/account/integrations/{site.integration_id}"
    started = site.browser.post(f"{address}/sync", headers=HTMX)
    assert started.status_code == 200
    assert "The job queue cannot be reached" in started.text
    assert "This sync waits for it" in started.text
    looked = site.browser.post(f"{address}/tenants/find", follow_redirects=True)
    assert "The job queue cannot be reached" in looked.text

    site.redis.start()
    assert site.is_well()
    with site.app.app_context():
        queue.report_worker("one")
    assert site.browser.get("/readyz").json == {
        "ready": True,
        "database": True,
        "redis": True,
        "workers": 1,
        "problems": [],
    }
    with site.app.app_context():
        # What was asked for meanwhile waits in the database, where the sweep finds it.
        assert [run.state for run in db.session.scalars(select(SyncRun))] == [RunState.QUEUED]
