"""`flask integrations`: connect Microsoft 365, choose what is synced, and sync."""

from __future__ import annotations

import shlex
from functools import partial

import click
from flask.cli import AppGroup

from jobs import queue

from ..extensions import db
from ..integrations import connecting, fields, intervals, queries
from ..models import Cloud, Problem, RunState, SyncRun, Tenant, Trigger, utc_now
from ..models.schedule import EVERY_HOURS, MANUAL_ONLY
from ..text import one_line
from . import find
from .asking import ask as ask_microsoft
from .asking import refusal, warn
from .output import as_json_option, explained, print_records, read_secret
from .removal import remove
from .tenants import tenant_records
from .waiting import wait_for_end

integrations = AppGroup("integrations", help="Connect Microsoft 365, choose what is synced, and sync.")
integrations.add_command(remove)

_MANUAL = "manual"

_COLUMNS = (
    "name",
    "cloud",
    "tenant_id",
    "sync_licenses",
    "sync_every_hours",
    "paused",
    "next_sync_at",
    "tenants",
    "matched",
    "last_run_state",
    "last_run_finished_at",
)


@integrations.command("connect")
@click.argument("name")
@click.option("--tenant-id", required=True, metavar="GUID", help="The Directory (tenant) ID, or one of its domains.")
@click.option("--client-id", required=True, metavar="GUID", help="The Application (client) ID.")
@click.option("--client-secret-stdin", is_flag=True, help="Read the client secret from standard input, one line.")
@click.option(
    "--cloud",
    type=click.Choice([cloud.value for cloud in Cloud]),
    default=Cloud.GLOBAL.value,
    show_default=True,
    help="Microsoft's cloud that the tenant is in.",
)
@explained
def connect(name: str, tenant_id: str, client_id: str, client_secret_stdin: bool, cloud: str) -> None:
    """Connect the Microsoft 365 tenant that an app registration reaches, as the integration NAME.

    The credentials are tried with Microsoft before anything is saved. The client secret comes on standard input, so
    that no other user of this machine sees it:

    \b
        flask integrations connect Contoso --tenant-id contoso.onmicrosoft.com \\
            --client-id 11112222-bbbb-3333-cccc-4444dddd5555 --client-secret-stdin < secret.txt
    """
    if not client_secret_stdin:
        raise click.UsageError(
            "Add --client-secret-stdin and pipe the client secret in, on one line: it cannot be an argument, which "
            "other users of this machine could see."
        )
    try:
        name, tenant, client_id = fields.name(name), fields.tenant(tenant_id), fields.client_id(client_id)
        secret = fields.client_secret(read_secret("client secret"))
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    ask = partial(ask_microsoft, "jobs.connect.check", queue.check_connection)
    try:
        connected = connecting.connect(ask, name, connecting.Credentials(Cloud(cloud), tenant, client_id, secret))
    except connecting.Refused as refused:
        raise refusal(refused.problem) from refused
    directory = connected.directory
    click.echo(f"Connected {name} to {one_line(directory.name)} ({directory.tenant_id}).")
    warn(directory.warning)
    if connected.is_adopted:
        click.echo(connecting.ADOPTED)
    click.echo("Next, match the tenant to an organization, then sync:")
    # The names are somebody else's words: quoted, so that a shell that they are pasted into takes them for words.
    organization = shlex.quote(one_line(directory.name))
    click.echo(f"  .venv/bin/flask tenants match {directory.tenant_id} {organization} --create")
    click.echo(f"  .venv/bin/flask integrations sync {shlex.quote(name)} --wait")


