"""The history of licenses: what a sync changed, from what to what, in people's words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from webapp.models import AssetChange, ChangeKind, Tenant
from webapp.models.asset_change import differences, license_values
from webapp.models.statements import table_of

from .bulk import insert_rows
from .licenses import Stored, is_gone
from .microsoft.facts import LicenseFacts

Facts = Mapping[str, LicenseFacts]


def record(tenant: Tenant, before: Facts, after: Stored, now: datetime, run_id: int | None) -> None:
    """Write what became of the tenant's licenses, in the transaction that wrote them. What is the same has no entry.

    `before` are those that were stored, by sku id, and `after` is what is stored now.
    """
    entries = [
        (after.rows[sku_id], _kind(before.get(sku_id), facts), json.dumps(_fields(before.get(sku_id), facts)))
        for sku_id, facts in after.facts.items()
        if facts != before.get(sku_id)
    ]
    same = {"at": now, "who": f"Sync of {tenant.integration.name}", "run_id": run_id}
    insert_rows(table_of(AssetChange), ("license_id", "kind", "fields"), entries, same)


def _kind(before: LicenseFacts | None, after: LicenseFacts) -> str:
    if before is None:
        return ChangeKind.CREATED.value
    if is_gone(before) == is_gone(after):
        return ChangeKind.CHANGED.value
    return (ChangeKind.GONE if is_gone(after) else ChangeKind.RETURNED).value


def _fields(before: LicenseFacts | None, after: LicenseFacts) -> list[dict[str, Any]]:
    return differences(_values(before) if before else {}, _values(after))


def _values(facts: LicenseFacts) -> dict[str, Any]:
    columns = {"status": facts.status, "sku_part_number": facts.sku_part_number, "applies_to": facts.applies_to}
    return license_values({**columns, **vars(facts.figures)})
