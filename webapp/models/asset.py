"""Flexible asset types: the named templates that an organization's sidebar lists."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from .base import DbSession, Model, UtcDateTime, primary_key, utc_now

OFFICE_365_LICENSES = "office-365-licenses"


class FlexibleAssetType(Model):
    """A named template of fields. A synced type belongs to an integration and cannot be edited."""

    __tablename__ = "flexible_asset_type"

    id: Mapped[primary_key]
    slug: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    icon: Mapped[str] = mapped_column(Text)
    is_synced: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)

    @classmethod
    def ensure_licenses(cls, session: DbSession) -> None:
        """Create the type "Office 365 Licenses" with the first integration; later ones find it."""
        exists = select(cls.id).where(cls.slug == OFFICE_365_LICENSES)
        if session.scalar(exists) is not None:
            return
        try:
            with session.begin_nested():
                session.add(cls(slug=OFFICE_365_LICENSES, name="Office 365 Licenses", icon="license", is_synced=True))
        except IntegrityError:
            return  # another integration was connected at the same moment and made it

    @classmethod
    def hold_licenses(cls, session: DbSession) -> bool:
        """Queue for the row of "Office 365 Licenses" until this transaction ends; False where it does not exist."""
        row = select(cls.id).where(cls.slug == OFFICE_365_LICENSES).with_for_update()
        return session.scalar(row) is not None
