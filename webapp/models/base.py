"""What all models share: the declarative base, times in UTC, text folded for search and sorting."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from sqlalchemy import DateTime, Dialect, Text
from sqlalchemy.orm import Session, mapped_column, scoped_session
from sqlalchemy.types import TypeDecorator

from ..extensions import Base, db

if TYPE_CHECKING:

    class Model(Base):
        """The base class of all models, as the type checker sees it."""

        __abstract__ = True
else:
    Model = db.Model


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, stored in UTC and read back with its zone on SQLite and PostgreSQL alike."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Named(TypeDecorator[StrEnum]):
    """A member of an enumeration, stored as its value in plain text, which a migration need not know."""

    impl = Text
    cache_ok = True

    def __init__(self, members: type[StrEnum]) -> None:
        super().__init__()
        self.members = members

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:
        return None if value is None else self.members(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        return None if value is None else self.members(value)


# Folded text sorts and compares by code point on both databases: SQLite does by nature, PostgreSQL is told to.
FoldedText = Text().with_variant(Text(collation="C"), "postgresql")

# What the models' methods take: a session of one's own, or the app's.
DbSession = Session | scoped_session[Any]

primary_key = Annotated[int, mapped_column(primary_key=True)]


def utc_now() -> datetime:
    return datetime.now(UTC)


def fold(text: str) -> str:
    """Text as it is searched and sorted: compatible characters made one, case removed, white space made single.

    "ＭÜLLER  GmbH" and "Müller gmbh" fold to the same. Both databases lack a Unicode-aware LIKE by default, so
    what is searched is stored folded beside what is shown.
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
