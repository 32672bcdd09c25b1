"""Correcting a license of an integration that was removed. Connecting the tenant again overwrites what is typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from .. import audit
from ..models import AssetChange, AuditArea, ChangeKind, License, LicenseStatus
from ..models.asset_change import LICENSE_FIELDS, differences, license_values
from ..models.base import DbSession
from ..models.figures import seats


def correct(
    session: DbSession, license: License, status: str, numbers: Mapping[str, int], who: str, now: datetime
) -> bool:
    """Store the status and the figures, those that follow from others included; returns whether anything differs.

    One that is gone has no seats. The caller holds the license's row.
    """
    is_gone = status == LicenseStatus.GONE
    typed = dict.fromkeys(numbers, 0) if is_gone else dict(numbers)
    used = seats(status, typed.pop("active"), typed.pop("consumed"))
    before = license_values({column: getattr(license, column) for column in LICENSE_FIELDS})
    for column, value in {"status": status, **asdict(used), **typed}.items():
        setattr(license, column, value)
    told = differences(before, license_values({column: getattr(license, column) for column in LICENSE_FIELDS}))
    if not told:
        return False
    license.gone_at = (license.gone_at or now) if is_gone else None
    license.changed_at = now
    session.add(AssetChange(license_id=license.id, at=now, kind=ChangeKind.CHANGED, who=who, fields=told))
    event = f"Corrected the license {license.product.name} of {license.tenant.name}"
    audit.record(AuditArea.RECORDS, event, fields=told)
    return True
