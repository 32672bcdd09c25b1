"""Flexible asset types, the named templates that an organization's sidebar lists, and the assets made of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Text, false, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from ..extensions import db
from .base import (
    IDS_ONCE,
    UNKNOWN,
    DbSession,
    FoldedText,
    Model,
    Named,
    Stored,
    UtcDateTime,
    fold,
    primary_key,
    utc_now,
)
from .organization import Organization

OFFICE_365_LICENSES = "office-365-licenses"


class FlexibleAssetType(Model):
    """A named template of fields. A synced type belongs to integrations, and nobody can edit it."""

    __tablename__ = "flexible_asset_type"
    __table_args__ = (IDS_ONCE,)

    id: Mapped[primary_key]
    slug: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    icon: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, default="", server_default="")
    is_synced: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    # An archived type takes no new assets and is in no sidebar; its assets are kept.
    archived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    fields: Mapped[list[AssetField]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, order_by="AssetField.position, AssetField.id"
    )

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
    def hold_names(cls, session: DbSession) -> None:
        """Until this transaction ends, nobody else adds or renames one. SQLite has one writer at a time by nature."""
        if db.engine.dialect.name == "postgresql":
            session.execute(text("LOCK TABLE flexible_asset_type IN SHARE ROW EXCLUSIVE MODE"))

    @classmethod
    def hold_licenses(cls, session: DbSession) -> bool:
        """Queue for the row of "Office 365 Licenses" until this transaction ends; False where it does not exist."""
        row = select(cls.id).where(cls.slug == OFFICE_365_LICENSES).with_for_update()
        return session.scalar(row) is not None


class FieldKind(Stored):
    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    CHECKBOX = "checkbox"
    SELECT = "select"
    CONTACTS = "contacts"

    @property
    def label(self) -> str:
        return _KIND_LABELS.get(self, UNKNOWN)


_KIND_LABELS = {
    FieldKind.TEXT: "Text",
    FieldKind.NUMBER: "Number",
    FieldKind.DATE: "Date",
    FieldKind.CHECKBOX: "Checkbox",
    FieldKind.SELECT: "Select",
    FieldKind.CONTACTS: "Tag of contacts",
}


class AssetField(Model):
    """A field of a type, at its place among the others. An archived one is in no form; what it held is kept."""

    __tablename__ = "asset_field"
    __table_args__ = (Index("ix_asset_field_type_id", "type_id"),)

    id: Mapped[primary_key]
    type_id: Mapped[int] = mapped_column(ForeignKey("flexible_asset_type.id", ondelete="CASCADE"))
    kind: Mapped[FieldKind] = mapped_column(Named(FieldKind))
    name: Mapped[str] = mapped_column(Text)
    position: Mapped[int] = mapped_column(default=0)
    is_required: Mapped[bool] = mapped_column(default=False)
    # Of a select: what may be chosen, in order.
    options: Mapped[list[str]] = mapped_column(JSON, default=list)
    archived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class FlexibleAsset(Model):
    """One record of a custom type in an organization. Licenses, the synced assets, have a table of their own.

    `content` has, by the field's id as text, what JSON knows: text, a number as text of its digits, a date as
    "2026-01-31", true or false. Tagged contacts are rows of `AssetContact`.
    """

    __tablename__ = "flexible_asset"
    __table_args__ = (
        Index("ix_flexible_asset_organization_id", "organization_id", "type_id", "name_folded"),
        Index("ix_flexible_asset_type_id", "type_id"),
        IDS_ONCE,
    )

    id: Mapped[primary_key]
    type_id: Mapped[int] = mapped_column(ForeignKey("flexible_asset_type.id", ondelete="CASCADE"))
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    name_folded: Mapped[str] = mapped_column(FoldedText)
    # The name and all values, since people search for either.
    search_folded: Mapped[str] = mapped_column(FoldedText, default="")
    content: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    # Security settings: whether only those who are named (`AssetAccess`) see it, or everyone in the organization.
    is_restricted: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)

    type: Mapped[FlexibleAssetType] = relationship()
    organization: Mapped[Organization] = relationship()

    @validates("name")
    def _fold_name(self, key: str, name: Any) -> Any:
        self.name_folded = fold(name)
        return name


class AssetContact(Model):
    """A contact is tagged in a field of an asset."""

    __tablename__ = "asset_contact"
    __table_args__ = (Index("ix_asset_contact_contact_id", "contact_id"),)

    asset_id: Mapped[int] = mapped_column(ForeignKey("flexible_asset.id", ondelete="CASCADE"), primary_key=True)
    field_id: Mapped[int] = mapped_column(ForeignKey("asset_field.id", ondelete="CASCADE"), primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True)
