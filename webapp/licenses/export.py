"""What a row of licenses is in a spreadsheet."""

from __future__ import annotations

from typing import Any

COLUMNS = {
    "organization": "organization",
    "tenant": "tenant",
    "tenant_id": "tenant_id",
    "product": "product",
    "sku_part_number": "sku_part_number",
    "sku_id": "sku_id",
    "status": "status",
    "active": "active",
    "consumed": "consumed",
    "unused": "unused",
    "over": "over",
    "assigned": "assigned",
    "in_grace": "warning",
    "suspended": "suspended",
    "locked_out": "locked_out",
    "last_synced_at": "last_synced_at",
    "gone_at": "gone_at",
    "disconnected_at": "disconnected_at",
}
_ATTRIBUTES = tuple(COLUMNS.values())


def record(row: Any) -> list[Any]:
    """The cells of one license, in the order of the columns."""
    return [getattr(row, attribute) for attribute in _ATTRIBUTES]
