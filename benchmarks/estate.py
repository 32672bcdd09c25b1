"""A made-up MSP of any size, written by bulk insert: organizations, their tenants, products and licenses."""

from __future__ import annotations

import random
import uuid
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert

from webapp.models import (
    OFFICE_365_LICENSES,
    FlexibleAssetType,
    Integration,
    License,
    LicenseStatus,
    Organization,
    Product,
    Tenant,
    fold,
)
from webapp.models.figures import seats
from webapp.models.product_names import known_products
from webapp.models.statements import table_of

TENANTS, PRODUCTS = 5_000, 150
_NOW = datetime(2026, 1, 15, 8, 30, tzinfo=UTC)
_CHUNK = 10_000
_STATUSES = [LicenseStatus.ENABLED] * 90 + [LicenseStatus.WARNING] * 4 + [LicenseStatus.SUSPENDED] * 4
_STATUSES += [LicenseStatus.LOCKED_OUT, LicenseStatus.GONE]

_FIRST = ("Aldgate", "Birchwood", "Clearwater", "Dunmore", "Eastgate", "Fairview", "Glenrock", "Hawthorn", "Juniper")
_SECOND = ("Bakery", "Dental", "Engineering", "Foods", "Freight", "Law", "Media", "Partners", "Robotics", "Schools")


def build(connection: Connection, licenses: int) -> None:
    """Fill an empty database. The same number of licenses makes the same estate each time."""
    dice = random.Random(20_260_115)
    products = known_products()[:PRODUCTS]
    tenants = min(TENANTS, licenses)
    names = [f"{dice.choice(_FIRST)} {dice.choice(_SECOND)} {number:04}" for number in range(1, tenants + 1)]
    _write(connection, FlexibleAssetType, [_licenses_type()])
    _write(connection, Integration, [_integration()])
    _write(connection, Organization, [_organization(number, name) for number, name in enumerate(names, 1)])
    _write(connection, Tenant, [_tenant(number, name, dice) for number, name in enumerate(names, 1)])
    _write(connection, Product, [_product(number, *facts) for number, facts in enumerate(products, 1)])
    _write(connection, License, _licenses(licenses, tenants, products, dice))
    connection.exec_driver_sql("ANALYZE")


def _licenses(
    licenses: int, tenants: int, products: list[tuple[str, str, str]], dice: random.Random
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for tenant in range(1, tenants + 1):
        wanted = licenses // tenants + (tenant <= licenses % tenants)
        for product in dice.sample(range(len(products)), min(wanted, len(products))):
            rows.append(_license(len(rows) + 1, tenant, product + 1, products[product], dice))
    return rows


def _license(
    number: int, tenant: int, product_id: int, product: tuple[str, str, str], dice: random.Random
) -> dict[str, Any]:
    status = dice.choice(_STATUSES)
    bought = 0 if status == LicenseStatus.GONE else dice.choice((1, 5, 10, 25, 50, 100, 250))
    used = seats(status, bought, dice.randint(0, bought + bought // 20))
    return {
        "id": number,
        "tenant_id": tenant,
        "product_id": product_id,
        "sku_id": product[0],
        "sku_part_number": product[1],
        "applies_to": "User",
        "status": str(status),
        **asdict(used),
        "suspended": bought if status == LicenseStatus.SUSPENDED else 0,
        "gone_at": _NOW if status == LicenseStatus.GONE else None,
    }


def _licenses_type() -> dict[str, Any]:
    return {"id": 1, "slug": OFFICE_365_LICENSES, "name": "Office 365 Licenses", "icon": "license", "is_synced": True}


def _integration() -> dict[str, Any]:
    return {
        "id": 1,
        "name": "Partner tenant",
        "name_folded": "partner tenant",
        "home_tenant_id": str(uuid.UUID(int=1)),
        "client_id": str(uuid.UUID(int=2)),
        "client_secret_encrypted": "",
    }


def _organization(number: int, name: str) -> dict[str, Any]:
    return {"id": number, "name": name, "name_folded": fold(name)}


def _tenant(number: int, name: str, dice: random.Random) -> dict[str, Any]:
    domain = f"{fold(name).replace(' ', '')}.onmicrosoft.com"
    return {
        "id": number,
        "integration_id": 1,
        "tenant_id": str(uuid.UUID(int=number + 1_000)),
        "name": name,
        "name_folded": fold(name),
        "default_domain": domain,
        "search_folded": fold(f"{name} {domain}"),
        "organization_id": number,
        "last_synced_at": _NOW - timedelta(seconds=dice.randint(0, 86_400)),
    }


def _product(number: int, sku_id: str, part_number: str, name: str) -> dict[str, Any]:
    return {
        "id": number,
        "sku_id": sku_id,
        "part_number": part_number,
        "name": name,
        "name_folded": fold(name),
        "search_folded": fold(f"{name} {part_number}"),
    }


def _write(connection: Connection, model: type[Any], rows: list[dict[str, Any]]) -> None:
    table = table_of(model)
    for start in range(0, len(rows), _CHUNK):
        connection.execute(insert(table), rows[start : start + _CHUNK])
