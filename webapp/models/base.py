"""What all models share: the declarative base, times in UTC, text folded for search and sorting."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Self

from sqlalchemy import DateTime, Dialect, Text, text
from sqlalchemy.orm import Session, mapped_column, scoped_session
from sqlalchemy.types import TypeDecorator

from ..extensions import Base, db

if TYPE_CHECKING:

    class Model(Base):
        """The base class of all models, as the type checker sees it."""

        __abstract__ = True
else:
    Model = db.Model


# What people read for what this version does not know.
UNKNOWN = "Unknown"


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


class Stored(StrEnum):
    """An enumeration whose members are stored.

    What a newer version stored, and this one does not know, is a member, too: of no name, shown as Unknown, equal to
    none of the others, and stored as it was.
    """

    @classmethod
    def of(cls, value: str) -> Self:
        try:
            return cls(value)
        except ValueError:
            member = str.__new__(cls, value)
            member._name_, member._value_ = UNKNOWN, value
            return member

    @property
    def is_known(self) -> bool:
        return self.name in type(self).__members__


class Named(TypeDecorator[Stored]):
    """A member of an enumeration, stored as its value in plain text, which a migration need not know."""

    impl = Text
    cache_ok = True

    def __init__(self, members: type[Stored]) -> None:
        super().__init__()
        self.members = members

    def process_bind_param(self, value: Stored | None, dialect: Dialect) -> str | None:
        return None if value is None else self.members(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> Stored | None:
        return None if value is None else self.members.of(value)


# Folded text sorts and compares by code point on both databases: SQLite does by nature, PostgreSQL is told to.
FoldedText = Text().with_variant(Text(collation="C"), "postgresql")

# What the models' methods take: a session of one's own, or the app's.
DbSession = Session | scoped_session[Any]

# For tables whose ids leave the database, in addresses, forms, undos and answers to programs: SQLite would give the id
# of the last row, once it is removed, to the next one that is made, and whoever kept it would take one for the other.
# PostgreSQL never does.
IDS_ONCE = {"sqlite_autoincrement": True}

# What becomes of a Turkish I with a dot when its case is removed, and the i without one.
_DOTTED_I, _DOTLESS_I = "i\N{COMBINING DOT ABOVE}", "\N{LATIN SMALL LETTER DOTLESS I}"

primary_key = Annotated[int, mapped_column(primary_key=True)]


def only_where(condition: str) -> dict[str, Any]:
    """The options of an index that has no other rows than those that meet the condition, on both databases."""
    return {f"{dialect}_where": text(condition) for dialect in ("sqlite", "postgresql")}


def utc_now() -> datetime:
    return datetime.now(UTC)


def fold(text: str) -> str:
    """Text as it is searched and sorted: compatible characters made one, case removed, white space made single.

    Format characters, most of which nobody sees or types, are left out: some names that Microsoft tells begin with one.
    "ＭÜLLER  GmbH" and "Müller gmbh" fold to the same, and so do "ISPARTA", "Isparta" and "ısparta": which small letter
    goes with a capital I depends on the language, and nothing tells in which a name is. Both databases lack a
    Unicode-aware LIKE by default, so what is searched is stored folded beside what is shown.
    """
    if text.isascii():  # all that is left to do; most text is this, and a directory has very much of it
        return " ".join(text.lower().split())
    # What is printable has no format characters; most text is.
    seen = text if text.isprintable() else "".join(filter(_is_no_format_character, text))
    folded = unicodedata.normalize("NFKC", seen).casefold()
    return " ".join(folded.replace(_DOTTED_I, "i").replace(_DOTLESS_I, "i").split())


def _is_no_format_character(character: str) -> bool:
    return unicodedata.category(character) != "Cf"
