"""What Compare with Microsoft found, as the page shows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from ..models import STATUS_LABELS, Problem, Tenant
from ..models.asset_change import LICENSE_FIELDS

_FIELDS = {
    "name": "Name",
    "default_domain": "Default domain",
    "domains": "Domains",
    "address": "Address",
    "phone": "Phone",
    **LICENSE_FIELDS,
    "part_number": LICENSE_FIELDS["sku_part_number"],
}


@dataclass(frozen=True)
class Line:
    """One thing that differs; None where one side has nothing of the kind."""

    label: str
    stored: str | None
    live: str | None


@dataclass(frozen=True)
class Subject:
    """The tenant or a license, with all that differs of it. `kind` is one of those of `jobs.compare`."""

    kind: str
    name: str
    part_number: str
    lines: Sequence[Line]


@dataclass(frozen=True)
class Comparison:
    """The answer of a comparison that could be made."""

    read_at: datetime
    subjects: Sequence[Subject]
    # Whether licenses are synced: else they were not compared.
    syncs_licenses: bool
    # How many licenses are alike.
    same: int
    warning: Problem | None


def comparison(answer: dict[str, Any]) -> Comparison:
    """The comparison that a worker answered with."""
    return Comparison(
        read_at=answer["read_at"],
        subjects=list(_subjects(answer["differences"])),
        syncs_licenses=syncs_licenses(answer),
        same=answer["same"],
        warning=Problem(**answer["warning"]) if answer["warning"] else None,
    )


def why_not_written(tenant: Tenant) -> str:
    """Why no sync writes what was found, as the beginning of a sentence; empty where a sync does."""
    reasons = (
        (not tenant.integration.syncs_something, "Nothing is chosen to sync"),
        (tenant.gone_at is not None, "The partner's tenant does not name this one among its customers any more"),
        (tenant.left_out_at is not None, "This tenant is left out of syncs"),
        (tenant.ignored_at is not None, "This tenant is ignored"),
        (tenant.organization is None, "This tenant is not matched to an organization"),
        (tenant.organization is not None and tenant.organization.is_archived, "The tenant's organization is archived"),
    )
    return next((reason for applies, reason in reasons if applies), "")


def syncs_licenses(answer: dict[str, Any]) -> bool:
    """Whether licenses were compared. A worker of an older version compares them in any case."""
    return bool(answer.get("syncs_licenses", True))


def _subjects(differences: Iterable[dict[str, Any]]) -> Iterable[Subject]:
    for (kind, _, part_number, name), lines in groupby(differences, key=_subject):
        yield Subject(kind, name, part_number, [_line(line) for line in lines])


def _subject(difference: dict[str, Any]) -> tuple[str, str, str, str]:
    return difference["kind"], difference["sku_id"], difference["sku_part_number"], difference["name"]


def _line(difference: dict[str, Any]) -> Line:
    field = difference["field"]
    return Line(_FIELDS.get(field, field), _said(field, difference["stored"]), _said(field, difference["live"]))


def _said(field: str, value: Any) -> str | None:
    if value is None or isinstance(value, int):
        return None if value is None else f"{value:,}"
    if field == "domains":
        return ", ".join(str(value).splitlines())
    return STATUS_LABELS.get(value, value) if field == "status" else str(value)
