"""The entries of a filter's select: all that there are, or where they are very many, those that are chosen or found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response, jsonify
from sqlalchemy import ColumnElement, Select, SQLColumnExpression

from .models import fold
from .models.base import DbSession
from .text import label as as_label

# A select with more entries than this holds only the chosen ones, and asks for others as somebody types.
MOST_LISTED = 200
MOST_FOUND = 50

# Of each entry its value, its name, and what tells apart those of one name.
Entries = Select[str, str, str]


@dataclass(frozen=True)
class Choice:
    """One entry of a select. The value is what stands in the address."""

    value: str
    text: str
    is_chosen: bool = False

    @classmethod
    def of_nothing(cls, value: str) -> Choice:
        """A value that is chosen and names nothing."""
        return cls(value, as_label(value), True)


@dataclass(frozen=True)
class Choices:
    """One filter's select. It `is_searched` where there are too many entries to hold them all."""

    kind: str
    label: str
    options: list[Choice]
    is_searched: bool = False


def offered(
    session: DbSession,
    kind: str,
    label: str,
    entries: Entries,
    is_chosen: ColumnElement[bool],
    values: Sequence[str],
    named_by: Sequence[SQLColumnExpression[str]] = (),
) -> Choices:
    """The select of these entries. `is_chosen` is the condition that one of the address's `values` names an entry.

    By what a value may name an entry beside what is shown of it, is in the columns `named_by`, one name a line.
    A value that names nothing is in it as well: it is in the address, and is why nothing is found.
    """
    chosen = session.execute(entries.add_columns(*named_by).where(is_chosen)).all() if values else []
    rows = session.execute(entries.limit(MOST_LISTED + 1)).all()
    is_searched = len(rows) > MOST_LISTED
    options = _labelled(chosen if is_searched else rows, {row[0] for row in chosen})
    texts = [str(text) for row in chosen for text in row if text]
    named = {fold(name) for text in texts for name in (text, *text.splitlines())}
    options += [Choice.of_nothing(value) for value in values if fold(value) not in named]
    return Choices(kind, label, options, is_searched)


def first_found(session: DbSession, entries: Entries) -> list[Choice]:
    """The first of the entries that were searched for."""
    return _labelled(session.execute(entries.limit(MOST_FOUND)).all())


def answered(found: Iterable[tuple[object, str]]) -> Response:
    """Values and their texts, as a select asks for them (static/choices.js)."""
    return jsonify([{"value": str(value), "text": text} for value, text in found])


def _labelled(rows: Sequence[Any], chosen: Iterable[str] = ()) -> list[Choice]:
    times = Counter(row[1] for row in rows)
    return [
        Choice(value, as_label(f"{name} ({hint})" if hint and times[name] > 1 else name), value in chosen)
        for value, name, hint, *_ in rows
    ]
