"""`flask contacts`: the same query as the lists of the pages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy.orm import selectinload

from .. import access
from ..contacts.filters import Filters
from ..contacts.queries import listing
from ..contacts.records import stored
from ..extensions import db
from ..licenses.conditions import organizations_chosen
from ..models import Contact
from ..models.contact_lock import Lock, Unlinked, every_lock
from ..models.directory import unlinked_since
from ..search import searchable
from ..text import one_line
from .output import as_json_option, explained, print_records, refuse_nothing

contacts = AppGroup("contacts", help="The people in organizations.")

_SHOWN = ("organization", "name", "title", "email", "phone", "linked")
_FIELDS = ("name", "first_name", "last_name", "title", "phone", "mobile", "email", "user_principal_name", "notes")


@contacts.command("list")
@click.option("--organization", metavar="NAME", help="Only of this organization.")
@click.option("--search", default="", metavar="TEXT", help="Only whose name, title or addresses have each word.")
@as_json_option
@explained
def list_contacts(organization: str | None, search: str, as_json: bool) -> None:
    """Print contacts, and the Microsoft 365 user to whom each one is linked."""
    chosen = () if organization is None else (one_line(organization),)
    refuse_nothing(organization=chosen)
    ids = db.session.scalars(organizations_chosen(chosen)).all()
    if chosen and not ids:
        raise click.ClickException(f"There is no organization named {chosen[0]}.")
    filters = Filters(q=searchable(search), organization=chosen)
    # One that is archived is in no list but its own.
    query = listing(access.EVERYTHING, filters, ids[0] if len(ids) == 1 else None)
    found = db.session.execute(query.add_columns(unlinked_since()).options(selectinload(Contact.emails))).all()
    locks = every_lock(db.session, ids if chosen else ())
    print_records([_record(contact, locks.get(contact.id), since) for contact, since in found], _SHOWN, as_json)


def _record(contact: Contact, lock: Lock | None, since: datetime | None) -> dict[str, Any]:
    unlinked = Unlinked() if lock else Unlinked.of(contact, since)
    return {
        "organization": contact.organization.name,
        **{field: getattr(contact, field) for field in _FIELDS},
        "location": contact.location,
        "emails": list(stored(contact).emails),
        "linked": lock is not None,
        "tenant_id": lock and lock.tenant_id,
        "user_id": lock and lock.user_id,
        "unlinked_at": unlinked.at,
        "unlinked_reason": unlinked.reason,
    }
