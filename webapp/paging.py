"""Which page of a list is shown, and which others the pager offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select

from .models.base import DbSession


def page_asked(args: Mapping[str, str]) -> int:
    """The number of the page that an address, or a form, asks for; the first where that makes no sense."""
    return max(1, number_asked(args, "page", 1))


def number_asked(args: Mapping[str, str], name: str, default: int) -> int:
    """The whole number under this name, which is not negative; the default where there is none."""
    text = args.get(name, "").strip()
    # With more digits it is beyond any number of rows or pages, whatever they are.
    return int(text[:9]) if text.isascii() and text.isdecimal() else default


def count_rows(session: DbSession, query: Select[*tuple[Any, ...]]) -> int:
    """How many rows the query has on all its pages together."""
    return session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0


@dataclass(frozen=True)
class Page:
    """One page of a list of `total` rows. A number beyond the end is the last page."""

    asked: int
    per_page: int
    total: int

    @property
    def last(self) -> int:
        return max(1, -(-self.total // self.per_page))

    @property
    def number(self) -> int:
        return min(max(self.asked, 1), self.last)

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.per_page

    @property
    def first_row(self) -> int:
        return min(self.offset + 1, self.total)

    @property
    def last_row(self) -> int:
        return min(self.offset + self.per_page, self.total)

    @property
    def offered(self) -> Sequence[int | None]:
        """The numbers that the pager shows: the ends and what is around this page; None where some are left out."""
        numbers = sorted({1, self.last, *range(max(1, self.number - 1), min(self.last, self.number + 1) + 1)})
        offered: list[int | None] = []
        for number in numbers:
            before = offered[-1] if offered else None
            if before is not None and number == before + 2:
                offered.append(number - 1)
            elif before is not None and number > before + 2:
                offered.append(None)
            offered.append(number)
        return offered
