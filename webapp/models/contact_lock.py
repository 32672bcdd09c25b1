"""What locks a contact: the Microsoft 365 user that it is linked to; and since when, and why, nothing does any more."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from .base import DbSession
from .contact import Contact
from .directory import INTEGRATION_REMOVED, DirectoryUser, links, unlinked_since, was_linked
from .integration import Integration
from .tenant import Tenant


@dataclass(frozen=True)
class Lock:
    """From where the synced fields of a contact come; while there is one, nobody changes them here."""

    integration: str
    tenant: str
    tenant_id: str
    user_id: str
    last_synced_at: datetime | None


@dataclass(frozen=True)
class Unlinked:
    """Since when, and why, a contact that was linked is so no more; nothing of both until its link is cut.

    Nor of one that is linked.
    """

    at: datetime | None = None
    reason: str = ""

    @classmethod
    def of(cls, contact: Contact, since: datetime | None) -> Unlinked:
        """`since` is what `unlinked_since` found of the contact, which nobody links."""
        is_kept = contact.unlinked_at is None and since is not None
        return cls(since, INTEGRATION_REMOVED if is_kept else contact.unlinked_reason)


def locked_by(session: DbSession, contact: Contact) -> Lock | None:
    """The user who locks the contact's synced fields and e-mail addresses, or None where they may be edited."""
    return locks_of(session, [contact.id]).get(contact.id)


def locks_of(session: DbSession, contact_ids: Collection[int]) -> dict[int, Lock]:
    """Those of the contacts that are locked, each with what locks it, in one query. Ask for no more than a page."""
    return _read(session, _query().where(DirectoryUser.contact_id.in_(contact_ids)))


def unlinked_of(session: DbSession, contacts: Collection[Contact]) -> dict[int, Unlinked]:
    """Those of the contacts that were linked, each with since when it is so no more, unless it is in `locks_of`."""
    by_id = {contact.id: contact for contact in contacts}
    rows = session.execute(select(Contact.id, unlinked_since()).where(Contact.id.in_(by_id), was_linked()))
    return {contact_id: Unlinked.of(by_id[contact_id], since) for contact_id, since in rows}


def every_lock(session: DbSession, organization_ids: Collection[int] = ()) -> dict[int, Lock]:
    """All contacts that are locked, or those of these organizations, for whoever lists very many."""
    query = _query()
    if organization_ids:
        query = query.where(Contact.id == DirectoryUser.contact_id, Contact.organization_id.in_(organization_ids))
    return _read(session, query)


def _query() -> Select[*tuple[Any, ...]]:
    return (
        select(
            DirectoryUser.contact_id,
            Integration.name,
            Tenant.name,
            Tenant.tenant_id,
            DirectoryUser.user_id,
            Tenant.users_synced_at,
        )
        .where(links())
        .order_by(DirectoryUser.id)
    )


def _read(session: DbSession, query: Select[*tuple[Any, ...]]) -> dict[int, Lock]:
    locks: dict[int, Lock] = {}
    for contact_id, *facts in session.execute(query):
        # A person may be a user of two of the organization's tenants; the first one stands for both.
        locks.setdefault(contact_id, Lock(*facts))
    return locks
