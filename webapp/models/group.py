"""Groups of users, and the organizations that users and groups are given."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, validates

from .base import IDS_ONCE, FoldedText, Model, UtcDateTime, fold, primary_key, utc_now


class UserGroup(Model):
    """Users who are given organizations, and named in security settings, together."""

    __tablename__ = "user_group"
    __table_args__ = (IDS_ONCE,)

    id: Mapped[primary_key]
    name: Mapped[str] = mapped_column(Text)
    name_folded: Mapped[str] = mapped_column(FoldedText, unique=True)
    # Whether its members reach every organization, also those that come later.
    all_organizations: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)

    @validates("name")
    def _fold_name(self, key: str, name: Any) -> Any:
        self.name_folded = fold(name)
        return name


class GroupMember(Model):
    """A user is a member of a group."""

    __tablename__ = "group_member"
    __table_args__ = (Index("ix_group_member_user_id", "user_id"),)

    group_id: Mapped[int] = mapped_column(ForeignKey("user_group.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True)


class OrganizationGrant(Model):
    """An organization that a user, or each member of a group, is given."""

    __tablename__ = "organization_grant"
    __table_args__ = (
        UniqueConstraint("user_id", "organization_id"),
        UniqueConstraint("group_id", "organization_id"),
        CheckConstraint("(user_id IS NULL) <> (group_id IS NULL)", name="user_or_group"),
        Index("ix_organization_grant_organization_id", "organization_id"),
    )

    id: Mapped[primary_key]
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id", ondelete="CASCADE"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    group_id: Mapped[int | None] = mapped_column(ForeignKey("user_group.id", ondelete="CASCADE"))
