"""An edition of Microsoft's list of product names, as it was read from a file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ..models.product_edition import ListedName


@dataclass(frozen=True)
class Spellings:
    """A product whose name the file spells in several ways: each with the number of its rows, the chosen one first."""

    sku_id: str
    part_number: str
    names: tuple[tuple[str, int], ...]

    @property
    def is_tie(self) -> bool:
        """Whether no spelling is more frequent than the chosen one, which then is the first in the file."""
        return self.names[0][1] == self.names[1][1]


@dataclass(frozen=True)
class Unread:
    """Lines of the file that name no product, and why. Most often it is one line."""

    first_line: int
    last_line: int
    reason: str

    @property
    def lines(self) -> str:
        if self.first_line == self.last_line:
            return f"Line {self.first_line:,}"
        return f"Lines {self.first_line:,} to {self.last_line:,}"


@dataclass(frozen=True)
class Edition:
    """What a file says. `unread` and `spellings` hold the first ones only; their counts are of all."""

    encoding: str
    rows: int
    products: tuple[ListedName, ...]
    spellings: tuple[Spellings, ...]
    spellings_count: int
    unread: tuple[Unread, ...]
    unread_count: int

    def plain(self) -> dict[str, Any]:
        """The edition in values that JSON has."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Edition:
        return cls(
            **{key: plain[key] for key in ("encoding", "rows", "spellings_count", "unread_count")},
            products=tuple(ListedName(**product) for product in plain["products"]),
            spellings=tuple(
                Spellings(spelled["sku_id"], spelled["part_number"], tuple((name, n) for name, n in spelled["names"]))
                for spelled in plain["spellings"]
            ),
            unread=tuple(Unread(**unread) for unread in plain["unread"]),
        )
