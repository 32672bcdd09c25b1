"""Licenses, and the products that they are licenses of."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from .base import IDS_ONCE, FoldedText, Model, UtcDateTime, fold, primary_key, utc_now
from .tenant import Tenant


class LicenseStatus(StrEnum):
    """`capabilityStatus` as Microsoft spells it, and Gone for a SKU that Microsoft no longer returns.

    Source: Graph, "subscribedSku resource type". The column holds any text, for a status that is added later.
    """

    ENABLED = "Enabled"
    WARNING = "Warning"
    SUSPENDED = "Suspended"
    DELETED = "Deleted"
    LOCKED_OUT = "LockedOut"
    GONE = "Gone"


STATUS_LABELS: dict[str, str] = {
    LicenseStatus.ENABLED: "Enabled",
    LicenseStatus.WARNING: "In grace",
    LicenseStatus.SUSPENDED: "Suspended",
    LicenseStatus.DELETED: "Deleted",
    LicenseStatus.LOCKED_OUT: "Locked out",
    LicenseStatus.GONE: "Gone",
}


class Product(Model):
    """A SKU as it is sold to everyone: its id, its part number and its friendly name."""

    __tablename__ = "product"

    id: Mapped[primary_key]
    sku_id: Mapped[str] = mapped_column(Text, unique=True)
    part_number: Mapped[str] = mapped_column(Text)
    # What everything shows and searches: the own name, or else the one that `Names` finds.
    name: Mapped[str] = mapped_column(Text)
    # The name that the MSP gave it, which wins; empty where it gave none.
    own_name: Mapped[str] = mapped_column(Text, default="", server_default="")
    # The name and the part number, since people search for either.
    search_folded: Mapped[str] = mapped_column(FoldedText)
    name_folded: Mapped[str] = mapped_column(FoldedText)

    @validates("name", "part_number")
    def _fold_name(self, key: str, value: Any) -> Any:
        name = value if key == "name" else self.name or ""
        part_number = value if key == "part_number" else self.part_number or ""
        self.name_folded = fold(name)
        self.search_folded = fold(f"{name} {part_number}")
        return value


class License(Model):
    """The flexible asset of type "Office 365 Licenses": one product (SKU) of one tenant.

    The figures are those that `jobs.microsoft.facts.figures` made of the SKU, and 0 where it is gone; of one that is no
    longer synced, somebody may have corrected them. A license belongs to the organization that its tenant is matched
    to.
    """

    __tablename__ = "license"
    __table_args__ = (
        UniqueConstraint("tenant_id", "sku_id"),
        Index("ix_license_product_id", "product_id"),
        Index("ix_license_unused", "unused"),
        Index("ix_license_over", "over"),
        Index("ix_license_active", "active"),
        Index("ix_license_consumed", "consumed"),
        Index("ix_license_status", "status"),
        IDS_ONCE,
    )

    id: Mapped[primary_key]
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id", ondelete="CASCADE"))
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    sku_id: Mapped[str] = mapped_column(Text)
    sku_part_number: Mapped[str] = mapped_column(Text)
    applies_to: Mapped[str] = mapped_column(Text, default="")
    status: Mapped[str] = mapped_column(Text)
    active: Mapped[int] = mapped_column(BigInteger)
    consumed: Mapped[int] = mapped_column(BigInteger)
    unused: Mapped[int] = mapped_column(BigInteger)
    over: Mapped[int] = mapped_column(BigInteger)
    warning: Mapped[int] = mapped_column(BigInteger, default=0)
    suspended: Mapped[int] = mapped_column(BigInteger, default=0)
    locked_out: Mapped[int] = mapped_column(BigInteger, default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    gone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Security settings: whether only those who are named (`AssetAccess`) see it, or everyone in the organization.
    is_restricted: Mapped[bool] = mapped_column(default=False, server_default=false())

    tenant: Mapped[Tenant] = relationship()
    product: Mapped[Product] = relationship()
