"""Microsoft's "Product names and service plan identifiers for licensing", read from a CSV file.

Its columns are Product_Display_Name, String_Id (the part number), GUID (the SKU id) and three of the service plan; it
has one row for each service plan, so a product is there many times, some with more than one spelling of their name.
Source: https://learn.microsoft.com/entra/identity/users/licensing-service-plan-reference
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import BinaryIO

from ..integrations.fields import is_guid
from ..models.product_edition import ListedName
from ..text import clipped, one_line
from ..uploads.decoding import Limits, Lines, text_of
from ..uploads.records import Header, read_header, read_records
from .edition import Edition, Spellings, Unread

NAME, PART_NUMBER, SKU_ID = COLUMNS = ("Product_Display_Name", "String_Id", "GUID")

# What an index of PostgreSQL takes, and four times what Microsoft's longest name has.
LONGEST_NAME = 500
# Microsoft sells some hundreds of products. These keep what is held in memory small, whatever is uploaded.
MOST_PRODUCTS = 10_000
MOST_SPELLINGS = 40_000
MOST_LISTED = 100

_PAGE = "Product names and service plan identifiers for licensing"
# Microsoft's list has 6,000 lines, the longest of a few hundred characters.
LIMITS = Limits(
    advice=f"Use the CSV file that Microsoft's page “{_PAGE}” offers, as it is.",
    largest_file=50 * 1024 * 1024,
    most_lines=500_000,
)


@dataclass
class _Tally:
    """What the rows say so far: how often each spelling of each product stands there, the first one first."""

    rows: int = 0
    names: dict[str, dict[str, int]] = field(default_factory=dict)
    part_numbers: dict[str, dict[str, int]] = field(default_factory=dict)
    spellings: int = 0
    unread: list[Unread] = field(default_factory=list)
    unread_count: int = 0

    def add(self, product: ListedName) -> None:
        for found, spelling in ((self.names, product.name), (self.part_numbers, product.part_number)):
            counts = found.setdefault(product.sku_id, {})
            self.spellings += spelling not in counts
            counts[spelling] = counts.get(spelling, 0) + 1
        if len(self.names) > MOST_PRODUCTS or self.spellings > MOST_SPELLINGS:
            raise LIMITS.refusal(f"The file has more than {MOST_PRODUCTS:,} products: Microsoft's list never had that.")

    def leave_out(self, first_line: int, last_line: int, reason: str) -> None:
        self.unread_count += 1
        if len(self.unread) < MOST_LISTED:
            self.unread.append(Unread(first_line, last_line, reason))


def read(file: BinaryIO) -> Edition:
    """The edition in the file. Raises `NotReadable` where it is none; single lines that are not right are left out.

    Where a product has several spellings the most frequent is chosen, of equally frequent ones the first.
    """
    tally = _Tally()
    with text_of(file, LIMITS) as (lines, encoding):
        header = _header(lines)
        for first_line, cells in read_records(lines, header.delimiter, tally.leave_out):
            tally.rows += 1
            try:
                tally.add(_product(cells, header.positions))
            except _LeftOut as reason:
                tally.leave_out(first_line, lines.number, str(reason))
    if not tally.names:
        raise LIMITS.refusal(_nothing_in(tally))
    return _edition(tally, encoding)


class _LeftOut(Exception):
    """Why a row names no product."""


def _header(lines: Lines) -> Header:
    """The header, which names all that is needed."""
    header = read_header(lines, COLUMNS)
    missing = [column for column in COLUMNS if column not in header.positions]
    if missing:
        what = f"the column {missing[0]}" if len(missing) == 1 else f"the columns {_and(missing)}"
        raise LIMITS.refusal(f"The first line of the file does not name {what}.")
    return header


def _product(cells: list[str], positions: dict[str, int]) -> ListedName:
    if len(cells) <= max(positions.values()):
        raise _LeftOut(f"it has {len(cells)} of the {max(positions.values()) + 1} columns that are needed")
    name, part_number, sku_id = (_one_line(cells[positions[column]]) for column in COLUMNS)
    guid = sku_id[1:-1] if sku_id.startswith("{") and sku_id.endswith("}") else sku_id
    if not is_guid(guid):
        raise _LeftOut(f"“{clipped(sku_id)}” is not a GUID" if sku_id else "it has no GUID")
    if not any(character.isalnum() for character in name):
        raise _LeftOut("it has no product name")
    for what, text in (("name", name), (PART_NUMBER, part_number)):
        if len(text) > LONGEST_NAME:
            raise _LeftOut(f"its {what} has {len(text):,} characters; {LONGEST_NAME} are the most")
        if "\ufffd" in text:
            raise _LeftOut(f"its {what} holds characters that were damaged: “{clipped(text)}”")
    return ListedName(guid.lower(), part_number, name)


# A product's rows stand together, so what was tidied is soon asked for again.
_one_line = lru_cache(maxsize=64)(one_line)


def _edition(tally: _Tally, encoding: str) -> Edition:
    products = []
    spellings = []
    for sku_id, names in tally.names.items():
        # The first of those that are equally frequent comes first.
        by_frequency = sorted(names.items(), key=lambda spelling: -spelling[1])
        numbers = tally.part_numbers[sku_id]
        part_number = max(filter(None, numbers), key=lambda number: numbers[number], default="")
        products.append(ListedName(sku_id, part_number, by_frequency[0][0]))
        if len(names) > 1:
            spellings.append(Spellings(sku_id, part_number, tuple(by_frequency[:MOST_LISTED])))
    return Edition(
        encoding=encoding,
        rows=tally.rows,
        products=tuple(products),
        spellings=tuple(spellings[:MOST_LISTED]),
        spellings_count=len(spellings),
        unread=tuple(tally.unread),
        unread_count=tally.unread_count,
    )


def _nothing_in(tally: _Tally) -> str:
    if not tally.unread:
        return "The file has the columns but no products."
    first = tally.unread[0]
    return f"No line of the file names a product. {first.lines}: {first.reason}."


def _and(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"
