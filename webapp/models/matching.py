"""What users do with the matches of tenants: what they were shown before they did it, and what an undo takes back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, ColumnElement, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from .base import IDS_ONCE, UNKNOWN, Model, Named, Stored, UtcDateTime, primary_key, utc_now

# How long somebody may think about what they were shown, and how long after it was done it can be undone.
PREVIEW_LIFETIME = timedelta(hours=12)
UNDO_LIFETIME = timedelta(hours=2)


class MatchingAction(Stored):
    # One tenant, to the organization that was chosen.
    MATCH = "match"
    ACCEPT = "accept"
    CREATE = "create"
    IGNORE = "ignore"
    UNMATCH = "unmatch"

    @property
    def label(self) -> str:
        return _LABELS.get(self, UNKNOWN)


_LABELS = {
    MatchingAction.MATCH: "Match",
    MatchingAction.ACCEPT: "Accept suggestions",
    MatchingAction.CREATE: "Create organizations",
    MatchingAction.IGNORE: "Ignore",
    MatchingAction.UNMATCH: "Unmatch",
}


class MatchingChange(Model):
    """What a user is shown that an action would do to tenants; once it is applied, what it did to them.

    It is its user's alone. `steps` are `webapp.integrations.steps.Step` in plain values, one a tenant; `left` are the
    tenants that stay as they are, each with the reason. It changes nothing by itself.
    """

    __tablename__ = "matching_change"
    __table_args__ = (Index("ix_matching_change_user_id", "user_id"), IDS_ONCE)

    id: Mapped[primary_key]
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    action: Mapped[MatchingAction] = mapped_column(Named(MatchingAction))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    applied_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    left: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    # The ids of the organizations that it made.
    created: Mapped[list[int]] = mapped_column(JSON, default=list)
    # What was done, in one sentence; empty where nothing was.
    event: Mapped[str] = mapped_column(Text, default="")
    # How many licenses leave the organizations that they are in.
    licenses: Mapped[int] = mapped_column(default=0)
    # The ids of the integrations of whose tenants some were matched.
    integrations: Mapped[list[int]] = mapped_column(JSON, default=list)
    # The filters of the list that it was begun from, as its address has them.
    origin: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)

    def may_be_undone(self, now: datetime) -> bool:
        is_done = self.applied_at is not None and self.event != "" and self.undone_at is None
        return is_done and self.is_recent(now)

    def is_recent(self, now: datetime) -> bool:
        return (self.applied_at or self.created_at) > now - (UNDO_LIFETIME if self.applied_at else PREVIEW_LIFETIME)

    @classmethod
    def is_forgotten(cls, now: datetime) -> ColumnElement[bool]:
        """The condition that it is too old to be applied, and to be undone."""
        is_undoable = cls.applied_at.is_not(None) & (cls.applied_at > now - UNDO_LIFETIME)
        return (cls.created_at < now - PREVIEW_LIFETIME) & ~is_undoable
