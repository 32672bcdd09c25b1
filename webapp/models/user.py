"""Users, their sessions, and the one-time code that guards the first visit."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from enum import StrEnum

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from flask_login import UserMixin
from sqlalchemy import ColumnElement, ForeignKey, Text, delete, exists, select, true
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from . import clock
from .base import IDS_ONCE, UNKNOWN, DbSession, Model, Named, Stored, UtcDateTime, primary_key, utc_now

SESSION_LIFETIME = timedelta(days=14)

_hasher = PasswordHasher()


class Role(Stored):
    """What somebody may do; `webapp.access` says which role may do what."""

    ADMINISTRATOR = "administrator"
    MANAGER = "manager"
    EDITOR = "editor"
    CREATOR = "creator"
    LITE = "lite"
    READ_ONLY = "read-only"

    @property
    def label(self) -> str:
        return self.value.capitalize() if self.is_known else UNKNOWN


class UserState(StrEnum):
    """Whether somebody signs in: not before they chose a password, and not while they are deactivated."""

    ACTIVE = "active"
    INVITED = "invited"
    DEACTIVATED = "deactivated"

    @property
    def label(self) -> str:
        return self.value.capitalize()


class User(UserMixin, Model):
    """A person who signs in. The e-mail address is stored in lower case.

    Who was invited and has not come yet has the password hash "", which no password fits. Who is deactivated cannot
    sign in.
    """

    __tablename__ = "user_account"
    __table_args__ = (IDS_ONCE,)
    __allow_unmapped__ = True

    id: Mapped[primary_key]
    email: Mapped[str] = mapped_column(Text, unique=True)
    password_hash: Mapped[str] = mapped_column(Text)
    role: Mapped[Role] = mapped_column(Named(Role))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    last_sign_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Whether every organization is given, also those that come later; else those of `OrganizationGrant`.
    all_organizations: Mapped[bool] = mapped_column(default=True, server_default=true())
    deactivated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    # The token of the session that this request came with; set where a session is opened or found.
    session_token: str | None = None

    def get_id(self) -> str:
        """What Flask-Login keeps in the cookie: the session's token, so that ending the session ends the cookie."""
        if self.session_token is None:
            raise RuntimeError("a user is signed in through UserSession.open")
        return self.session_token

    @hybrid_property
    def is_active(self) -> bool:
        return self.deactivated_at is None and self.password_hash != ""

    @is_active.inplace.expression
    @classmethod
    def _is_active_expression(cls) -> ColumnElement[bool]:
        return cls.deactivated_at.is_(None) & (cls.password_hash != "")

    @property
    def state(self) -> UserState:
        if self.deactivated_at is not None:
            return UserState.DEACTIVATED
        return UserState.ACTIVE if self.is_active else UserState.INVITED

    def set_password(self, password: str) -> None:
        self.password_hash = _hasher.hash(password)

    def check_password(self, password: str) -> bool:
        """Whether it is this user's password; a hash made with older parameters is renewed."""
        try:
            _hasher.verify(self.password_hash, password)
        except (VerifyMismatchError, InvalidHashError):
            return False
        if _hasher.check_needs_rehash(self.password_hash):
            self.set_password(password)
        return True


class UserSession(Model):
    """One browser's sign-in. Only the token's hash is stored: who reads the database cannot sign in with it."""

    __tablename__ = "user_session"

    id: Mapped[primary_key]
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(Text, unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)

    user: Mapped[User] = relationship()

    @classmethod
    def open(cls, session: DbSession, user: User) -> None:
        """Begin a session for the user, whose `session_token` then is the cookie's value. Expired ones are removed."""
        now = utc_now()
        token = secrets.token_urlsafe(32)
        session.execute(delete(cls).where(cls.user_id == user.id, cls.expires_at < now))
        session.add(cls(user_id=user.id, token_hash=hash_token(token), expires_at=now + SESSION_LIFETIME))
        user.session_token = token
        user.last_sign_in_at = now

    @classmethod
    def find_user(cls, session: DbSession, token: str) -> User | None:
        """The user of an open session, or None; nobody where the user is not active."""
        user = session.scalar(
            select(User)
            .join(cls, cls.user_id == User.id)
            .where(
                cls.token_hash == hash_token(token),
                clock.holds(cls.expires_at, utc_now(), SESSION_LIFETIME),
                User.is_active,
            )
        )
        if user is not None:
            user.session_token = token
        return user

    @classmethod
    def close(cls, session: DbSession, token: str) -> None:
        session.execute(delete(cls).where(cls.token_hash == hash_token(token)))

    @classmethod
    def close_all(cls, session: DbSession, user: User) -> None:
        session.execute(delete(cls).where(cls.user_id == user.id))


class SetupCode(Model):
    """The hash of the one-time code that lets the first visitor create the Administrator. There is one row at most."""

    __tablename__ = "setup_code"

    id: Mapped[primary_key]
    code_hash: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)

    @classmethod
    def renew(cls, session: DbSession) -> str:
        """Make a new code, which replaces the one before, and return it to be printed."""
        code = "-".join(secrets.token_hex(2) for _ in range(4))
        session.execute(delete(cls))
        session.add(cls(id=1, code_hash=hash_token(code)))
        return code

    @classmethod
    def accepts(cls, session: DbSession, code: str) -> bool:
        stored = session.scalar(select(cls.code_hash))
        return stored is not None and secrets.compare_digest(stored, hash_token(code.strip().lower()))


def any_user(session: DbSession) -> bool:
    return bool(session.scalar(select(exists().where(User.id.is_not(None)))))


def waste_time_like_a_check(password: str) -> None:
    """Take as long as a password check, so that an unknown address is not told apart by its answer's time."""
    try:
        _hasher.verify(_UNMATCHED_HASH, password)
    except VerifyMismatchError:
        return


def hash_token(token: str) -> str:
    # Tokens and codes are random and long: a fast hash is enough, a slow one would cost every request.
    return hashlib.sha256(token.encode()).hexdigest()


# Of a text that nobody kept. Made here, it would cost each process and each command 64 MB and a tenth of a second at
# the start; made when it is needed, its time would tell the first unknown address.
_UNMATCHED_HASH = "$argon2id$v=19$m=65536,t=3,p=4$herjj6I0Xg9YIgo9HMGdMw$SPpw4cD8WBmwxk7CgQE5Hlltk8gGcTMr93nFFplpURY"
