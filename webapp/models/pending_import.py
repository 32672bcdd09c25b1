"""What waits between the dry run of a file that somebody uploaded and its import."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from .base import IDS_ONCE, Model, Named, Stored, UtcDateTime, primary_key, utc_now

# How long an upload waits for its import.
PENDING_LIFETIME = timedelta(days=1)


class ImportKind(Stored):
    """What a file is imported as."""

    PRODUCTS = "products"
    ORGANIZATIONS = "organizations"


class PendingImport(Model):
    """What a user uploaded and has seen the dry run of, until it is imported, discarded, replaced or forgotten."""

    __tablename__ = "pending_import"
    __table_args__ = (IDS_ONCE,)

    id: Mapped[primary_key]
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    kind: Mapped[ImportKind] = mapped_column(Named(ImportKind))
    file_name: Mapped[str] = mapped_column(Text)
    # What was read of the file, in plain values: never the file itself.
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
