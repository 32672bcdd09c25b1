"""The licenses of a tenant: those that are stored, compared with those that Microsoft returned, and written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, bindparam, select, update

from webapp.extensions import db
from webapp.models import License, LicenseStatus, Outcome

from .microsoft.facts import NO_FIGURES, Figures, LicenseFacts
from .products import products_of


@dataclass(frozen=True)
class Changes:
    """What differs between the stored licenses of a tenant and those that Microsoft returned."""

    created: tuple[LicenseFacts, ...]
    changed: tuple[LicenseFacts, ...]
    gone: tuple[str, ...]
    unchanged: int

    @property
    def outcome(self) -> Outcome:
        return Outcome(len(self.created), len(self.changed), self.unchanged, len(self.gone))


def compare(stored: Mapping[str, LicenseFacts], returned: Mapping[str, LicenseFacts]) -> Changes:
    """What to write so that the stored licenses become the returned ones. Both are by sku id."""
    gone = [sku_id for sku_id, facts in stored.items() if sku_id not in returned and facts.status != LicenseStatus.GONE]
    changed = [facts for sku_id, facts in returned.items() if sku_id in stored and stored[sku_id] != facts]
    return Changes(
        created=tuple(facts for sku_id, facts in returned.items() if sku_id not in stored),
        changed=tuple(changed),
        gone=tuple(gone),
        unchanged=sum(sku_id in stored for sku_id in returned) - len(changed),
    )


def write(tenant_id: int, changes: Changes, now: datetime) -> None:
    """Write what differs of the licenses of the tenant of this row, in the transaction that is open."""
    _create(tenant_id, changes.created, now)
    _change(tenant_id, changes.changed, now)
    _mark_gone(tenant_id, changes.gone, now)


def stored(tenant_id: int) -> dict[str, LicenseFacts]:
    """The licenses of the tenant of this row, as they are stored, by sku id."""
    rows = db.session.execute(_LICENSES, {"tenant_id": tenant_id})
    return {
        sku_id: LicenseFacts(sku_id, part_number, applies_to, status, Figures(*figures))
        for sku_id, part_number, applies_to, status, *figures in rows
    }


_LICENSE = cast(Table, License.__table__)
_LICENSES = select(
    *(_LICENSE.c[name] for name in ("sku_id", "sku_part_number", "applies_to", "status", *asdict(NO_FIGURES)))
).where(_LICENSE.c.tenant_id == bindparam("tenant_id"))


def _create(tenant_id: int, created: Iterable[LicenseFacts], now: datetime) -> None:
    by_sku = {facts.sku_id: facts for facts in created}
    if not by_sku:
        return
    products = products_of({facts.sku_id: facts.sku_part_number for facts in by_sku.values()})
    common = {"tenant_id": tenant_id, "created_at": now, "changed_at": now}
    db.session.execute(
        _LICENSE.insert(),
        [{**common, "product_id": products[sku_id], **_columns(facts)} for sku_id, facts in by_sku.items()],
    )


def _change(tenant_id: int, changed: Iterable[LicenseFacts], now: datetime) -> None:
    for facts in changed:
        db.session.execute(
            update(License)
            .where(License.tenant_id == tenant_id, License.sku_id == facts.sku_id)
            .values(changed_at=now, gone_at=None, **_columns(facts))
        )


def _mark_gone(tenant_id: int, sku_ids: tuple[str, ...], now: datetime) -> None:
    if sku_ids:
        db.session.execute(
            update(License)
            .where(License.tenant_id == tenant_id, License.sku_id.in_(sku_ids))
            .values(status=LicenseStatus.GONE, gone_at=now, changed_at=now, **asdict(NO_FIGURES))
        )


def _columns(facts: LicenseFacts) -> dict[str, Any]:
    return {
        "sku_id": facts.sku_id,
        "sku_part_number": facts.sku_part_number,
        "applies_to": facts.applies_to,
        "status": facts.status,
        **asdict(facts.figures),
    }
