"""Security settings: who may see an asset that not everyone in its organization may see."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import Model, primary_key


class AssetAccess(Model):
    """A user, or a group, is named in the security settings of a license or of a custom asset.

    It holds while the asset is restricted, and no sync changes it. Who is named still needs the organization.
    """

    __tablename__ = "asset_access"
    __table_args__ = (
        CheckConstraint("(license_id IS NULL) <> (asset_id IS NULL)", name="license_or_asset"),
        CheckConstraint("(user_id IS NULL) <> (group_id IS NULL)", name="user_or_group"),
        UniqueConstraint("license_id", "user_id", name="uq_asset_access_license_user"),
        UniqueConstraint("license_id", "group_id", name="uq_asset_access_license_group"),
        UniqueConstraint("asset_id", "user_id", name="uq_asset_access_asset_user"),
        UniqueConstraint("asset_id", "group_id", name="uq_asset_access_asset_group"),
        Index("ix_asset_access_user_id", "user_id"),
        Index("ix_asset_access_group_id", "group_id"),
    )

    id: Mapped[primary_key]
    license_id: Mapped[int | None] = mapped_column(ForeignKey("license.id", ondelete="CASCADE"))
    asset_id: Mapped[int | None] = mapped_column(ForeignKey("flexible_asset.id", ondelete="CASCADE"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    group_id: Mapped[int | None] = mapped_column(ForeignKey("user_group.id", ondelete="CASCADE"))
