"""The organizations that the Global list of contacts can be narrowed to: never more than the viewer may see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Select, select

from ..licenses.choices import MOST_FOUND, MOST_LISTED, Choice, Choices
from ..licenses.conditions import organizations_chosen
from ..models import Contact, Organization, fold
from ..models.base import DbSession
from ..scope import Scope
from ..search import every_word
from ..text import clipped

_LONGEST_TEXT = 100


def organizations(session: DbSession, scope: Scope, chosen: Sequence[str]) -> Choices:
    """The select of organizations that have contacts. A value that names none is in it as well, since it is chosen."""
    rows = session.execute(_having_contacts(scope).limit(MOST_LISTED + 1)).all()
    chosen_rows = _chosen_rows(session, scope, chosen)
    is_searched = len(rows) > MOST_LISTED
    options = _labelled(chosen_rows if is_searched else rows, {row.id for row in chosen_rows})
    named = {fold(str(value)) for row in chosen_rows for value in row}
    options += [Choice(value, clipped(value, _LONGEST_TEXT), True) for value in chosen if fold(value) not in named]
    return Choices("organization", "Organization", options, is_searched)


def found(session: DbSession, scope: Scope, q: str) -> list[Choice]:
    """The first organizations in whose name every word of `q` is found."""
    is_found = every_word(q, lambda word: Organization.name_folded.contains(word, autoescape=True))
    return _labelled(session.execute(_having_contacts(scope).where(is_found).limit(MOST_FOUND)).all())


def _having_contacts(scope: Scope) -> Select[int, str]:
    has_contacts = select(Contact.id).where(Contact.organization_id == Organization.id).exists()
    return (
        select(Organization.id, Organization.name)
        .where(scope.includes(), ~Organization.is_archived, has_contacts)
        .order_by(Organization.name_folded, Organization.id)
    )


def _chosen_rows(session: DbSession, scope: Scope, chosen: Sequence[str]) -> Sequence[Any]:
    if not chosen:
        return []
    return session.execute(
        _having_contacts(scope).where(Organization.id.in_(organizations_chosen(chosen, scope)))
    ).all()


def _labelled(rows: Sequence[Any], chosen: Iterable[int] = ()) -> list[Choice]:
    times = Counter(row.name for row in rows)
    return [
        Choice(
            str(row.id),
            clipped(f"{row.name} ({row.id})" if times[row.name] > 1 else row.name, _LONGEST_TEXT),
            row.id in chosen,
        )
        for row in rows
    ]
