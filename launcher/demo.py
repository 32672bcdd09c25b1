"""The demo: Seatledger in a data directory of its own, its Microsoft being the sandbox, its tenants connected."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dotenv import set_key
from flask import Flask
from sqlalchemy import select

from config import BESIDE, Settings, chosen_data_dir, load
from jobs import queue
from sandbox import Estate, Sandbox, Tenant, demo_estate
from webapp.administration import users
from webapp.administration.grants import Change as Grants
from webapp.administration.users import Rights
from webapp.database import declare_writing
from webapp.extensions import db
from webapp.integrations import adding, matching, sync_settings
from webapp.integrations.connecting import Credentials, connect
from webapp.integrations.planning import carry_out, plan
from webapp.models import (
    Cloud,
    Integration,
    Kind,
    MatchingAction,
    Organization,
    Role,
    SyncRun,
    Trigger,
    User,
    UserSync,
    utc_now,
)
from webapp.models import Tenant as TenantRow
from webapp.models.user_rules import UserRules

# Who signs in, one of each role; all have the same password.
ADDRESSES = {
    Role.ADMINISTRATOR: "demo@seatledger.example",
    Role.MANAGER: "manager@seatledger.example",
    Role.EDITOR: "editor@seatledger.example",
    Role.CREATOR: "creator@seatledger.example",
    Role.LITE: "lite@seatledger.example",
    Role.READ_ONLY: "reader@seatledger.example",
}
EMAIL = ADDRESSES[Role.ADMINISTRATOR]
PASSWORD = "demo demo demo"  # noqa: S105 - printed for everyone who starts the demo

# These are given a few organizations, the other roles all.
_LISTED = (Role.CREATOR, Role.LITE)
_GIVEN = 3


def settings() -> Settings:
    """The settings with a data directory, a database and a Redis of the demo's own: real data is never touched."""
    os.environ["DATA_DIR"] = str(chosen_data_dir() / "demo")
    os.environ["DATABASE_URL"] = os.environ["REDIS_URL"] = ""
    return load()


@contextmanager
def sandbox(own: Settings) -> Iterator[Settings]:
    """Run the sandbox with the demo's tenants; yields the settings that point there, which children inherit.

    Commands beside it are no children: they find them in the data directory, for as long as the sandbox runs.
    """
    beside = own.data_dir / BESIDE
    with Sandbox(demo_estate().tenants, directory=own.data_dir / "sandbox") as running:
        there = dict.fromkeys(("MICROSOFT_LOGIN_URL", "MICROSOFT_GRAPH_URL"), running.url)
        there["MICROSOFT_CA_BUNDLE"] = str(running.ca_bundle)
        os.environ.update(there)
        for name, value in there.items():
            set_key(beside, name, value)
        try:
            yield load()
        finally:
            beside.unlink(missing_ok=True)


def fill(app: Flask, say: Callable[[str], None]) -> None:
    """Connect and match the demo's tenants, start their first sync, and make its users. What is there is left."""
    estate = demo_estate()
    with app.app_context():
        declare_writing()
        _integrate(estate, say)
        _make_users()


def _integrate(estate: Estate, say: Callable[[str], None]) -> None:
    known = set(db.session.scalars(select(Integration.home_tenant_id)))
    db.session.rollback()
    if estate.partner.tenant_id not in known:
        say(f"  Connecting the partner {estate.partner.display_name} with {len(estate.customers)} customers")
        integration_id = _connect(estate.partner, "Clearwater partner", Kind.PARTNER)
        queue.run_here("jobs.discovery.discover", integration_id)
        _begin(integration_id, UserRules(UserSync.ALL))
    first, *others = estate.direct
    if first.tenant_id not in known:
        say(f"  Connecting {len(estate.direct)} tenants directly")
        integration_id = _connect(first, "Direct customers", Kind.DIRECT)
        integration = db.session.get_one(Integration, integration_id)
        addition_id = adding.add(integration, [tenant.domains[-1] for tenant in others], None, "demo")
        queue.run_here("jobs.adding.add_here", addition_id)
        _begin(integration_id, UserRules(UserSync.OFF))


def _connect(tenant: Tenant, name: str, kind: Kind) -> int:
    def ask(sealed: str) -> dict[str, object]:
        return queue.run_here("jobs.connect.check", sealed)

    credentials = Credentials(Cloud.GLOBAL, tenant.tenant_id, tenant.client_id, tenant.secret)
    return connect(ask, name, credentials, kind=kind).integration_id


def _begin(integration_id: int, rules: UserRules) -> None:
    """Match the tenants to organizations of their names, choose which users become contacts, and sync."""
    matching.take_turns(db.session)
    ids = db.session.scalars(select(TenantRow.id).where(TenantRow.integration_id == integration_id)).all()
    tenants = matching.hold(db.session, ids)
    carry_out(db.session, tenants, plan(db.session, MatchingAction.CREATE, tenants.values()).steps, utc_now())
    integration = db.session.get_one(Integration, integration_id)
    sync_settings.change(db.session, integration, sync_settings.Change(users=rules))
    run, _ = SyncRun.begin(db.session, integration_id, Trigger.COMMAND)
    db.session.commit()
    queue.sync(run.id)


def _make_users() -> None:
    there = set(db.session.scalars(select(User.email)))
    few = db.session.scalars(select(Organization.id).order_by(Organization.name_folded).limit(_GIVEN)).all()
    for role, address in ADDRESSES.items():
        if address not in there:
            is_listed = role in _LISTED
            given = Grants(give=frozenset(few if is_listed else ()))
            users.create(db.session, address, PASSWORD, Rights(role, not is_listed, given))
    db.session.commit()
