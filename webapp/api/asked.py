"""What an address of the API asks for. Nothing of it is ignored: a list without its filter has every customer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flask import abort
from werkzeug.datastructures import MultiDict

from ..extensions import db
from ..licenses import refused
from ..licenses.filters import Filters
from ..scope import Scope
from ..text import one_line

PER_PAGE, MOST_PER_PAGE = 100, 1000

# What may be given several times, and what only once.
_WIDENING = ("organization", "tenant", "product", "status", "connection")
_SINGLE = ("q", "sort", "page", "per_page")
# Programs pass on what was typed into a search box, also where that is nothing.
_MAY_BE_EMPTY = ("q",)


def of_licenses(args: MultiDict[str, str], scope: Scope) -> Filters:
    """The view of the licenses that the parameters ask for, which is refused where a page would ignore one of them.

    Names are not refused: whether somebody else has an organization of that name is nothing that a key may learn.
    """
    _refuse_others(args, ("q", *_WIDENING, "sort", "page", "per_page"))
    asked = Filters.of(args)
    _refuse(refused.sort(args.get("sort", asked.sort)))
    _refuse(refused.connections(map(one_line, args.getlist("connection"))))
    _refuse(refused.statuses(db.session, scope, asked.status))
    return replace(asked, page=_number(args, "page", 1), per_page=_per_page(args))


def of_organizations(args: MultiDict[str, str]) -> tuple[str, int, int]:
    """What to search for, which page, and how many are on one."""
    _refuse_others(args, ("q", "page", "per_page"))
    return args.get("q", ""), _number(args, "page", 1), _per_page(args)


def _refuse(sentence: str | None) -> None:
    if sentence:
        abort(400, sentence)


def _refuse_others(args: MultiDict[str, str], known: Sequence[str]) -> None:
    """Refuse parameters that the list does not have, and those without the one value, or the values, that they take."""
    for name, values in args.lists():
        if name not in known:
            abort(400, f"There is no parameter {name}. Use one of: {', '.join(known)}.")
        if name in _SINGLE and len(values) > 1:
            abort(400, f"{name} is given {len(values)} times. Give it once.")
        if name not in _MAY_BE_EMPTY and not all(map(one_line, values)):
            abort(400, f"{name} has no value. Give it one, or leave it out.")


def _per_page(args: MultiDict[str, str]) -> int:
    return min(_number(args, "per_page", PER_PAGE), MOST_PER_PAGE)


def _number(args: MultiDict[str, str], name: str, default: int) -> int:
    text = args.get(name)
    if text is None:
        return default
    digits = text.lstrip("0")
    if not (digits.isascii() and digits.isdecimal()):
        abort(400, f"{name} cannot be {text}. Give a whole number, 1 or more.")
    # More digits than any page's number has: beyond the end whatever they are.
    return int(digits[:9])
