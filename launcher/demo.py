"""The demo: Seatledger in a data directory of its own, its Microsoft being the sandbox, its tenants connected."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flask import Flask
from sqlalchemy import select

from config import Settings, chosen_data_dir, load
from jobs import queue
from sandbox import Sandbox, Tenant, demo_tenants
from webapp.database import declare_writing
from webapp.extensions import db
from webapp.integrations.connecting import Credentials, connect
from webapp.models import Cloud, Integration, Organization, Role, SyncRun, Trigger, User
from webapp.models import Tenant as TenantRow

EMAIL = "demo@seatledger.example"
PASSWORD = "demo demo demo"  # noqa: S105 - printed for everyone who starts the demo


def settings() -> Settings:
    """The settings with a data directory, a database and a Redis of the demo's own: real data is never touched."""
    os.environ["DATA_DIR"] = str(chosen_data_dir() / "demo")
    os.environ["DATABASE_URL"] = os.environ["REDIS_URL"] = ""
    return load()


@contextmanager
def sandbox(own: Settings) -> Iterator[Settings]:
    """Run the sandbox with the demo's tenants; yields the settings that point there, which children inherit."""
    with Sandbox(demo_tenants(), directory=own.data_dir / "sandbox") as running:
        os.environ["MICROSOFT_LOGIN_URL"] = os.environ["MICROSOFT_GRAPH_URL"] = running.url
        os.environ["MICROSOFT_CA_BUNDLE"] = str(running.ca_bundle)
        yield load()


def fill(app: Flask, say: Callable[[str], None]) -> None:
    """Create the demo's user, connect and match its tenants, and start their first sync. What is there is left."""
    with app.app_context():
        declare_writing()
        _create_user()
        known = set(db.session.scalars(select(Integration.home_tenant_id)))
        db.session.rollback()
        for tenant in demo_tenants():
            if tenant.tenant_id not in known:
                say(f"  Connecting {tenant.display_name}")
                _connect(tenant)


def _create_user() -> None:
    if db.session.scalar(select(User).where(User.email == EMAIL)) is None:
        user = User(email=EMAIL, role=Role.ADMINISTRATOR)
        user.set_password(PASSWORD)
        db.session.add(user)
        db.session.commit()


def _connect(tenant: Tenant) -> None:
    def match(row: TenantRow) -> None:
        row.match(Organization(name=tenant.display_name))

    def ask(sealed: str) -> dict[str, object]:
        return queue.run_here("jobs.connect.check", sealed)

    credentials = Credentials(Cloud.GLOBAL, tenant.tenant_id, tenant.client_id, tenant.secret)
    saved = connect(ask, tenant.display_name, credentials, match)
    run, _ = SyncRun.begin(db.session, saved.integration_id, Trigger.COMMAND)
    db.session.commit()
    queue.sync(run.id)
