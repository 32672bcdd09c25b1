"""A license as programs get it: the commands and the API print the same."""

from __future__ import annotations

from typing import Any

_KEYS = (
    "id",
    "organization",
    "integration",
    "tenant_id",
    "tenant",
    "sku_id",
    "sku_part_number",
    "applies_to",
    "status",
    "active",
    "consumed",
    "unused",
    "over",
    "assigned",
    "warning",
    "suspended",
    "locked_out",
    "last_synced_at",
    "gone_at",
    "disconnected_at",
)


def record(row: Any) -> dict[str, Any]:
    """A row of `queries.listing`, with `assigned`, by its public names."""
    return {"name": row.product} | {key: getattr(row, key) for key in _KEYS}
