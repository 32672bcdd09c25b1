"""`flask runs`: what syncs came to."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import AppGroup

from ..integrations.queries import RunRow, newest_runs
from . import find
from .output import as_json_option, explained, print_records

runs = AppGroup("runs", help="List the sync runs.")

_COLUMNS = (
    "id",
    "integration",
    "trigger",
    "state",
    "started_at",
    "finished_at",
    "tenants_total",
    "tenants_ok",
    "tenants_failed",
    "requests",
    "rows_written",
)


@runs.command("list")
@click.option("--integration", metavar="NAME", help="Only the runs of this integration.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="No more than so many.")
@as_json_option
@explained
def list_runs(integration: str | None, limit: int, as_json: bool) -> None:
    """List the sync runs, newest first; the numbers of one that is under way are those reached so far."""
    integration_id = find.integration_named(integration).id if integration is not None else None
    records = [_record(row) for row in newest_runs(integration_id, limit)]
    print_records(records, _COLUMNS, as_json)


def _record(row: RunRow) -> dict[str, Any]:
    run, progress = row.run, row.progress
    return {
        "id": run.id,
        "integration": run.integration.name,
        "trigger": run.trigger.value,
        "state": run.state.value,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "tenants_total": run.tenants_total,
        "tenants_ok": progress.ok,
        "tenants_failed": progress.failed,
        "requests": progress.requests,
        "rows_written": progress.rows_written,
        "reason": run.reason,
        "fix": run.fix,
        "code": run.code,
    }
