"""The audit log: sign-ins, and every change to rights, integrations, settings and what people keep here."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from .base import UNKNOWN, FoldedText, Model, Named, Stored, UtcDateTime, fold, primary_key, utc_now


class AuditArea(Stored):
    """What an entry is about, as the log is filtered by it."""

    SIGN_IN = "sign-in"
    RIGHTS = "rights"
    INTEGRATIONS = "integrations"
    SETTINGS = "settings"
    RECORDS = "records"

    @property
    def label(self) -> str:
        return _LABELS.get(self, UNKNOWN)


_LABELS = {
    AuditArea.SIGN_IN: "Sign-ins",
    AuditArea.RIGHTS: "Users and rights",
    AuditArea.INTEGRATIONS: "Integrations",
    AuditArea.SETTINGS: "Settings",
    AuditArea.RECORDS: "Records",
}


class AuditEntry(Model):
    """Who did what, and when. It is written once, in the transaction of what it tells, and never changed.

    `actor` is kept as text, since the log outlives the user: an e-mail address, "command line",
    "discovery" or "nobody signed in". `details` holds plain values, and never a secret.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (Index("ix_audit_entry_at", "at"),)

    id: Mapped[primary_key]
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    area: Mapped[AuditArea] = mapped_column(Named(AuditArea))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id", ondelete="SET NULL"))
    actor: Mapped[str] = mapped_column(Text)
    # One sentence: "Invited ann@msp.example as Editor".
    event: Mapped[str] = mapped_column(Text)
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    # The network address that the request came from; empty for a command.
    address: Mapped[str] = mapped_column(Text, default="")
    # The actor and the event, since people search for either.
    search_folded: Mapped[str] = mapped_column(FoldedText)

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.search_folded = fold(f"{self.actor} {self.event}")
