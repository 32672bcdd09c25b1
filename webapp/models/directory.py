"""What is kept of the users of Microsoft 365 tenants, and of the licenses that they hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ForeignKey,
    Index,
    Text,
    UniqueConstraint,
    and_,
    func,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from .base import DbSession, Model, primary_key, utc_now
from .contact import Contact
from .integration import Integration
from .portions import in_portions
from .statements import UNSYNCHRONIZED
from .tenant import Tenant
from .user_tracking import UserTracking

# Why a contact is linked no more, where no `Refusal` of the rules says so.
DELETED_USER = "Deleted from Microsoft 365"
ANOTHER_ORGANIZATION = "The tenant belongs to another organization now"
INTEGRATION_REMOVED = "The integration was removed"
NOT_MATCHED_ANY_MORE = "Its Microsoft 365 tenant is not matched to this organization any more."


class DirectoryUser(Model):
    """A user of a tenant: who of the contacts it is, and what decides whether it qualifies. No name is kept here.

    `contact_id` says which contact is tagged on the licenses that it holds. Only where it also `qualifies` is that
    contact linked to it, and has its synced fields from it; else the two are merely known to be one person: by the
    sync before, or by an address, where users are not synced. Names are kept in contacts only, so that where users
    are not synced, nobody's is.
    """

    __tablename__ = "directory_user"
    __table_args__ = (
        UniqueConstraint("tenant_id", "user_id"),
        Index("ix_directory_user_contact_id", "contact_id"),
    )

    id: Mapped[primary_key]
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id", ondelete="CASCADE"))
    # The object id in Microsoft's directory: a GUID in lower case.
    user_id: Mapped[str] = mapped_column(Text)
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id", ondelete="SET NULL"))
    is_guest: Mapped[bool] = mapped_column(default=False)
    is_blocked: Mapped[bool] = mapped_column(default=False)
    # Whether it met the sync settings when it was last synced.
    qualifies: Mapped[bool] = mapped_column(default=False)
    # Of all that was read of it when it was last written, and of the licenses' rows that it holds: where it is the same
    # there is nothing to compare. Empty where it was written by a version that did not keep it.
    facts_hash: Mapped[int | None] = mapped_column(BigInteger)


class Assignment(Model):
    """A user holds a license, directly, through a group, or both: it tags the user's contact on the license."""

    __tablename__ = "assignment"
    __table_args__ = (Index("ix_assignment_directory_user_id", "directory_user_id"),)

    license_id: Mapped[int] = mapped_column(ForeignKey("license.id", ondelete="CASCADE"), primary_key=True)
    directory_user_id: Mapped[int] = mapped_column(
        ForeignKey("directory_user.id", ondelete="CASCADE"), primary_key=True
    )
    is_direct: Mapped[bool]
    is_through_group: Mapped[bool]


def links() -> ColumnElement[bool]:
    """The condition on `DirectoryUser` that it links its contact. The query names `Tenant` and `Integration`, too."""
    return and_(links_if_live(), Tenant.integration_id == Integration.id, Integration.is_live)


def links_if_live() -> ColumnElement[bool]:
    """The condition that it does so, or would if its integration were live. The query names `Tenant`, too."""
    return and_(
        DirectoryUser.qualifies,
        DirectoryUser.contact_id.is_not(None),
        DirectoryUser.tenant_id == Tenant.id,
        Tenant.departed_from_id.is_(None),
    )


def is_linked() -> Any:
    """The condition on `Contact` that it is linked."""
    linking = select(DirectoryUser.id, Tenant.id, Integration.id).where(DirectoryUser.contact_id == Contact.id, links())
    return linking.correlate(Contact).exists()


def was_linked() -> ColumnElement[bool]:
    """The condition on `Contact` that it is linked or was, be it by a link that is there and counts for nothing."""
    left = select(DirectoryUser.id).where(DirectoryUser.contact_id == Contact.id, DirectoryUser.qualifies)
    return or_(Contact.unlinked_at.is_not(None), left.correlate(Contact).exists())


