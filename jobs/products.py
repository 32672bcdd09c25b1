"""The products behind the licenses that are read: known, or made when first seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Insert, bindparam, select

from webapp.extensions import db
from webapp.models import Product
from webapp.models.product_edition import Names, names_for
from webapp.models.statements import insert_or, table_of


def products_of(part_numbers: Mapping[str, str]) -> dict[str, int]:
    """The ids of the products of these SKUs, whose part numbers are given.

    Those not seen before are made, whoever else makes them meanwhile.
    """
    known = _known_products(part_numbers)
    missing = {sku_id: part_numbers[sku_id] for sku_id in sorted(set(part_numbers) - set(known))}
    if not missing:
        return known
    names = names_for(db.session, missing, to_write=True)
    # In the order of their ids, so that two who make the same ones wait for each other and never both ways.
    rows = [_product_row(names, sku_id, part_number) for sku_id, part_number in missing.items()]
    db.session.execute(_insert_or_ignore(), rows)
    return _known_products(part_numbers)


def _product_row(names: Names, sku_id: str, part_number: str) -> dict[str, str]:
    name, _ = names.name_and_source(sku_id, part_number)
    product = Product(sku_id=sku_id, part_number=part_number, name=name)
    columns = ("sku_id", "part_number", "name", "name_folded", "search_folded")
    return {column: getattr(product, column) for column in columns}


def _known_products(sku_ids: Iterable[str]) -> dict[str, int]:
    return dict(db.session.execute(_KNOWN, {"sku_ids": list(sku_ids)}).all())


_PRODUCT = table_of(Product)
_KNOWN = select(_PRODUCT.c.sku_id, _PRODUCT.c.id).where(_PRODUCT.c.sku_id.in_(bindparam("sku_ids", expanding=True)))


def _insert_or_ignore() -> Insert:
    statement: Insert = insert_or(Product, db.engine.dialect.name).on_conflict_do_nothing(index_elements=["sku_id"])
    return statement
