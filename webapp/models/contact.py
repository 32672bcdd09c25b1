"""Contacts: people in organizations, typed in or synced from Microsoft 365 users."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from .base import IDS_ONCE, FoldedText, Model, UtcDateTime, fold, only_where, primary_key, utc_now
from .organization import Organization

# What Microsoft 365 says of a linked contact, and nobody else.
SYNCED_FIELDS = ("name", "first_name", "last_name", "title", "phone", "mobile", "email", "user_principal_name")

_SEARCHED = ("name", "title", "email", "user_principal_name")


class Contact(Model):
    """A person in an organization.

    It is *linked* while a `DirectoryUser` that qualifies refers to it, its integration is live, and its tenant has not
    left the organization (`is_linked`). The fields in `SYNCED_FIELDS`, and the e-mail addresses, of a linked contact
    are locked: the next sync would undo what somebody types. One that was linked, and is no more, says since when and
    why.
    """

    __tablename__ = "contact"
    __table_args__ = (
        Index("ix_contact_organization_id", "organization_id", "name_folded"),
        Index("ix_contact_name_folded", "name_folded"),
        # Few are unlinked; by this they are found before their users come back.
        Index(
            "ix_contact_unlinked",
            "organization_id",
            "microsoft_user_id",
            **only_where("unlinked_at IS NOT NULL"),
        ),
        IDS_ONCE,
    )

    id: Mapped[primary_key]
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    name_folded: Mapped[str] = mapped_column(FoldedText)
    first_name: Mapped[str] = mapped_column(Text, default="")
    last_name: Mapped[str] = mapped_column(Text, default="")
    title: Mapped[str] = mapped_column(Text, default="")
    phone: Mapped[str] = mapped_column(Text, default="")
    mobile: Mapped[str] = mapped_column(Text, default="")
    # The address to write to; all that are known are `emails`.
    email: Mapped[str] = mapped_column(Text, default="")
    user_principal_name: Mapped[str] = mapped_column(Text, default="")
    # The object id of the user from whom its fields came last: by it that user is known again, whatever else changed.
    microsoft_user_id: Mapped[str] = mapped_column(Text, default="", server_default="")
    # Never synced.
    location: Mapped[str] = mapped_column(Text, default="")
    notes: Mapped[str] = mapped_column(Text, default="")
    search_folded: Mapped[str] = mapped_column(FoldedText)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    unlinked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Why, as people read it.
    unlinked_reason: Mapped[str] = mapped_column(Text, default="")

    organization: Mapped[Organization] = relationship()
    emails: Mapped[list[ContactEmail]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, order_by="ContactEmail.id"
    )

    @validates(*_SEARCHED)
    def _fold(self, key: str, value: Any) -> Any:
        texts = {name: getattr(self, name) or "" for name in _SEARCHED} | {key: value}
        for column, folded in folded_columns(texts).items():
            setattr(self, column, folded)
        return value


def folded_columns(fields: Mapping[str, str]) -> dict[str, str]:
    """What a contact of these fields is sorted and searched by, for whoever writes many at once."""
    searched = " ".join(fields[name] for name in _SEARCHED)
    return {"name_folded": fold(fields["name"]), "search_folded": fold(searched)}


class ContactEmail(Model):
    """An e-mail address of a contact; by it a Microsoft 365 user is found to be that contact.

    The organization stands here, too, so that one index finds the contact of an address.
    """

    __tablename__ = "contact_email"
    __table_args__ = (
        UniqueConstraint("contact_id", "address_folded"),
        Index("ix_contact_email_organization_id", "organization_id", "address_folded"),
    )

    id: Mapped[primary_key]
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"))
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id", ondelete="CASCADE"))
    address: Mapped[str] = mapped_column(Text)
    address_folded: Mapped[str] = mapped_column(FoldedText)

    @validates("address")
    def _fold_address(self, key: str, address: Any) -> Any:
        self.address_folded = fold(address)
        return address
