"""`flask audit`: the audit log."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import click
from flask.cli import AppGroup

from ..audit_log.filters import Filters, known_areas
from ..audit_log.queries import listing
from ..extensions import db
from ..models import AuditArea, AuditEntry
from ..search import searchable
from .output import as_json_option, explained, print_records

audit = AppGroup("audit", help="The audit log: who did what, and when.")

_COLUMNS = ("at", "actor", "event", "area", "address")
_day = click.DateTime(formats=["%Y-%m-%d"])


@audit.command("list")
@click.option("--area", multiple=True, type=click.Choice([area.value for area in AuditArea]), help="Only about this.")
@click.option("--search", default="", metavar="TEXT", help="Only where who or what has each word.")
@click.option("--since", type=_day, help="Only from this day (UTC) on.")
@click.option("--until", type=_day, help="Only until the end of this day (UTC).")
@click.option(
    "--limit", type=click.IntRange(1, 1_000_000), default=100, show_default=True, help="No more than so many."
)
@as_json_option
@explained
def list_entries(
    area: tuple[str, ...], search: str, since: datetime | None, until: datetime | None, limit: int, as_json: bool
) -> None:
    """Print the entries of the audit log, newest first."""
    filters = replace(
        Filters(q=searchable(search), area=known_areas(area)),
        since=since.date() if since else None,
        until=until.date() if until else None,
    )
    entries = db.session.scalars(listing(filters).limit(limit)).all()
    print_records([_record(entry) for entry in entries], _COLUMNS, as_json)


def _record(entry: AuditEntry) -> dict[str, Any]:
    return {
        "at": entry.at,
        "area": entry.area.value,
        "actor": entry.actor,
        "event": entry.event,
        "details": entry.details,
        "address": entry.address,
    }
