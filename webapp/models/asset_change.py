"""The history of assets: who or which run changed what, when, from what to what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from .base import UNKNOWN, Model, Named, Stored, UtcDateTime, primary_key, utc_now
from .license import STATUS_LABELS


class ChangeKind(Stored):
    CREATED = "created"
    CHANGED = "changed"
    # Microsoft no longer returns the SKU; and returns it again.
    GONE = "gone"
    RETURNED = "returned"
    SECURITY = "security"

    @property
    def label(self) -> str:
        return _LABELS.get(self, UNKNOWN)


_LABELS = {
    ChangeKind.CREATED: "Created",
    ChangeKind.CHANGED: "Changed",
    ChangeKind.GONE: "Gone from Microsoft 365",
    ChangeKind.RETURNED: "Back in Microsoft 365",
    ChangeKind.SECURITY: "Security settings changed",
}


# What a license's history tells of, by its columns, in people's words.
LICENSE_FIELDS = {
    "status": "Status",
    "active": "Active",
    "consumed": "Consumed",
    "unused": "Unused",
    "over": "Over",
    "warning": "In grace",
    "suspended": "Suspended",
    "locked_out": "Locked out",
    "sku_part_number": "Part number",
    "applies_to": "Applies to",
}


def license_values(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a license's columns as its history tells them."""
    values = {name: columns[column] for column, name in LICENSE_FIELDS.items()}
    return {**values, "Status": STATUS_LABELS.get(columns["status"], columns["status"])}


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The fields of a change: those whose values differ. Where there was nothing before, all that now is something."""
    return [
        {"field": name, "from": before.get(name, ""), "to": value}
        for name, value in after.items()
        if before.get(name, "") != value
    ]


class AssetChange(Model):
    """One change of a license or of a custom asset, written in the transaction that makes it.

    `fields` is a list of {"field": name, "from": value, "to": value}. `who` is kept as text, since the history outlives
    users and runs: an e-mail address, "command line", or "Sync of <integration>", whose run is `run_id` while it is
    kept; runs are pruned, so that is no foreign key.
    """

    __tablename__ = "asset_change"
    __table_args__ = (
        CheckConstraint("(license_id IS NULL) <> (asset_id IS NULL)", name="license_or_asset"),
        Index("ix_asset_change_license_id", "license_id"),
        Index("ix_asset_change_asset_id", "asset_id"),
    )

    id: Mapped[primary_key]
    license_id: Mapped[int | None] = mapped_column(ForeignKey("license.id", ondelete="CASCADE"))
    asset_id: Mapped[int | None] = mapped_column(ForeignKey("flexible_asset.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    kind: Mapped[ChangeKind] = mapped_column(Named(ChangeKind))
    who: Mapped[str] = mapped_column(Text)
    run_id: Mapped[int | None]
    fields: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
