"""The contacts of an organization by which users are recognized: only what some user asks for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Executable, select

from webapp.extensions import db
from webapp.models import Contact, ContactEmail, fold

from .matching import Known, Person

# Rows that are read at once; there may be a hundred thousand contacts, of which few are asked for.
_ROWS = {"yield_per": 2000}


def known_contacts(organization_id: int, people: Sequence[Person]) -> Known:
    """What is known of the organization's contacts that one of the people might be. Two queries, however many."""
    identities = {identity for person in people for identity in person.identities}
    names = {person.name for person in people if person.name}
    user_ids = {person.user_id for person in people}
    by_address, by_user_id, by_principal_name, by_name = (_Index() for _ in range(4))
    emails = select(ContactEmail.address_folded, ContactEmail.contact_id)
    for address, contact_id in _rows(emails.where(ContactEmail.organization_id == organization_id)):
        by_address.add(address, contact_id, identities)
    contacts = select(
        Contact.id,
        Contact.microsoft_user_id,
        Contact.user_principal_name,
        Contact.first_name,
        Contact.last_name,
        Contact.name_folded,
    )
    for row in _rows(contacts.where(Contact.organization_id == organization_id)):
        by_user_id.add(row.microsoft_user_id, row.id, user_ids)
        by_principal_name.add(fold(row.user_principal_name), row.id, identities)
        by_name.add(name_of(row), row.id, names)
    return Known(by_user_id.found, by_address.found, by_principal_name.found, by_name.found)


def name_of(contact: Any) -> str:
    """The first and last name of a contact, folded, by which a user is recognized; its name where it lacks one."""
    has_both = contact.first_name and contact.last_name
    return fold(f"{contact.first_name} {contact.last_name}") if has_both else str(contact.name_folded)


class _Index:
    def __init__(self) -> None:
        # Tuples, since there may be very many, most of one contact.
        self.found: dict[str, tuple[int, ...]] = {}

    def add(self, key: str, contact_id: int, wanted: Collection[str]) -> None:
        if key in wanted:
            self.found[key] = (*self.found.get(key, ()), contact_id)


def _rows(query: Executable) -> Iterable[Any]:
    return db.session.execute(query, execution_options=_ROWS)
