"""The licenses of a tenant: those that are stored, compared with those that Microsoft returned, and written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from datetime import datetime

from sqlalchemy import bindparam, select, update

from webapp.extensions import db
from webapp.models import License, LicenseStatus, Outcome
from webapp.models.statements import table_of

from .bulk import insert_rows, take_ids
from .microsoft.facts import NO_FIGURES, Figures, LicenseFacts
from .products import products_of


@dataclass(frozen=True)
class Stored:
    """The licenses of a tenant as they are stored: what is known of each, and the id of its row, by sku id."""

    facts: Mapping[str, LicenseFacts]
    rows: Mapping[str, int]

    @property
    def current(self) -> dict[str, int]:
        """The rows of those that the tenant has."""
        return {sku_id: row for sku_id, row in self.rows.items() if not is_gone(self.facts[sku_id])}

    @property
    def gone(self) -> dict[str, int]:
        return {sku_id: row for sku_id, row in self.rows.items() if is_gone(self.facts[sku_id])}


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


def is_gone(facts: LicenseFacts) -> bool:
    """Whether the license is stored as one that Microsoft returned once, and does so no more."""
    return facts.status == LicenseStatus.GONE


def compare(stored: Mapping[str, LicenseFacts], returned: Mapping[str, LicenseFacts]) -> Changes:
    """What to write so that the stored licenses become the returned ones. Both are by sku id."""
    gone = [sku_id for sku_id, facts in stored.items() if sku_id not in returned and not is_gone(facts)]
    changed = [facts for sku_id, facts in returned.items() if sku_id in stored and stored[sku_id] != facts]
    return Changes(
        created=tuple(facts for sku_id, facts in returned.items() if sku_id not in stored),
        changed=tuple(changed),
        gone=tuple(gone),
        unchanged=sum(sku_id in stored for sku_id in returned) - len(changed),
    )


def stored(tenant_id: int) -> Stored:
    """The licenses of the tenant of this row."""
    facts, rows = {}, {}
    for row_id, *about in db.session.execute(_LICENSES, {"tenant_id": tenant_id}):
        sku_id, part_number, applies_to, status, *figures = about
        facts[sku_id] = LicenseFacts(sku_id, part_number, applies_to, status, Figures(*figures))
        rows[sku_id] = row_id
    return Stored(facts, rows)


def write(tenant_id: int, before: Stored, changes: Changes, now: datetime) -> Stored:
    """Write what differs of the licenses of the tenant of this row, in the transaction that is open.

    Returns what is stored then. The caller holds the tenant, so that nobody else writes its licenses.
    """
    new_rows = _create(tenant_id, changes.created, now)
    _change(tenant_id, changes.changed, now)
    _mark_gone(tenant_id, changes.gone, now)
    gone = (replace(before.facts[sku_id], status=LicenseStatus.GONE, figures=NO_FIGURES) for sku_id in changes.gone)
    written = {facts.sku_id: facts for facts in (*changes.created, *changes.changed, *gone)}
    return Stored({**before.facts, **written}, {**before.rows, **new_rows})


_LICENSE = table_of(License)
_FACTS = ("sku_id", "sku_part_number", "applies_to", "status", *asdict(NO_FIGURES))
_LICENSES = select(_LICENSE.c.id, *(_LICENSE.c[name] for name in _FACTS)).where(
    _LICENSE.c.tenant_id == bindparam("tenant_id")
)


def _create(tenant_id: int, created: Sequence[LicenseFacts], now: datetime) -> dict[str, int]:
    """Returns the rows that were made, by sku id."""
    if not created:
        return {}
    products = products_of({facts.sku_id: facts.sku_part_number for facts in created})
    (ids,) = take_ids((_LICENSE, len(created)))
    rows = dict(zip((facts.sku_id for facts in created), ids, strict=True))
    values = [(rows[facts.sku_id], products[facts.sku_id], *_values(facts)) for facts in created]
    same = {"tenant_id": tenant_id, "created_at": now, "changed_at": now}
    insert_rows(_LICENSE, ("id", "product_id", *_FACTS), values, same)
    return rows


def _change(tenant_id: int, changed: Sequence[LicenseFacts], now: datetime) -> None:
    for facts in changed:
        db.session.execute(
            update(License)
            .where(License.tenant_id == tenant_id, License.sku_id == facts.sku_id)
            .values(changed_at=now, gone_at=None, **dict(zip(_FACTS, _values(facts), strict=True)))
        )


def _mark_gone(tenant_id: int, sku_ids: Sequence[str], now: datetime) -> None:
    if sku_ids:
        db.session.execute(
            update(License)
            .where(License.tenant_id == tenant_id, License.sku_id.in_(sku_ids))
            .values(status=LicenseStatus.GONE, gone_at=now, changed_at=now, **asdict(NO_FIGURES))
        )


def _values(facts: LicenseFacts) -> tuple[str | int, ...]:
    """In the order of `_FACTS`."""
    return facts.sku_id, facts.sku_part_number, facts.applies_to, facts.status, *astuple(facts.figures)
