"""Tenants that left an organization, and whose users' links to its contacts are still to be cut.

Cutting takes as long as there are users. So where there may be very many, whoever changes what tenants are matched to
only marks them with the organization that they left (`Tenant.departed_from_id`), and from then on none of these links
counts (`directory.links`). They are cut in portions, each a transaction that holds the tenant and passes over what
somebody else holds; the last one takes the mark off. So it does not matter how many jobs do it, how often, or where one
of them dies: whatever is left is found by the next. A tenant that comes back meanwhile has its links as they were, but
for those that are cut by then: the next sync finds these contacts again.

No sync links a user while its tenant is marked: it cuts what is left first (`settle`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, func, or_, select, update

from .base import DbSession
from .contact import Contact
from .contact_turns import have_turns, take_turn
from .directory import (
    NOT_MATCHED_ANY_MORE,
    DirectoryUser,
    as_unlinked,
    has_link,
    is_linked,
    unlink_users,
)
from .integration import Integration, Removal
from .portions import in_portions
from .statements import UNSYNCHRONIZED
from .tenant import Tenant

# The links of so many users are cut within a request: it takes about half a second.
AT_ONCE = 5_000
# And the contacts of so many organizations: PostgreSQL has room for some thousand turns, of all who have one together.
MOST_ORGANIZATIONS = 500
# Users of whom one transaction cuts the links: few enough that nobody waits long to write.
BATCH = 500


class Place(NamedTuple):
    """How far the cutting came: past this tenant, or with a user's id, past that user of it.

    Who goes on there passes over no user again that was cut: of a very large tenant that would take longer each time.
    """

    tenant_id: int
    user_id: str = ""


START = Place(0)


def are_few(session: DbSession, tenant_ids: Collection[int]) -> bool:
    """Whether these tenants have so few users that their links are cut while somebody waits."""
    left = AT_ONCE
    for some in in_portions(sorted(tenant_ids)):
        # No more are looked at than it takes to know.
        users = select(DirectoryUser.id).where(DirectoryUser.tenant_id.in_(some)).limit(left + 1).subquery()
        left -= session.scalars(select(func.count()).select_from(users)).one()
        if left < 0:
            return False
    return True


def have_contacts_turns(session: DbSession, tenant_ids: Collection[int]) -> bool:
    """Whether nobody else writes the contacts to which users of these few tenants are linked.

    Until this transaction ends, nobody will: a sync of another tenant of an organization writes its contacts in another
    order than who unlinks them holds them. It may be long at it, so it is not waited for.
    """
    organization_ids: set[int] = set()
    for some in in_portions(sorted(tenant_ids)):
        linked = DirectoryUser.tenant_id.in_(some), DirectoryUser.qualifies
        found = select(Contact.organization_id).join(DirectoryUser, DirectoryUser.contact_id == Contact.id)
        organization_ids.update(session.scalars(found.where(*linked).distinct()))
    return len(organization_ids) <= MOST_ORGANIZATIONS and have_turns(session, organization_ids)


def is_any_left(session: DbSession) -> bool:
    """Whether links are to be cut."""
    marked = select(Tenant.id).join(Tenant.integration).where(_is_to_be_cut()).limit(1)
    return session.scalar(marked) is not None


def cut_some(session: DbSession, after: Place) -> Place | None:
    """Cut links of the next users of whom some are to be cut, in the transaction that is open.

    Returns after which to go on, or None where there is no further tenant. One that somebody else holds, or whose
    organization's contacts a sync just writes, is passed over.
    """
    found = _next(session, after)
    if found is None:
        return None
    tenant_id, integration_id, organization_id, left_id = found
    if not _is_free(session, integration_id, left_id):
        return Place(tenant_id)
    if organization_id != left_id:
        first_after = after.user_id if tenant_id == after.tenant_id else ""
        last = _cut_portion(session, tenant_id, first_after)
        if last:
            return Place(tenant_id, last)
        if first_after:
            return Place(tenant_id - 1)  # once more from its first user on, before it counts as done
    # Else none is left, or a page of the version before has matched it again: that one leaves the mark as it is.
    unmark = update(Tenant).where(Tenant.id == tenant_id).values(departed_from_id=None)
    session.execute(unmark, execution_options=UNSYNCHRONIZED)
    return Place(tenant_id)


def settle(session: DbSession, tenant: Tenant) -> None:
    """Cut what is left of the tenant's links, where it is marked, so that it can be synced; the caller holds it."""
    if tenant.departed_from_id is None:
        return
    if tenant.departed_from_id != tenant.organization_id:
        # The second one is for the sync: of two tenants that change places none waits for the other.
        take_turn(session, tenant.departed_from_id, tenant.organization_id or tenant.departed_from_id)
        unlink_users(session, [tenant.id], NOT_MATCHED_ANY_MORE)
    tenant.departed_from_id = None


