"""The table of the commonest products' names."""

from __future__ import annotations

import csv
import uuid

import pytest

from webapp.models.product_names import TABLE, known_products, shipped_name


@pytest.mark.parametrize(
    ("part_number", "name"),
    [
        ("SPE_E3", "Microsoft 365 E3"),
        ("ENTERPRISEPREMIUM", "Office 365 E5"),
        ("CRMSTANDARD", "Microsoft Dynamics CRM Online"),
        ("O365_BUSINESS_PREMIUM", "Microsoft 365 Business Standard"),
        ("spb", "Microsoft 365 Business Premium"),
    ],
)
def test_a_product_is_named_by_its_part_number(part_number: str, name: str) -> None:
    assert shipped_name("", part_number) == name


def test_the_sku_id_goes_before_the_part_number_whatever_its_case() -> None:
    assert shipped_name("05E9A617-0261-4CEE-BB44-138D3EF5D965", "SOMETHING_ELSE") == "Microsoft 365 E3"
    assert shipped_name("05e9a617-0261-4cee-bb44-138d3ef5d965", "ENTERPRISEPREMIUM") == "Microsoft 365 E3"


def test_an_unknown_product_has_no_name_in_the_table() -> None:
    assert shipped_name(str(uuid.UUID(int=1)), "BRAND_NEW") is None


def test_the_table_is_well_formed() -> None:
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["sku_id", "part_number", "name"]
    assert 100 <= len(rows) <= 250
    for sku_id, part_number, name in rows[1:]:
        assert str(uuid.UUID(sku_id)) == sku_id
        assert part_number
        assert name
        assert (part_number, name) == (part_number.strip(), " ".join(name.split()))


def test_each_product_is_there_once() -> None:
    sku_ids, part_numbers, _ = zip(*known_products(), strict=True)
    assert len(set(sku_ids)) == len(sku_ids)
    assert len({part_number.lower() for part_number in part_numbers}) == len(part_numbers)
