"""Organizations read from a CSV file with the columns name, address, phone and domains."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

from ..text import clipped, one_line
from ..uploads.decoding import Limits, Lines, text_of
from ..uploads.records import Header, read_header, read_records
from . import records
from .records import Details

COLUMNS = ("name", "address", "phone", "domains")
MOST_ROWS = 20_000
# A quoted field may have several lines.
LIMITS = Limits(
    advice=(
        f"The file needs a first line that names the column “name”, and may have {MOST_ROWS:,} organizations in 10 MB. "
        "Split one that is larger; save a workbook as CSV."
    ),
    largest_file=10 * 1024 * 1024,
    most_lines=100_000,
)
_LONGEST_TOLD = 200
_MOST_UNKNOWN = 50


@dataclass(frozen=True)
class Row:
    """An organization that the file names, or, where there is a `problem`, why a line names none."""

    line: int
    last_line: int
    details: Details
    problem: str = ""


@dataclass(frozen=True)
class Sheet:
    """What a file says. `unknown` are the titles of the columns that it has beside ours."""

    encoding: str
    unknown: tuple[str, ...]
    rows: tuple[Row, ...]

    def plain(self) -> dict[str, Any]:
        """The sheet in values that JSON has."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Sheet:
        return cls(plain["encoding"], tuple(plain["unknown"]), tuple(map(_row, plain["rows"])))


def read(file: BinaryIO) -> Sheet:
    """The organizations in the file. Raises `NotReadable` where it is no such file; single lines may be wrong."""
    with text_of(file, LIMITS) as (lines, encoding):
        header = _header(lines)
        rows = _rows(lines, header)
    if not rows:
        raise LIMITS.refusal("The file has the columns but no organizations.")
    unknown = tuple(clipped(one_line(title), _LONGEST_TOLD) for title in header.unknown[:_MOST_UNKNOWN])
    return Sheet(encoding, unknown, tuple(rows))


def _header(lines: Lines) -> Header:
    header = read_header(lines, COLUMNS)
    if "name" not in header.positions:
        raise LIMITS.refusal("The first line of the file does not name the column “name”.")
    return header


def _rows(lines: Lines, header: Header) -> list[Row]:
    rows: list[Row] = []

    def add(row: Row) -> None:
        rows.append(row)
        if len(rows) > MOST_ROWS:
            raise LIMITS.refusal(f"The file has more than {MOST_ROWS:,} organizations.")

    def leave_out(first_line: int, last_line: int, reason: str) -> None:
        add(Row(first_line, last_line, Details(""), f"{reason[0].upper()}{reason[1:]}."))

    for first_line, cells in read_records(lines, header.delimiter, leave_out):
        add(_read_row(first_line, lines.number, cells, header))
    return rows


def _read_row(first_line: int, last_line: int, cells: list[str], header: Header) -> Row:
    given = {column: cells[at] for column, at in header.positions.items() if at < len(cells)}
    # What is wrong may be the name, so it is shown as it is, cut.
    as_it_is = Details(clipped(one_line(given.get("name", "")), _LONGEST_TOLD))
    if any(cell.strip() for cell in cells[len(header.titles) :]):
        problem = (
            f"It has {len(cells)} fields, and the first line names {len(header.titles)}. Put a field that holds "
            f"“{header.delimiter}” into quotes."
        )
        return Row(first_line, last_line, as_it_is, problem)
    if damaged := next((column for column, text in given.items() if "\ufffd" in text), None):
        return Row(first_line, last_line, as_it_is, f"The {damaged} holds characters that were damaged.")
    if not as_it_is.name:
        return Row(first_line, last_line, as_it_is, "It has no name.")
    try:
        return Row(first_line, last_line, records.clean(**given))
    except ValueError as error:
        return Row(first_line, last_line, as_it_is, str(error))


def _row(plain: dict[str, Any]) -> Row:
    details = plain["details"]
    return Row(**{**plain, "details": Details(**{**details, "domains": tuple(details["domains"])})})
