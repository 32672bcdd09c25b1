"""`flask runs`: what syncs came to, cancelling one, and trying again what failed in one."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import click
from flask.cli import AppGroup
from redis.exceptions import RedisError

from jobs import queue

from ..integrations import running
from ..integrations.consent import consent_url_of
from ..integrations.queries import RunRow, newest_runs
from ..integrations.run_queries import all_parts
from ..metrics.counting import counts
from ..metrics.store import hand_over
from ..models import SyncPart, Trigger
from . import find
from .output import as_json_option, explained, print_record, print_records
from .waiting import follow, wait_option

runs = AppGroup("runs", help="List the sync runs, show, cancel or repeat one.")

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

_PART_COLUMNS = ("tenant", "state", "requests", "created", "changed", "unchanged", "gone", "code", "reason")


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


@runs.command("show")
@click.argument("run_id", type=click.IntRange(1))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, its parts in a list.")
@explained
def show(run_id: int, as_json: bool) -> None:
    """Show the run RUN_ID with its parts, one a tenant, those that failed first."""
    row = find.run_numbered(run_id)
    parts = [_part_record(part) for part in all_parts(run_id)]
    more = {"status": row.words, "retry_of": row.run.retry_of_id, "cancelled_by": row.run.cancelled_by or None}
    record = {**_record(row), **more, "parts": parts}
    looked = ("tenants_found", "tenants_gone", "notice") if row.run.looked_for_tenants else ()
    print_record(record, (*_COLUMNS, *more, "reason", "fix", "code", *looked), as_json)
    if not as_json:
        click.echo()
        print_records(parts, _PART_COLUMNS, as_json=False)


@runs.command("cancel")
@click.argument("run_id", type=click.IntRange(1))
@explained
def cancel(run_id: int) -> None:
    """Cancel the run RUN_ID. Tenants that were done stay so, the others keep their last good data.

    A run that has ended already stays as it ended.
    """
    find.run_numbered(run_id)
    if running.cancel(run_id, "the command line"):
        with suppress(RedisError):  # a run of which the metrics do not tell is cancelled all the same
            hand_over(counts)
        click.echo(f"Cancelled run {run_id}.")
    else:
        click.echo(f"Run {run_id} had ended already: {find.run_numbered(run_id).words}.")


@runs.command("retry")
@click.argument("run_id", type=click.IntRange(1))
@wait_option
@explained
def retry(run_id: int, wait: bool) -> None:
    """Sync again only the tenants that failed in the run RUN_ID, in a new run of the same integration."""
    integration = find.run_numbered(run_id).run.integration.name
    if not queue.is_reachable():
        raise queue.QueueUnavailable
    try:
        retried_id, is_new = running.retry(run_id, Trigger.COMMAND)
    except running.NothingToRetry as error:
        raise click.ClickException(str(error)) from error
    if not is_new:
        raise click.ClickException(
            f"A sync of {integration} is under way already (run {retried_id}). Try when it ended."
        )
    click.echo(f"Started a sync of what failed in run {run_id} (run {retried_id}).")
    follow(retried_id, to_its_end=wait)


def _part_record(part: SyncPart) -> dict[str, Any]:
    plain = ("started_at", "finished_at", "requests", "created", "changed", "unchanged", "gone", "rows_written")
    people = ("users_read", "contacts_created", "contacts_changed", "contacts_unlinked")
    problem = ("reason", "fix", "code", "request_id", "answered_at")
    return {
        "tenant_id": part.tenant.tenant_id,
        "tenant": part.tenant.name,
        "organization": part.tenant.organization.name if part.tenant.organization else None,
        "state": part.state.value,
        **{name: getattr(part, name) for name in (*plain, *people, *problem)},
        "consent_url": consent_url_of(part),
    }


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
        "tenants_found": run.tenants_found,
        "tenants_gone": run.tenants_gone,
        "notice": " ".join(filter(None, (run.notice_reason, run.notice_fix))),
    }
