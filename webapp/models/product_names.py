"""The friendly names of the commonest products, for before and beside what Microsoft publishes.

The facts in product_names.csv are taken from Microsoft's "Product names and service plan identifiers for licensing"
(https://learn.microsoft.com/entra/identity/users/licensing-service-plan-reference), which Microsoft publishes under
the licence CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/). It is a selection, and the spelling of some
names was put right.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name("product_names.csv")


def shipped_name(sku_id: str, part_number: str) -> str | None:
    """What the table calls the product: by its SKU's id, else by its part number."""
    by_sku_id, by_part_number = _names()
    return by_sku_id.get(sku_id.lower()) or by_part_number.get(part_number.lower())


def known_products() -> list[tuple[str, str, str]]:
    """SKU id, part number and name of each product in the table."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return [(row["sku_id"], row["part_number"], row["name"]) for row in csv.DictReader(file)]


@cache
def _names() -> tuple[dict[str, str], dict[str, str]]:
    products = known_products()
    return (
        {sku_id: name for sku_id, _, name in products},
        {part_number.lower(): name for _, part_number, name in products},
    )
