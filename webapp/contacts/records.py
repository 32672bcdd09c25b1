"""What people type of a contact, and making, changing, deleting one. What is locked is never written here."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from typing import Any

import email_validator

from .. import audit
from ..models import AuditArea, Contact, ContactEmail, Organization, departed, fold, utc_now
from ..models.base import DbSession
from ..models.contact_lock import locked_by
from ..text import clipped, first_of, one_line, several_lines

LONGEST_TEXT = 200
LONGEST_NUMBER = 100
LONGEST_ADDRESS = 254
LONGEST_NOTES = 10_000
MOST_ADDRESSES = 50

OWN_FIELDS = ("location", "notes")


@dataclass(frozen=True)
class Details:
    """What is kept of a contact, as it is stored. The first of the e-mail addresses is the one to write to."""

    name: str
    first_name: str = ""
    last_name: str = ""
    title: str = ""
    phone: str = ""
    mobile: str = ""
    emails: tuple[str, ...] = ()
    user_principal_name: str = ""
    location: str = ""
    notes: str = ""


class Locked(Exception):
    """The contact is linked to a Microsoft 365 user, so this cannot be done to it here."""


def clean_line(text: str, longest: int = LONGEST_TEXT) -> str:
    """The text on one line. Raises `ValueError` with what is wrong, as those below do."""
    return _no_longer(one_line(text), longest)


def clean_notes(text: str) -> str:
    return _no_longer(several_lines(text), LONGEST_NOTES)


def clean_address(text: str, known: Collection[str] = ()) -> str:
    """One e-mail address, or none. One that is `known` stays as it is spelled: Microsoft has some that nobody types."""
    text = one_line(text)
    if text in known:
        return text
    # Normalizing marks takes time that grows with the square of their number.
    if len(text) > LONGEST_ADDRESS:
        raise ValueError(f"{clipped(text)} is not an e-mail address.")
    try:
        return email_validator.validate_email(text, check_deliverability=False).normalized if text else ""
    except email_validator.EmailNotValidError as error:
        raise ValueError(f"{clipped(text)} is not an e-mail address.") from error


def clean_addresses(text: str, known: Collection[str] = ()) -> tuple[str, ...]:
    """The e-mail addresses, one a line or set apart by commas, each once; not more than may be, or than are known."""
    typed = [part for line in text.splitlines() for part in line.replace(";", ",").split(",") if one_line(part)]
    if len(typed) > max(MOST_ADDRESSES, len(known)):
        raise ValueError(f"These are {len(typed):,} e-mail addresses; a contact may have {MOST_ADDRESSES}.")
    found: list[str] = []
    wrong: list[str] = []
    for part in typed:
        try:
            found.append(clean_address(part, known))
        except ValueError:
            wrong.append(part)
    if wrong:
        told = first_of([clipped(one_line(part)) for part in wrong])
        what = "is not an e-mail address" if len(wrong) == 1 else "are not e-mail addresses"
        raise ValueError(f"{told} {what}.")
    return each_once(found)


def each_once(addresses: Iterable[str]) -> tuple[str, ...]:
    """The addresses that are not empty, each in its first spelling."""
    found: dict[str, str] = {}
    for address in addresses:
        if address:
            found.setdefault(fold(address), address)
    return tuple(found.values())


def stored(contact: Contact) -> Details:
    """What is kept of the contact. The address to write to is among its addresses, the first of them."""
    emails = each_once([contact.email, *(row.address for row in contact.emails)])
    kept = {field.name: getattr(contact, field.name) for field in fields(Details) if field.name != "emails"}
    return Details(**kept, emails=emails)


def create(session: DbSession, organization: Organization, details: Details) -> Contact:
    """Add a contact to the organization; the caller commits."""
    contact = Contact(organization_id=organization.id, name=details.name)
    session.add(contact)
    _put(contact, details, [field.name for field in fields(Details)])
    audit.record(AuditArea.RECORDS, f"Created the contact {contact.name} of {organization.name}")
    return contact


def change(session: DbSession, contact: Contact, details: Details) -> None:
    """Change what differs, of a locked contact only what is its own; the caller holds the row, and commits."""
    # Before it is asked whether it is locked: its tenant may be back at any moment, and then it is.
    departed.let_go(session, contact.id)
    before = stored(contact)
    may_change = OWN_FIELDS if locked_by(session, contact) else [field.name for field in fields(Details)]
    changed = [
        {"field": field, "from": _plain(getattr(before, field)), "to": _plain(getattr(details, field))}
        for field in may_change
        if getattr(before, field) != getattr(details, field)
    ]
    if not changed:
        return
    _put(contact, details, [change["field"] for change in changed])
    contact.changed_at = utc_now()
    where = contact.organization.name
    audit.record(AuditArea.RECORDS, f"Changed the contact {before.name} of {where}", changed=changed)


def delete(session: DbSession, contact: Contact) -> None:
    """Delete the contact; the caller holds the row, and commits. Raises `Locked`."""
    if locked_by(session, contact) is not None:
        raise Locked
    audit.record(AuditArea.RECORDS, f"Deleted the contact {contact.name} of {contact.organization.name}")
    session.delete(contact)


def _put(contact: Contact, details: Details, changed: Iterable[str]) -> None:
    for field in changed:
        if field == "emails":
            _put_addresses(contact, details.emails)
        else:
            setattr(contact, field, getattr(details, field))


def _put_addresses(contact: Contact, addresses: tuple[str, ...]) -> None:
    """Keep the rows of the addresses that stay: a new row beside an old one of the same address cannot be."""
    contact.email = addresses[0] if addresses else ""
    rows = {row.address_folded: row for row in contact.emails}
    kept = []
    for address in addresses:
        row = rows.get(fold(address)) or ContactEmail(organization_id=contact.organization_id)
        if row.address != address:
            row.address = address
        kept.append(row)
    contact.emails = kept


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _no_longer(text: str, longest: int) -> str:
    if len(text) > longest:
        raise ValueError(f"This has {len(text):,} characters; it may have {longest:,}.")
    return text
