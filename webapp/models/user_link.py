"""Links that let somebody in once: an invitation, and a password that is set anew."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .base import Model, Named, Stored, UtcDateTime, primary_key, utc_now
from .user import User


class LinkPurpose(Stored):
    INVITATION = "invitation"
    PASSWORD_RESET = "password reset"  # noqa: S105


LINK_LIFETIMES = {LinkPurpose.INVITATION: timedelta(days=7), LinkPurpose.PASSWORD_RESET: timedelta(hours=2)}


class UserLink(Model):
    """A link of one user, good for one use until it expires. Only the hash of its token is stored."""

    __tablename__ = "user_link"

    id: Mapped[primary_key]
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[LinkPurpose] = mapped_column(Named(LinkPurpose))
    token_hash: Mapped[str] = mapped_column(Text, unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)

    user: Mapped[User] = relationship()
