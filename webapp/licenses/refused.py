"""What is said of a filter that cannot be meant: commands and the API refuse it, in the same words.

Each returns a sentence that says what may be given, or None where there is nothing to refuse.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..models import STATUS_LABELS
from ..models.base import DbSession
from ..scope import Scope
from .filters import CONNECTIONS, SORTS, Filters, known_sort
from .queries import totals


def sort(text: str) -> str | None:
    if known_sort(text) is not None:
        return None
    return f"There is nothing named {text} to sort by. Use one of: {', '.join(SORTS)}."


def connections(values: Iterable[str]) -> str | None:
    for value in values:
        if value.lower() not in CONNECTIONS:
            return f"There is no connection {value}. Use one of: {', '.join(CONNECTIONS)}."
    return None


def statuses(session: DbSession, scope: Scope, values: Iterable[str]) -> str | None:
    """The values are those of `Filters.status`. A new word of Microsoft's is a status as soon as a license has it."""
    for value in values:
        if value not in STATUS_LABELS and not totals(session, scope, Filters(status=(value,))).count:
            return f"There is no status {value}. Use one of: {', '.join(STATUS_LABELS)}."
    return None
