"""What locks a contact: the Microsoft 365 user that it is linked to."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from .base import DbSession
from .contact import Contact
from .directory import DirectoryUser, links
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


def locked_by(session: DbSession, contact: Contact) -> Lock | None:
    """The user who locks the contact's synced fields and e-mail addresses, or None where they may be edited."""
    return locks_of(session, [contact.id]).get(contact.id)


def locks_of(session: DbSession, contact_ids: Collection[int]) -> dict[int, Lock]:
    """Those of the contacts that are locked, each with what locks it, in one query. Ask for no more than a page."""
    return _read(session, _query().where(DirectoryUser.contact_id.in_(contact_ids)))


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
