"""Organizations: the MSP's customers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column, validates

from .base import FoldedText, Model, UtcDateTime, fold, primary_key, utc_now


class Organization(Model):
    """A customer of the MSP. It exists with or without an integration, and outlives one."""

    __tablename__ = "organization"

    id: Mapped[primary_key]
    name: Mapped[str] = mapped_column(Text)
    name_folded: Mapped[str] = mapped_column(FoldedText, index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)

    @validates("name")
    def _fold_name(self, key: str, name: Any) -> Any:
        self.name_folded = fold(name)
        return name
