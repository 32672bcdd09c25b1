"""A Seatledger of its own for one measurement: database, Redis, tenants to sync, and real worker processes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import select, update

from benchmarks.processes import Used, Watch, connections_to, running
from jobs import queue, tracking
from sandbox import Control
from sandbox import Tenant as SandboxTenant
from tests.support.services import redis_server
from tests.support.settings import environment_of, make_settings
from webapp import create_app
from webapp.database import declare_writing
from webapp.extensions import db
from webapp.models import (
    DirectoryUser,
    FlexibleAssetType,
    Integration,
    Organization,
    RunState,
    SyncRun,
    Tenant,
    Trigger,
    UserTracking,
    utc_now,
)
from webapp.models.user_rules import UserSync

# What SYNC_TENANTS_AT_ONCE is where nobody sets it.
TENANTS_AT_ONCE = 16

_POLL_SECONDS = 0.05
_GIVE_UP_SECONDS = 3600


@dataclass(frozen=True)
class Pass:
    """One run over all tenants: what it took, what it sent, and what it wrote."""

    seconds: float
    used: Used
    # Over the wire, as the sandbox counted them.
    requests: int
    rows_written: int
    most_connections: int


@dataclass(frozen=True)
class Installation:
    """With an open app context."""

    app: Flask
    sandbox: Control
    integration_id: int
    # Of the tenants by which workers warm up; 0 where there are none.
    warming_up_id: int
    directory: Path

    @contextmanager
    def workers(self, count: int) -> Iterator[list[int]]:
        """So many worker processes, ready to work; yields their ids."""
        settings = self.app.config["SETTINGS"]
        environment = {
            **environment_of(settings),
            "SYNC_TENANTS_AT_ONCE": str(TENANTS_AT_ONCE),
            "LOG_LEVEL": "warning",
        }
        command = [sys.executable, "-m", "jobs.worker"]
        with ExitStack() as stack:
            log = self.directory / "workers.log"
            pids = [stack.enter_context(running(command, log, environment)) for _ in range(count)]
            _wait(lambda: queue.workers_alive() == count)
            yield pids

    def warm_up(self, workers: Sequence[int]) -> None:
        """Let the workers load, connect and compile what a worker does once in its life."""
        self._sync(workers, self.warming_up_id)

    def sync(self, workers: Sequence[int]) -> Pass:
        """Start a run as the pages do, and wait for its end. Ends the program where the run does not end OK."""
        return self._sync(workers, self.integration_id)

    def _sync(self, workers: Sequence[int], integration_id: int) -> Pass:
        self.sandbox.reset_counts()
        watch, port, most = Watch(workers), urlsplit(self.sandbox.url).port or 0, 0
        began = time.perf_counter()
        run, _ = SyncRun.begin(db.session, integration_id, Trigger.COMMAND)
        run_id = run.id
        db.session.commit()
        queue.sync(run_id)

        def has_ended() -> bool:
            nonlocal most
            most = max(most, connections_to(port))
            return db.session.scalars(select(SyncRun.finished_at).where(SyncRun.id == run_id)).one() is not None

        _wait(has_ended)
        seconds = time.perf_counter() - began
        used = watch.used()
        run = db.session.get_one(SyncRun, run_id)
        if run.state != RunState.OK:
            raise SystemExit(f"The run ended as {run.state}: {run.reason} {self.directory / 'workers.log'} says more.")
        sent = self.sandbox.counts()["http"]
        found = Pass(seconds, used, sent, run.rows_written, most)
        db.session.commit()
        return found

    def some_users(self, count: int) -> list[str]:
        """The ids, in Microsoft's directory, of so many of the users that are contacts."""
        linked = select(DirectoryUser.user_id).where(DirectoryUser.qualifies).order_by(DirectoryUser.id).limit(count)
        found = list(db.session.scalars(linked))
        db.session.rollback()
        return found

    def let_users_be_read_whole(self) -> None:
        """As if all users had been read whole for the last time a day ago."""
        db.session.execute(update(UserTracking).values(read_at=utc_now() - 2 * tracking.WHOLE_EVERY))
        db.session.commit()


@contextmanager
def installed(
    directory: Path, database_url: str, sandbox: Control, tenants: Sequence[SandboxTenant], first: int = 0
) -> Iterator[Installation]:
    """A Seatledger in a directory of its own with one integration that reaches all these tenants, each matched.

    The first ones, so many, are another integration's, by which workers warm up. All have one app registration, as
    where an MSP's app was consented to in each, and all their users become contacts. An empty `database_url` is SQLite.
    """
    with redis_server() as redis_url, app_on(directory, database_url, redis_url, sandbox) as app:
        declare_writing()
        warming_up = _connect("Warming up", tenants[:first]) if first else 0
        yield Installation(app, sandbox, _connect("All", tenants[first:]), warming_up, directory)


@contextmanager
def app_on(directory: Path, database_url: str, redis_url: str = "", sandbox: Control | None = None) -> Iterator[Flask]:
    """An app on an empty database whose tables are made, with an open app context."""
    directory.mkdir(parents=True)
    changes = {"database_url": database_url} if database_url else {}
    if redis_url:
        changes["redis_url"] = redis_url
    if sandbox is not None:
        addresses = {"microsoft_login_url": sandbox.url, "microsoft_graph_url": sandbox.url}
        changes |= {**addresses, "microsoft_ca_bundle": str(sandbox.ca_bundle)}
    app = create_app(make_settings(directory, **changes))
    with app.app_context():
        upgrade()
        try:
            yield app
        finally:
            db.session.remove()
            db.engine.dispose()


def new_database(server_url: str, name: str) -> str:
    """A new empty database of a PostgreSQL server; returns its URL, for SQLAlchemy."""
    plain = server_url.replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    parts = urlsplit(server_url)
    return parts._replace(path=f"/{name}").geturl()


def _connect(name: str, tenants: Sequence[SandboxTenant]) -> int:
    """Returns the id of the integration."""
    FlexibleAssetType.ensure_licenses(db.session)
    home = tenants[0]
    integration = Integration(name=name, home_tenant_id=home.tenant_id, client_id=home.client_id)
    integration.client_secret = home.secret
    integration.sync_users = UserSync.ALL
    for number, tenant in enumerate(tenants):
        called = tenant.display_name
        organization = Organization(name=f"{called} {number}")
        integration.tenants.append(Tenant(tenant_id=tenant.tenant_id, name=called, organization=organization))
    db.session.add(integration)
    db.session.commit()
    return integration.id


def _wait(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + _GIVE_UP_SECONDS
    while not condition():
        db.session.rollback()
        if time.monotonic() > deadline:
            raise SystemExit(f"It was not done within {_GIVE_UP_SECONDS} seconds.")
        time.sleep(_POLL_SECONDS)
    db.session.rollback()
