"""What a contact is in a spreadsheet."""

from __future__ import annotations

from typing import Any

from ..models.contact_lock import Unlinked

_FIELDS = ("name", "first_name", "last_name", "title", "phone", "mobile", "email")
_MORE_FIELDS = ("user_principal_name", "location", "notes")
COLUMNS = ("organization", *_FIELDS, "emails", *_MORE_FIELDS, "linked", "unlinked_at", "unlinked_reason")


def record(row: Any) -> list[Any]:
    """The cells of one row of `queries.with_emails`, in the order of the columns."""
    contact = row.Contact
    unlinked = Unlinked() if row.is_linked else Unlinked.of(contact, row.since)
    return [
        row.organization,
        *(getattr(contact, field) for field in _FIELDS),
        row.emails or "",
        *(getattr(contact, field) for field in _MORE_FIELDS),
        "yes" if row.is_linked else "no",
        unlinked.at,
        unlinked.reason,
    ]
