"""Lists as CSV, for a spreadsheet: streamed, however long they are, and harmless when they are opened."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from flask import make_response
from sqlalchemy import Select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from .extensions import db

# Rows of an export that are in memory at a time.
EXPORT_CHUNK = 1000

# Excel takes a file for UTF-8 only where it begins with this.
_BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
# What a spreadsheet takes for the beginning of a formula, also in the width that Japanese keyboards type.
_FORMULA = tuple("=+-@＝＋－＠")
_SEPARATORS = ("\t", "\r", "\n")
# Where a spreadsheet sets cells apart by semicolons, as in much of Europe, it heeds no quotes that follow a comma: a
# cell begins after each semicolon, and a row after each line's end.
_BEGINS_A_CELL = re.compile(rf"(;|\n|\r(?!\n))(?=[^\S\r\n]*[{re.escape(''.join(_FORMULA))}])")
# A number is none, though it begins like one; with an apostrophe nothing would be reckoned with it.
_NEGATIVE = re.compile(r"-[0-9]+(\.[0-9]+)?")

# The cells of a row that was read.
Record = Callable[[Any], Sequence[Any]]


def csv_answer(filename: str, columns: Sequence[str], query: Select[Any], record: Record) -> Response:
    """Everything that the query finds, as a file to download.

    The query is sent before the answer begins, so that its failure is an answer. The request's own session ends when
    the view returns; the rows are read after that.
    """
    session = Session(db.engine)
    try:
        rows = session.execute(query.execution_options(yield_per=EXPORT_CHUNK))
    except DBAPIError:
        session.close()
        raise
    response: Response = make_response(csv_lines(columns, rows.partitions(), record))
    response.call_on_close(session.close)
    response.headers["Content-Type"] = "text/csv; charset=utf-8"
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


def csv_lines(columns: Sequence[str], chunks: Iterable[Sequence[Any]], record: Record) -> Iterator[str]:
    """The file in pieces: one with the names of the columns, then one for each chunk of rows."""
    # Some columns are named by people.
    yield _BYTE_ORDER_MARK + _written([[defused(column) for column in columns]])
    for rows in chunks:
        yield _written([[_cell(value) for value in record(row)] for row in rows])


def defused(text: str) -> str:
    """The text so that no spreadsheet takes it, or what it cuts off it, for a formula: with an apostrophe before."""
    if _NEGATIVE.fullmatch(text):
        return text
    text = _BEGINS_A_CELL.sub(r"\1'", text)
    if text.startswith(_SEPARATORS) or text.lstrip().startswith(_FORMULA):
        return f"'{text}"
    return text


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return defused(value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return value


def _written(rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
