"""Keys with which programs read from the API."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Model, Named, UtcDateTime, primary_key, utc_now
from .user import Role


class ApiKey(Model):
    """A program's key. It has a role, as a user has; only the key's hash is stored."""

    __tablename__ = "api_key"

    id: Mapped[primary_key]
    name: Mapped[str] = mapped_column(Text)
    role: Mapped[Role] = mapped_column(Named(Role))
    # The first characters of the key, by which people tell it from others.
    prefix: Mapped[str] = mapped_column(Text)
    key_hash: Mapped[str] = mapped_column(Text, unique=True)
    # Whether it reads every organization, also those that come later; else those of `ApiKeyGrant`.
    all_organizations: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ApiKeyGrant(Model):
    """An organization that a key reads."""

    __tablename__ = "api_key_grant"
    __table_args__ = (Index("ix_api_key_grant_organization_id", "organization_id"),)

    api_key_id: Mapped[int] = mapped_column(ForeignKey("api_key.id", ondelete="CASCADE"), primary_key=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id", ondelete="CASCADE"), primary_key=True)
