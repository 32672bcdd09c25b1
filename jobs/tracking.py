"""Asking only for what changed among a tenant's users: whether that will do, and from where."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select

from webapp.extensions import db
from webapp.models import DirectoryUser, Tenant, UserTracking

from .microsoft.users import UsersRead, Wanted
from .people.basis import basis_of, is_settled

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
    return Wanted(tracking.link, known=known(tenant.id))


def holds(tenant: Tenant) -> bool:
    """Whether what is stored of the tenant's users needs nothing but their changes."""
    tracking = db.session.get(UserTracking, tenant.id)
    return tracking is not None and tracking.basis == basis_of(tenant) and is_settled(tenant)


def known(tenant_id: int) -> int:
    """How many users of the tenant of this row are stored."""
    counted = select(func.count()).select_from(DirectoryUser).where(DirectoryUser.tenant_id == tenant_id)
    return db.session.scalars(counted).one()


def note(tenant: Tenant, read: UsersRead | None, now: datetime) -> None:
    """Keep where the next changes are asked for, once what was read is written, in the same transaction."""
    if read is None or read.says_nothing_new:
        return
    basis = basis_of(tenant)
    tracking = db.session.get(UserTracking, tenant.id)
    if tracking is None:
        db.session.add(UserTracking(tenant_id=tenant.id, link=read.link, basis=basis, read_at=now))
        return
    tracking.link = read.link
    if read.is_whole:
        tracking.basis, tracking.read_at = basis, now
