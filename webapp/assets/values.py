"""The values of an asset's fields: as they are typed, as they are stored, as people read them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from ..models import AssetField, FieldKind, fold
from ..text import is_visible, one_line
from .limits import LONGEST_TEXT

_NUMBER = re.compile(r"([+-]?)0*(\d{1,18})(?:\.(\d{1,10}))?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def read(field: AssetField, typed: str, stored: Any = None) -> str | None:
    """What is stored of what was typed; None where nothing was. Raises `ValueError` with what to type instead.

    Of a select, the stored value is taken as well, also where it is no longer offered.
    """
    is_select = field.kind == FieldKind.SELECT
    value = _option(field, typed, stored) if is_select else _READERS.get(field.kind, _text)(typed)
    if value is None and field.is_required:
        raise ValueError("Choose one." if is_select else "Fill this in: it is required.")
    return value


def shown(field: AssetField, value: Any) -> str:
    """The stored value as people read it; empty where there is none."""
    if value is None:
        return ""
    if field.kind == FieldKind.CHECKBOX:
        return "Yes" if value is True else "No"
    return str(value)


def plain(field: AssetField, value: Any) -> Any:
    """The stored value as programs read it: true or false of a checkbox, text of others, None where there is none."""
    return value is True if field.kind == FieldKind.CHECKBOX and value is not None else value


def searched(name: str, fields: Iterable[AssetField], content: Mapping[str, Any]) -> str:
    """The name and all values that are text, folded: what a search looks in."""
    values = [content.get(str(field.id)) for field in fields]
    return fold(" ".join([name, *(value for value in values if isinstance(value, str))]))


def lines(text: str) -> str:
    """Text of several lines: each without control characters, none empty at the ends."""
    cleaned = [one_line(line) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    return "\n".join(cleaned).strip("\n")


def _text(typed: str) -> str | None:
    if len(typed) > 4 * LONGEST_TEXT:
        # Not worth cleaning: nothing that is left out makes it short enough.
        raise ValueError(f"This has {len(typed):,} characters; it may have {LONGEST_TEXT:,}.")
    text = lines(typed)
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"This has {len(text):,} characters; it may have {LONGEST_TEXT:,}.")
    return text if is_visible(text) else None


def _number(typed: str) -> str | None:
    # A minus sign as word processors write it is one, too.
    text = unicodedata.normalize("NFKC", one_line(typed[:LONGEST_TEXT])).replace("\N{MINUS SIGN}", "-")
    if not text:
        return None
    found = _NUMBER.fullmatch(text) if text.isascii() else None
    if found is None:
        raise ValueError(
            "Type a number with digits and, before decimals, a point: 1234.5. Commas and spaces are not taken, since "
            "they mean different things to different people. Up to 18 digits and 10 decimals."
        )
    sign, whole, decimals = found.groups()
    is_nothing = not (whole + (decimals or "")).strip("0")
    return ("-" if sign == "-" and not is_nothing else "") + whole + (f".{decimals}" if decimals else "")


def _date(typed: str) -> str | None:
    text = unicodedata.normalize("NFKC", one_line(typed[:LONGEST_TEXT]))
    if not text:
        return None
    try:
        if not (text.isascii() and _DATE.fullmatch(text)):
            raise ValueError
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError("Type a date as year, month and day: 2026-01-31.") from None


def _option(field: AssetField, typed: str, stored: Any) -> str | None:
    if not typed:
        return None
    if typed not in field.options and typed != stored:
        raise ValueError("Choose one of the options: this one is not offered, or not any more.")
    return typed


_READERS: dict[FieldKind, Callable[[str], str | None]] = {FieldKind.NUMBER: _number, FieldKind.DATE: _date}
