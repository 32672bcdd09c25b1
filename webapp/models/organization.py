"""Organizations: the MSP's customers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Text, text
from sqlalchemy.orm import Mapped, mapped_column, validates

from ..extensions import db
from .base import DbSession, FoldedText, Model, UtcDateTime, fold, primary_key, utc_now

LONGEST_NAME = 200


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

    @classmethod
    def hold_names(cls, session: DbSession) -> None:
        """Until this transaction ends, nobody else adds or renames one. SQLite has one writer at a time by nature.

        Two of one name are a mistake, but no constraint forbids them: some MSPs have two customers of one name. Others
        go on reading, and matching tenants to the organizations that there are.
        """
        if db.engine.dialect.name == "postgresql":
            session.execute(text("LOCK TABLE organization IN SHARE ROW EXCLUSIVE MODE"))
