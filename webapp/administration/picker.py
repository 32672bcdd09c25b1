"""Choosing organizations, groups or users out of very many, with or without script.

What is sent are only the boxes that were shown and those of them that are ticked. So a list of thousands need not be
shown to be kept, and two who change one user at once do not undo each other's work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import abort
from htmx_flask import request
from sqlalchemy import ColumnElement, Select, case, false, or_, select
from werkzeug.datastructures import MultiDict

from ..models import Organization, User, UserGroup
from ..models.base import DbSession
from ..search import every_word, row_ids, searchable
from .grants import Change

MOST_LISTED = 30
# The button that Enter presses.
ENTER = "enter"
# What somebody ticks by hand before they save.
MOST_CHANGED = 1000


@dataclass(frozen=True)
class Kind:
    """What is chosen from: its words, and its rows as id, name and what tells apart those of one name."""

    name: str
    legend: str
    searched: str
    none_given: str
    rows: Select[*tuple[Any, ...]]
    id: Any
    is_found: Callable[[str], ColumnElement[bool]]
    # What can be given anew; what is given already is listed in any case.
    is_offered: ColumnElement[bool]
    order: Sequence[Any]


@dataclass(frozen=True)
class Entry:
    id: int
    name: str
    hint: str
    is_ticked: bool


@dataclass(frozen=True)
class Picker:
    """The boxes to show, those that were changed and not saved yet first; and what saving changes."""

    kind: Kind
    q: str
    changed: Sequence[Entry]
    found: Sequence[Entry]
    has_more: bool
    change: Change


def organizations() -> Kind:
    return Kind(
        name="organizations",
        legend="Organizations",
        searched="Name of an organization",
        none_given="No organization is chosen yet. Search for one.",
        rows=select(Organization.id, Organization.name, Organization.address),
        id=Organization.id,
        is_found=lambda word: Organization.name_folded.contains(word, autoescape=True),
        is_offered=Organization.archived_at.is_(None),
        order=(Organization.name_folded, Organization.id),
    )


def groups() -> Kind:
    return Kind(
        name="groups",
        legend="Groups",
        searched="Name of a group",
        none_given="There is no group yet.",
        rows=select(UserGroup.id, UserGroup.name, UserGroup.id),
        id=UserGroup.id,
        is_found=lambda word: UserGroup.name_folded.contains(word, autoescape=True),
        is_offered=UserGroup.id.is_not(None),
        order=(UserGroup.name_folded,),
    )


def members() -> Kind:
    return Kind(
        name="members",
        legend="Members",
        searched="E-mail address",
        none_given="No user is found.",
        rows=select(User.id, User.email, User.role),
        id=User.id,
        is_found=lambda word: User.email.contains(word, autoescape=True),
        is_offered=User.id.is_not(None),
        order=(User.email,),
    )


def read(session: DbSession, kind: Kind, given: Select[int] | None, values: MultiDict[str, str]) -> Picker:
    """The picker as the sent values leave it, for who is `given` these ids so far. Takes three queries."""
    shown, ticked = _ids(values, f"{kind.name}-shown"), _ids(values, kind.name)
    is_given: ColumnElement[bool] = false() if given is None else kind.id.in_(given)
    have = set(session.scalars(select(kind.id).where(kind.id.in_(shown | ticked), is_given)))
    change = Change(give=frozenset(ticked - have), take=frozenset((shown - ticked) & have))
    changed = session.execute(kind.rows.where(kind.id.in_(change.give | change.take)).order_by(*kind.order)).all()
    q = searchable(values.get(f"{kind.name}-q", ""))
    query = (
        kind.rows.add_columns(case((is_given, 1), else_=0))
        .where(or_(kind.is_offered, is_given), every_word(q, kind.is_found))
        .where(kind.id.not_in([row[0] for row in changed]))
        .order_by(case((is_given, 0), else_=1), *kind.order)
        .limit(MOST_LISTED + 1)
    )
    found = session.execute(query).all()
    return Picker(
        kind=kind,
        q=q,
        changed=[_entry(row, row[0] in change.give) for row in changed],
        found=[_entry(row, bool(row[3])) for row in found[:MOST_LISTED]],
        has_more=len(found) > MOST_LISTED,
        change=change,
    )


def is_searching(pickers: Iterable[Picker], values: MultiDict[str, str]) -> bool:
    """Whether the form was sent to find what to choose from, and not to be saved.

    Who presses Enter presses the form's first button, and with words in a search box means them.
    """
    return any(f"{picker.kind.name}-find" in values or (ENTER in values and bool(picker.q)) for picker in pickers)


def asked_by_htmx(pickers: Iterable[Picker]) -> Picker | None:
    """The picker in whose search box somebody types, where this is HTMX's request for its boxes."""
    trigger = request.htmx.trigger_name if request.htmx else None
    return next((picker for picker in pickers if trigger == f"{picker.kind.name}-q"), None)


def _entry(row: Any, is_ticked: bool) -> Entry:
    hint = row[2] if isinstance(row[2], str) else ""
    return Entry(row[0], row[1], getattr(hint, "label", hint), is_ticked)


def _ids(values: MultiDict[str, str], name: str) -> set[int]:
    texts = values.getlist(name)
    if len(texts) > MOST_CHANGED:
        abort(400, f"No more than {MOST_CHANGED:,} can be chosen at once. Save in between.")
    return set(row_ids(texts))
