"""Asking only for what changed among a tenant's users: whether that will do, and from where."""

from __future__ import annotations

from datetime import datetime, timedelta

from webapp.extensions import db
from webapp.models import Tenant, UserTracking

from .microsoft.users import UsersRead, Wanted
from .people.basis import basis_of, is_settled
from .people.stored import how_many

# So often the users are read whole, which puts right what changes did not tell: Microsoft's links are good for a week,
# and tell nothing of a license that is assigned in another way than before.
WHOLE_EVERY = timedelta(hours=24)


def wanted(tenant: Tenant, now: datetime) -> Wanted:
    """What to read of the tenant's users now."""
    tracking = db.session.get(UserTracking, tenant.id)
    if tracking is None or not timedelta(0) <= now - tracking.read_at < WHOLE_EVERY:
        return Wanted()
    if not tracking.link:
        return Wanted(tracks=False)
    if not holds(tenant):
        return Wanted()
    return Wanted(tracking.link, known=how_many(tenant.id))


def holds(tenant: Tenant) -> bool:
    """Whether what is stored of the tenant's users needs nothing but their changes."""
    tracking = db.session.get(UserTracking, tenant.id)
    return tracking is not None and tracking.basis == basis_of(tenant) and is_settled(tenant)


def note(tenant: Tenant, read: UsersRead | None, now: datetime) -> None:
    """Keep where the next changes are asked for, once what was read is written, in the same transaction."""
    if read is None or read.says_nothing_new:
        return
    tracking = db.session.get(UserTracking, tenant.id)
    if not read.is_whole:
        if tracking is not None:
            tracking.link = read.link
        return
    basis = basis_of(tenant)
    if tracking is None:
        db.session.add(UserTracking(tenant_id=tenant.id, link=read.link, basis=basis, read_at=now))
    else:
        tracking.link, tracking.basis, tracking.read_at = read.link, basis, now
