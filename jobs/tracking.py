"""Asking only for what changed among a tenant's users: whether that will do, and from where."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Insert, Row, bindparam, select

from webapp.extensions import db
from webapp.models import Tenant, UserTracking
from webapp.models.statements import insert_or, table_of

from .licenses import Stored
from .microsoft.users import UsersRead, Wanted
from .people.basis import UNSETTLED, Basis, basis_of
from .people.stored import COUNT

# So often the users are read whole, which puts right what changes did not tell: Microsoft's links are good for a week,
# and tell nothing of a license that is assigned in another way than before.
WHOLE_EVERY = timedelta(hours=24)


def wanted(tenant: Tenant, licenses: Stored, now: datetime) -> Wanted:
    """What to read of the tenant's users now; `licenses` are those that are stored of it."""
    tracking = _tracking(tenant)
    if tracking is None or not timedelta(0) <= now - tracking.read_at < WHOLE_EVERY:
        return Wanted()
    if not tracking.link:
        return Wanted(tracks=False)
    if not _can_be_built_upon(tracking, basis_of(tenant, licenses)):
        return Wanted()
    return Wanted(tracking.link, known=tracking.users)


def holds(tenant: Tenant, basis: Basis) -> bool:
    """Whether what is stored of the tenant's users needs nothing but their changes."""
    tracking = _tracking(tenant)
    return tracking is not None and _can_be_built_upon(tracking, basis)


def note(tenant: Tenant, read: UsersRead | None, basis: Basis, now: datetime) -> None:
    """Keep where the next changes are asked for, in the transaction in which what was read is written by this basis."""
    if read is None or read.says_nothing_new:
        return
    if read.is_whole and read.link is None:
        UserTracking.forget(db.session, tenant.id)  # so that the next sync begins anew to track it
    elif read.is_whole:
        new = {"tenant_id": tenant.id, "link": read.link, "basis": basis.digest, "read_at": now}
        db.session.execute(_remember(db.engine.dialect.name), new)
    else:
        db.session.execute(_GO_ON, {"of": tenant.id, "next": read.link})


def _can_be_built_upon(tracking: Row[Any], basis: Basis) -> bool:
    return bool(tracking.basis == basis.digest and tracking.is_settled)


def _tracking(tenant: Tenant) -> Row[Any] | None:
    return db.session.execute(_FIND, {"tenant_id": tenant.id, "organization_id": tenant.organization_id}).first()


_TABLE = table_of(UserTracking)
# All at once, since it is asked of each tenant in each sync.
_FIND = select(
    _TABLE.c.link,
    _TABLE.c.basis,
    _TABLE.c.read_at,
    COUNT.scalar_subquery().label("users"),
    UNSETTLED.scalar_subquery().is_(None).label("is_settled"),
).where(_TABLE.c.tenant_id == bindparam("tenant_id"))
_GO_ON = _TABLE.update().where(_TABLE.c.tenant_id == bindparam("of")).values(link=bindparam("next"))


@cache
def _remember(dialect: str) -> Insert:
    insert = insert_or(_TABLE, dialect)
    new = {name: insert.excluded[name] for name in ("link", "basis", "read_at")}
    return insert.on_conflict_do_update(index_elements=["tenant_id"], set_=new)
