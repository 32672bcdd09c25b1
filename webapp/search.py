"""Text that people search by and choose by, made safe to ask a database for."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlalchemy import ColumnElement, and_

from .models import fold
from .text import one_line

LONGEST_SEARCH = 200

# What an id's column holds on PostgreSQL. A larger number is nobody's id, and no database takes it for one.
LARGEST_ID = 2**31 - 1


def searchable(text: str) -> str:
    """What was typed into a search box, on one line and cut to a length that somebody may have meant."""
    return one_line(text)[:LONGEST_SEARCH].strip()


def row_id(text: str | int) -> int | None:
    """The id that the text stands for, or None where it cannot be one."""
    text = str(text)
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(LARGEST_ID))):
        return None
    return int(text) if int(text) <= LARGEST_ID else None


def row_ids(texts: Iterable[str]) -> list[int]:
    """The ids that the texts stand for; what cannot be one is left out."""
    return [number for number in map(row_id, texts) if number is not None]


def each_value(given: Iterable[str]) -> tuple[str, ...]:
    """What was given to choose by, on one line, each once; what holds nothing visible is left out."""
    return tuple(dict.fromkeys(filter(None, map(one_line, given))))


def every_word(text: str, found: Callable[[str], ColumnElement[bool]]) -> ColumnElement[bool]:
    """The condition that each word of the text is found. `found` makes the condition for one folded word."""
    words = dict.fromkeys(fold(text).split())
    return and_(True, *(found(word) for word in words))
