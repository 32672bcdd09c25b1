"""Licenses as CSV, for a spreadsheet: streamed, however many there are, and harmless when it is opened."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

COLUMNS = {
    "organization": "organization",
    "tenant": "tenant",
    "tenant_id": "tenant_id",
    "product": "product",
    "sku_part_number": "sku_part_number",
    "sku_id": "sku_id",
    "status": "status",
    "active": "active",
    "consumed": "consumed",
    "unused": "unused",
    "over": "over",
    "in_grace": "warning",
    "suspended": "suspended",
    "locked_out": "locked_out",
    "last_synced_at": "last_synced_at",
    "gone_at": "gone_at",
    "disconnected_at": "disconnected_at",
}
_ATTRIBUTES = tuple(COLUMNS.values())

# Excel takes a file for UTF-8 only where it begins with this.
_BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
# What a spreadsheet takes for the beginning of a formula, also in the width that Japanese keyboards type.
_FORMULA = tuple("=+-@＝＋－＠")
_SEPARATORS = ("\t", "\r", "\n")


def csv_lines(chunks: Iterable[Sequence[Any]]) -> Iterator[str]:
    """The file in pieces: one with the names of the columns, then one for each chunk of rows."""
    yield _BYTE_ORDER_MARK + _written([list(COLUMNS)])
    for rows in chunks:
        yield _written([[_cell(getattr(row, attribute)) for attribute in _ATTRIBUTES] for row in rows])


def defused(text: str) -> str:
    """The text so that no spreadsheet takes it for a formula: with an apostrophe before it where one might."""
    if text.startswith(_SEPARATORS) or text.lstrip().startswith(_FORMULA):
        return f"'{text}"
    return text


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return defused(value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return value


def _written(rows: list[list[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
