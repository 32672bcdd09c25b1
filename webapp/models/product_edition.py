"""The names that an imported edition of Microsoft's list gives, and which name a product has of all that there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Text, func, or_, select, text
from sqlalchemy.orm import Mapped, mapped_column

from ..extensions import db
from .base import DbSession, Model, UtcDateTime, primary_key, utc_now
from .product_names import shipped_name


class NameSource(StrEnum):
    """Where a product's name comes from. The first one that there is wins."""

    OWN = "own"
    IMPORTED = "imported"
    SHIPPED = "shipped"
    PART_NUMBER = "part number"

    @property
    def label(self) -> str:
        return _SOURCE_LABELS[self]


_SOURCE_LABELS = {
    NameSource.OWN: "Own name",
    NameSource.IMPORTED: "Imported edition",
    NameSource.SHIPPED: "Shipped table",
    NameSource.PART_NUMBER: "Part number",
}


class ProductName(Model):
    """A product's name in Microsoft's list, as the last imported edition that has the product spells it."""

    __tablename__ = "product_name"

    id: Mapped[primary_key]
    sku_id: Mapped[str] = mapped_column(Text, unique=True)
    part_number: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    imported_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


@dataclass(frozen=True)
class ListedName:
    """One product of an edition."""

    sku_id: str
    part_number: str
    name: str


class Names:
    """The names of an edition: by SKU id, else by part number where all its products of that number have one name."""

    def __init__(self, products: Iterable[ListedName]) -> None:
        self._by_sku_id: dict[str, str] = {}
        self._by_part_number: dict[str, str | None] = {}
        for product in products:
            self._by_sku_id[product.sku_id] = product.name
            part_number = product.part_number.lower()
            if self._by_part_number.setdefault(part_number, product.name) != product.name:
                self._by_part_number[part_number] = None

    def find(self, sku_id: str, part_number: str) -> str | None:
        name = self._by_sku_id.get(sku_id)
        return name or (self._by_part_number.get(part_number.lower()) if part_number else None)

    def name_and_source(self, sku_id: str, part_number: str) -> tuple[str, NameSource]:
        """What the product is called where it has no name of its own, and where that comes from."""
        if imported := self.find(sku_id, part_number):
            return imported, NameSource.IMPORTED
        if shipped := shipped_name(sku_id, part_number):
            return shipped, NameSource.SHIPPED
        return part_number, NameSource.PART_NUMBER


def names_for(session: DbSession, part_numbers: Mapping[str, str], *, to_write: bool = False) -> Names:
    """The imported names that these products, part numbers by SKU id, may have: one query for all of them.

    Whoever writes a name that was found here says `to_write`: an import then waits for the end of this transaction,
    and this query for the end of an import, so that neither leaves a name that the other made out of date.
    """
    query = select(ProductName.sku_id, ProductName.part_number, ProductName.name).where(
        or_(
            ProductName.sku_id.in_(list(part_numbers)),
            func.lower(ProductName.part_number).in_(sorted({number.lower() for number in part_numbers.values()})),
        )
    )
    if to_write:
        query = query.with_for_update(read=True, key_share=True)
    return Names(ListedName(*row) for row in session.execute(query))


def hold_names(session: DbSession) -> None:
    """Until this transaction ends, nobody else names a product. SQLite has one writer at a time by nature."""
    if db.engine.dialect.name == "postgresql":
        session.execute(text("LOCK TABLE product_name IN EXCLUSIVE MODE"))
