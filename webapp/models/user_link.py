"""Links that let somebody in once: an invitation, and a password that is set anew."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, ForeignKey, Text, delete, false, or_, select
from sqlalchemy.orm import Mapped, joinedload, mapped_column, relationship

from . import clock
from .base import DbSession, Model, Named, Stored, UtcDateTime, primary_key, utc_now
from .user import User, hash_token


class LinkPurpose(Stored):
    INVITATION = "invitation"
    PASSWORD_RESET = "password reset"  # noqa: S105


LINK_LIFETIMES = {LinkPurpose.INVITATION: timedelta(days=7), LinkPurpose.PASSWORD_RESET: timedelta(hours=2)}


class UserLink(Model):
    """A link of one user, good for one use until it expires. Only the hash of its token is stored.

    A user has one at most: a new one replaces it, whatever either is for.
    """

    __tablename__ = "user_link"

    id: Mapped[primary_key]
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[LinkPurpose] = mapped_column(Named(LinkPurpose))
    token_hash: Mapped[str] = mapped_column(Text, unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Whether it is to be sent by mail; then either of the two below is set once that was tried.
    is_mailed: Mapped[bool] = mapped_column(default=False, server_default=false())
    mailed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    mail_problem: Mapped[str] = mapped_column(Text, default="", server_default="")

    user: Mapped[User] = relationship()

    @classmethod
    def make(
        cls, session: DbSession, user: User, purpose: LinkPurpose, is_mailed: bool = False
    ) -> tuple[UserLink, str]:
        """A new link, which replaces the user's others, and its token: what the address holds."""
        token, now = secrets.token_urlsafe(32), utc_now()
        cls.end_all(session, user)
        link = cls(
            user_id=user.id,
            purpose=purpose,
            token_hash=hash_token(token),
            created_at=now,
            expires_at=now + LINK_LIFETIMES[purpose],
            is_mailed=is_mailed,
        )
        session.add(link)
        session.flush()
        return link, token

    @classmethod
    def find(cls, session: DbSession, token: str, purpose: LinkPurpose) -> UserLink | None:
        """The link of this token that can still be used, with its user."""
        return session.scalar(
            select(cls)
            .join(cls.user)
            .options(joinedload(cls.user))
            .where(
                cls.token_hash == hash_token(token),
                cls.purpose == purpose,
                clock.holds(cls.expires_at, utc_now(), LINK_LIFETIMES[purpose]),
                User.deactivated_at.is_(None),
            )
        )

    @classmethod
    def of_user(cls, session: DbSession, user: User) -> UserLink | None:
        """The user's link, where one can still be used."""
        now = utc_now()
        is_usable = or_(
            *(
                (cls.purpose == purpose) & clock.holds(cls.expires_at, now, life)
                for purpose, life in LINK_LIFETIMES.items()
            )
        )
        return session.scalar(select(cls).where(cls.user_id == user.id, is_usable).order_by(cls.id.desc()).limit(1))

    def use(self, session: DbSession) -> bool:
        """End the link; False where somebody else used or replaced it meanwhile. Of two at once, one uses it."""
        done = cast("CursorResult[Any]", session.execute(delete(UserLink).where(UserLink.id == self.id)))
        return done.rowcount == 1

    @classmethod
    def end_all(cls, session: DbSession, user: User) -> None:
        session.execute(delete(cls).where(cls.user_id == user.id))