@integrations.command("list")
@as_json_option
@explained
def list_integrations(as_json: bool) -> None:
    """List the integrations, each with its tenants and its last sync. Secrets are never shown."""
    records = [
        {
            "name": row.integration.name,
            "cloud": row.integration.cloud.value,
            "tenant_id": row.integration.home_tenant_id,
            "client_id": row.integration.client_id,
            "sync_licenses": row.integration.sync_licenses,
            "sync_every_hours": row.integration.sync_every_hours,
            "paused": row.integration.paused_at is not None,
            "next_sync_at": row.next_sync_at,
            "tenants": row.tenants,
            "matched": row.matched,
            "last_run_state": row.run.state.value if row.run else None,
            "last_run_finished_at": row.run.finished_at if row.run else None,
        }
        for row in queries.integration_rows()
    ]
    print_records(records, _COLUMNS, as_json)


@integrations.command("discover")
@click.argument("name")
@as_json_option
@explained
def discover(name: str, as_json: bool) -> None:
    """Find the tenants that the integration NAME reaches, and list them."""
    integration_id = find.integration_named(name).id
    db.session.rollback()  # nobody else waits while Microsoft is asked
    answer = ask_microsoft("jobs.connect.discover", queue.discover, integration_id)
    if not answer["ok"]:
        raise refusal(Problem(**answer["problem"]))
    warn(Problem(**answer["warning"]) if answer["warning"] else None)
    found = tenant_records(Tenant.id.in_(answer["tenants"]))
    print_records(found, ("tenant_id", "name", "default_domain", "state", "organization"), as_json)


@integrations.command("settings")
@click.argument("name")
@click.option("--licenses/--no-licenses", default=None, help="Whether to sync the licenses of its matched tenants.")
@click.option(
    "--every",
    type=click.Choice([*map(str, EVERY_HOURS), _MANUAL]),
    help="How often it syncs by itself, in hours; manual: only when somebody starts a sync.",
)
@explained
def settings(name: str, licenses: bool | None, every: str | None) -> None:
    """Choose what the integration NAME syncs, and how often; without an option, print what is chosen."""
    integration = find.integration_named(name)
    if licenses is not None:
        integration.sync_licenses = licenses
    if every is not None:
        integration.sync_every(MANUAL_ONLY if every == _MANUAL else int(every), utc_now())
    db.session.commit()
    click.echo(f"{integration.name}\n  licenses: {'yes' if integration.sync_licenses else 'no'}")
    click.echo(f"  automatic sync: {intervals.sentence(integration, utc_now())}")


@integrations.command("pause")
@click.argument("name")
@explained
def pause(name: str) -> None:
    """Let the integration NAME not sync by itself until it is resumed. A sync that is under way goes on."""
    integration = find.integration_named(name)
    integration.pause(utc_now())
    db.session.commit()
    click.echo(f"{integration.name} is paused. `flask integrations resume` lets it sync by itself again.")


@integrations.command("resume")
@click.argument("name")
@explained
def resume(name: str) -> None:
    """Let the integration NAME, which was paused, sync by itself again."""
    integration = find.integration_named(name)
    integration.resume(utc_now())
    db.session.commit()
    click.echo(f"{integration.name}\n  automatic sync: {intervals.sentence(integration, utc_now())}")


@integrations.command("sync")
@click.argument("name")
@click.option("--wait", is_flag=True, help="Wait until the sync ends; exit 0 where it ends OK, 1 where it does not.")
@explained
def sync(name: str, wait: bool) -> None:
    """Sync the matched tenants of the integration NAME. A sync that is under way is used, never doubled."""
    integration = find.integration_named(name)
    if not queue.is_reachable():
        raise queue.QueueUnavailable
    run, is_new = SyncRun.begin(db.session, integration.id, Trigger.COMMAND)
    run_id, waits = run.id, run.state == RunState.QUEUED
    said = f"Started a sync of {integration.name}" if is_new else f"A sync of {integration.name} is under way already"
    db.session.commit()
    click.echo(f"{said} (run {run_id}).")
    if waits:
        queue.sync(run_id)
    if wait:
        wait_for_end(run_id)
    elif not queue.workers_alive():
        click.echo("No worker is running, so it waits for one: `make run` starts workers.", err=True)
    else:
        click.echo("`flask runs list` shows what becomes of it; --wait would wait for its end.")