def unlinked_since() -> Any:
    """Of a `Contact` that was linked, and is no more, since when, as far as that is known.

    Where an integration is removed and its data kept, nothing is marked contact by contact: its links stay, and do not
    count from then on. Where another user links the contact, this means nothing.
    """
    removed_at = (
        select(func.max(Integration.disconnected_at))
        .select_from(DirectoryUser)
        .join(Tenant, DirectoryUser.tenant_id == Tenant.id)
        .join(Integration, Tenant.integration_id == Integration.id)
        .where(DirectoryUser.contact_id == Contact.id, DirectoryUser.qualifies)
    )
    return func.coalesce(Contact.unlinked_at, removed_at.correlate(Contact).scalar_subquery())


def unlink_contacts(session: DbSession, reasons: Mapping[int, str]) -> int:
    """Mark these contacts, each for its reason, as unlinked; those stay that another user links. Returns how many."""
    unlinked = 0
    for some in in_portions(sorted(reasons)):
        by_reason: dict[str, list[int]] = defaultdict(list)
        for contact_id in _held_in_order(session, some):
            by_reason[reasons[contact_id]].append(contact_id)
        for reason, contact_ids in by_reason.items():
            unlinked += _mark_lost(session, contact_ids, reason)
    return unlinked


def unlink_users(
    session: DbSession, tenant_ids: Sequence[int], reason: str, of_these: ColumnElement[bool] | None = None
) -> None:
    """Cut all links of the tenants' users, and mark the contacts as unlinked that no other tenant's user links.

    For whoever changes what a tenant is matched to, in that transaction and after the change: the caller holds the
    tenants' rows. The next sync finds the same contacts again where the tenant comes back to their organization.
    A condition on `DirectoryUser` leaves the links of others as they are.
    """
    for some in in_portions(sorted(tenant_ids)):
        own = and_(DirectoryUser.tenant_id.in_(some), true() if of_these is None else of_these)
        linked = select(DirectoryUser.contact_id).where(own, has_link(), DirectoryUser.qualifies).distinct()
        for contact_ids in in_portions(sorted(filter(None, session.scalars(linked)))):
            _mark_lost(session, _held_in_order(session, contact_ids), reason, besides=some)
        cut = update(DirectoryUser).where(own, has_link())
        session.execute(cut.values(contact_id=None, qualifies=False), execution_options=UNSYNCHRONIZED)
        # Nothing changes at Microsoft by it, so none of these users would be among what changed.
        UserTracking.forget(session, *some)


def _held_in_order(session: DbSession, contact_ids: Sequence[int]) -> Sequence[int]:
    """Hold contacts that are about to be unlinked as whoever unlinks many does, so that no two wait for each other.

    Returns those that there are.
    """
    held = select(Contact.id).where(Contact.id.in_(contact_ids)).order_by(Contact.id)
    return session.scalars(held.with_for_update(key_share=True)).all()


def _mark_lost(session: DbSession, contact_ids: Sequence[int], reason: str, besides: Collection[int] = ()) -> int:
    """Mark those of these contacts as unlinked that no user of a tenant `besides` these links. Returns how many.

    By their ids, and not in a join: where PostgreSQL counted the tables while they were empty, it reads all users for
    each contact, which takes minutes.
    """
    linked = select(DirectoryUser.contact_id).where(DirectoryUser.contact_id.in_(contact_ids), links())
    if besides:
        linked = linked.where(DirectoryUser.tenant_id.not_in(besides))
    lost = sorted(set(contact_ids).difference(session.scalars(linked)))
    if lost:
        mark = update(Contact).where(Contact.id.in_(lost)).values(**as_unlinked(reason))
        session.execute(mark, execution_options=UNSYNCHRONIZED)
    return len(lost)


def has_link() -> ColumnElement[bool]:
    """The condition on `DirectoryUser` that there is something to cut, whether it counts or not."""
    return or_(DirectoryUser.contact_id.is_not(None), DirectoryUser.qualifies)


def as_unlinked(reason: str) -> dict[str, Any]:
    """What a contact says that is unlinked now, for this reason."""
    now = utc_now()
    return {"unlinked_at": now, "unlinked_reason": reason, "changed_at": now}
