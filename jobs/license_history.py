"""The history of licenses: what a sync changed, from what to what, in people's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table

from webapp.extensions import db
from webapp.models import AssetChange, ChangeKind, LicenseStatus, Tenant
from webapp.models.asset_change import differences, license_values

from .microsoft.facts import NO_FIGURES, LicenseFacts

Facts = Mapping[str, LicenseFacts]


def record(
    tenant: Tenant, before: Facts, returned: Facts, ids: Mapping[str, int], now: datetime, run_id: int | None
) -> None:
    """Write what became of the tenant's licenses, in the transaction that wrote them. What is the same has no entry.

    `before` are those that were stored, `returned` those that Microsoft told, `ids` the rows of all, each by sku id.
    """
    entries = list(_entries(before, returned))
    if not entries:
        return
    common = {"at": now, "who": f"Sync of {tenant.integration.name}", "run_id": run_id}
    db.session.execute(
        cast(Table, AssetChange.__table__).insert(),
        [{**common, "license_id": ids[sku_id], "kind": kind, "fields": fields} for sku_id, kind, fields in entries],
    )


def _entries(before: Facts, returned: Facts) -> Iterator[tuple[str, ChangeKind, list[dict[str, Any]]]]:
    for sku_id, facts in returned.items():
        old = before.get(sku_id)
        if old == facts:
            continue
        kind = ChangeKind.CHANGED
        if old is None:
            kind = ChangeKind.CREATED
        elif old.status == LicenseStatus.GONE != facts.status:
            kind = ChangeKind.RETURNED
        yield sku_id, kind, differences(_values(old) if old else {}, _values(facts))
    for sku_id, facts in before.items():
        if sku_id not in returned and facts.status != LicenseStatus.GONE:
            gone = replace(facts, status=LicenseStatus.GONE, figures=NO_FIGURES)
            yield sku_id, ChangeKind.GONE, differences(_values(facts), _values(gone))


def _values(facts: LicenseFacts) -> dict[str, Any]:
    columns = {"status": facts.status, "sku_part_number": facts.sku_part_number, "applies_to": facts.applies_to}
    return license_values({**columns, **vars(facts.figures)})
