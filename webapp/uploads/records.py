"""The records of a CSV file, whoever wrote it: with commas, semicolons or tabs, its columns in any order."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .decoding import Lines

_DELIMITERS = (",", ";", "\t")
_ERRORS = {
    "unexpected end of data": "a quoted field begins here and does not end",
    "field larger than field limit": "a quoted field begins here and does not end",
    "expected after": "a quote stands in the middle of a field",
}

# Told of lines that are no record: the first and the last of them, and why.
LeftOut = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Header:
    """How fields are set apart, where the wanted columns are, and how all columns are titled."""

    delimiter: str
    positions: dict[str, int]
    titles: tuple[str, ...]

    @property
    def unknown(self) -> list[str]:
        """The titles, as they are, that name none of the wanted columns, or one once more."""
        known = set(self.positions.values())
        return [title for position, title in enumerate(self.titles) if position not in known and title.strip()]


def read_header(lines: Lines, wanted: Sequence[str]) -> Header:
    """The first line that is neither empty nor Excel's "sep=", read with what sets most of the columns apart."""
    line = _first_line(lines)
    found = [_header(line, delimiter, wanted) for delimiter in _DELIMITERS]
    return max(found, key=lambda header: len(header.positions))


def read_records(lines: Lines, delimiter: str, leave_out: LeftOut) -> Iterator[tuple[int, list[str]]]:
    """Each record with the number of its first line. What is no record is told, and the next line begins a new one."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        first_line = lines.number + 1
        lines.begin_record()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            leave_out(first_line, lines.number, _explained(error))
            continue
        if any(cell.strip() for cell in cells):
            yield first_line, cells


def _first_line(lines: Lines) -> str:
    while True:
        lines.begin_record()
        line = next(lines, "")
        if not line or (line.strip() and not line.lower().startswith("sep=")):
            return line


def _header(line: str, delimiter: str, wanted: Sequence[str]) -> Header:
    columns = {_letters(column): column for column in wanted}
    try:
        titles = tuple(next(csv.reader([line], delimiter=delimiter), []))
    except csv.Error:
        titles = ()  # a field that is longer than any may be
    positions: dict[str, int] = {}
    for position, title in enumerate(titles):
        # Some files begin with a mark of their encoding that was itself encoded once more.
        column = columns.get(_letters(title))
        if column is not None:
            positions.setdefault(column, position)
    return Header(delimiter, positions, titles)


def _explained(error: csv.Error) -> str:
    known = (reason for words, reason in _ERRORS.items() if words in str(error))
    return next(known, "it is not in the form of a CSV file")


def _letters(title: str) -> str:
    return re.sub("[^a-z0-9]", "", title.lower())