def let_go(session: DbSession, contact_id: int) -> None:
    """Mark the contact as unlinked now, where that is still to be done; the caller holds it and is about to edit it.

    Should its tenant come back before it is cut, the next sync sees by it that the contact is not as its user left it.
    """
    linking = (
        select(DirectoryUser.id)
        .join(Tenant, Tenant.id == DirectoryUser.tenant_id)
        .where(DirectoryUser.contact_id == Contact.id, DirectoryUser.qualifies, Tenant.departed_from_id.is_not(None))
    )
    lost = update(Contact).where(Contact.id == contact_id, ~is_linked(), linking.correlate(Contact).exists())
    session.execute(lost.values(**as_unlinked(NOT_MATCHED_ANY_MORE)), execution_options=UNSYNCHRONIZED)


def _is_to_be_cut() -> ColumnElement[bool]:
    """The condition on `Tenant`, and `Integration`: the removal that deletes the users unlinks their contacts, too."""
    is_kept = or_(Integration.removal.is_(None), Integration.removal != Removal.DELETE)
    return Tenant.departed_from_id.is_not(None) & is_kept


def _next(session: DbSession, after: Place) -> tuple[int, int, int | None, int] | None:
    """The tenant, its integration, the organization that it is matched to, and the one that it left: their ids."""
    marked = (
        select(Tenant.id, Tenant.integration_id, Tenant.organization_id, Tenant.departed_from_id)
        .join(Tenant.integration)
        .where(_is_to_be_cut(), Tenant.id >= after.tenant_id if after.user_id else Tenant.id > after.tenant_id)
        .order_by(Tenant.id)
        .limit(1)
    )
    found = session.execute(marked.with_for_update(key_share=True, skip_locked=True, of=Tenant)).first()
    return None if found is None else (found[0], found[1], found[2], found[3] or 0)


def _is_free(session: DbSession, integration_id: int, left_id: int) -> bool:
    """Whether nobody deletes users of the integration just now, nor writes contacts of the organization that was left.

    What they hold is taken without waiting for it, so it does not matter in which order others take it.
    """
    integration = select(Integration.id).where(Integration.id == integration_id)
    held = session.scalar(integration.with_for_update(read=True, key_share=True, skip_locked=True))
    return held is not None and have_turns(session, [left_id])


def _cut_portion(session: DbSession, tenant_id: int, after: str) -> str:
    """Returns the id of the last user that was cut; empty where there are no more after it."""
    own = and_(DirectoryUser.tenant_id == tenant_id, has_link(), DirectoryUser.user_id > after)
    some = select(DirectoryUser.user_id).where(own).order_by(DirectoryUser.user_id).limit(BATCH).subquery()
    bounds = select(func.count(), func.min(some.c.user_id), func.max(some.c.user_id))
    count, first, last = session.execute(bounds).one()
    # By their bounds: thousands of ids, there and back, would take as long as cutting does.
    portion = DirectoryUser.user_id.between(first, last)
    unlink_users(session, [tenant_id], NOT_MATCHED_ANY_MORE, portion)
    return last if count == BATCH else ""
