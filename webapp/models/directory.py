"""What is kept of the users of Microsoft 365 tenants, and of the licenses that they hold."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint, exists, select
from sqlalchemy.orm import Mapped, mapped_column

from .base import Model, primary_key
from .contact import Contact


class DirectoryUser(Model):
    """A user of a tenant: whom it is linked to, and what decides whether it qualifies. No name is kept here.

    Names are kept in contacts only, so that where users are not synced, nobody's is.
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
    # Whether it met the sync settings when it was last synced: then its contact has its fields from it.
    qualifies: Mapped[bool] = mapped_column(default=False)
    # A hash of all that was read of it, so that what is the same is seen at a glance.
    facts_hash: Mapped[str] = mapped_column(Text, default="")


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


def is_linked() -> Any:
    """The condition on `Contact` that a user of a tenant refers to it."""
    return exists(select(DirectoryUser.id).where(DirectoryUser.contact_id == Contact.id))
