"""`python -m launcher.filling`: the demo's tenants, connected and matched, and its users."""

from __future__ import annotations

import sys

from sqlalchemy import select

from config import load
from jobs import queue
from sandbox import Estate, Tenant, demo_estate
from webapp import create_app
from webapp.administration import users
from webapp.administration.grants import Change as Grants
from webapp.administration.users import Rights
from webapp.database import declare_writing
from webapp.extensions import db
from webapp.integrations import adding, matching, sync_settings
from webapp.integrations.connecting import connect
from webapp.integrations.planning import carry_out, plan
from webapp.integrations.trying import Credentials
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

from .demo import ADDRESSES, PASSWORD
from .saying import or_say_why, say

# These are given a few organizations, the other roles all.
_LISTED = (Role.CREATOR, Role.LITE)
_GIVEN = 3


def _fill() -> None:
    """Connect and match the demo's tenants, start their first sync, and make its users. What is there is left."""
    estate = demo_estate()
    with create_app(load()).app_context():
        declare_writing()
        _integrate(estate)
        _make_users()


def _integrate(estate: Estate) -> None:
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
    for role in Role:
        if (address := ADDRESSES[role.label]) not in there:
            is_listed = role in _LISTED
            given = Grants(give=frozenset(few if is_listed else ()))
            users.create(db.session, address, PASSWORD, Rights(role, not is_listed, given))
    db.session.commit()


if __name__ == "__main__":
    sys.exit(or_say_why(_fill))
