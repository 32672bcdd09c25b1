"""`flask integrations`: connect Microsoft 365, choose what is synced, and sync."""

from __future__ import annotations

import shlex
from typing import Any

import click
from flask.cli import AppGroup

from jobs import queue

from ..called import flask_command
from ..extensions import db
from ..integrations import connecting, discovering, fields, intervals, pausing, queries
from ..integrations.proof import expiry_of, kind_of, told
from ..integrations.trying import Credentials, Refused
from ..models import Cloud, Integration, Kind, Problem, RunState, SyncRun, Tenant, Trigger, utc_now
from ..models.portions import in_portions
from ..text import one_line
from . import find
from .add_tenants import add_tenants
from .asking import ask as ask_microsoft
from .asking import refusal, warn
from .credentials import ask as try_credentials
from .credentials import credentials, given_proof, proof_options, warn_of
from .output import as_json_option, explained, print_records
from .removal import remove
from .sync_settings import integration_settings
from .tenants import tenant_records
from .waiting import follow, wait_option

integrations = AppGroup("integrations", help="Connect Microsoft 365, choose what is synced, and sync.")
integrations.add_command(remove)
integrations.add_command(integration_settings)
integrations.add_command(credentials)
integrations.add_command(add_tenants)

_COLUMNS = (
    "name",
    "kind",
    "cloud",
    "tenant_id",
    "credentials",
    "credentials_end_on",
    "credentials_state",
    "sync_licenses",
    "sync_users",
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
@proof_options
@click.option(
    "--cloud",
    type=click.Choice([cloud.value for cloud in Cloud]),
    default=Cloud.GLOBAL.value,
    show_default=True,
    help="Microsoft's cloud that the tenant is in.",
)
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in Kind]),
    default=Kind.DIRECT.value,
    show_default=True,
    help="direct: the tenant, and others that consented to the app; partner: a partner's tenant and its customers.",
)
@explained
def connect(name: str, tenant_id: str, client_id: str, cloud: str, kind: str, **proof_given: Any) -> None:
    """Connect the Microsoft 365 tenant that an app registration reaches, as the integration NAME.

    The credentials are tried with Microsoft before anything is saved. The client secret comes on standard input, so
    that no other user of this machine sees it:

    \b
        flask integrations connect Contoso --tenant-id contoso.onmicrosoft.com \\
            --client-id 11112222-bbbb-3333-cccc-4444dddd5555 --client-secret-stdin < secret.txt
    """
    if not proof_given["client_secret_stdin"] and proof_given["certificate"] is None:
        raise click.UsageError(
            "Add --client-secret-stdin and pipe the client secret in, on one line: it cannot be an argument, which "
            "other users of this machine could see. Or sign in with --certificate FILE."
        )
    try:
        name, tenant, client_id = fields.name(name), fields.tenant(tenant_id), fields.client_id(client_id)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    proof = given_proof(**proof_given)
    tried = Credentials(Cloud(cloud), tenant, client_id, proof.client_secret, proof.certificate, proof.secret_ends_on)
    try:
        connected = connecting.connect(try_credentials, name, tried, kind=Kind(kind))
    except Refused as refused:
        raise refusal(refused.problem) from refused
    directory = connected.directory
    click.echo(f"Connected {name} to {one_line(directory.name)} ({directory.tenant_id}).")
    warn(directory.warning)
    if connected.is_adopted:
        click.echo(connecting.ADOPTED)
    if kind == Kind.PARTNER:
        _find_customers(connected.integration_id, name)
        return
    _say_what_is_next(db.session.get_one(Tenant, connected.tenant_row_id), name)


def _say_what_is_next(tenant: Tenant, name: str) -> None:
    """How to go on; one that came along with its organization is to stay there: matching it again would move it."""
    # The names are somebody else's words: quoted, so that a shell that they are pasted into takes them for words.
    if tenant.organization is None:
        click.echo("Next, match the tenant to an organization, then sync:")
        click.echo(
            f"  {flask_command()} tenants match {tenant.tenant_id} {shlex.quote(one_line(tenant.name))} --create"
        )
    else:
        click.echo(f"It is matched to {one_line(tenant.organization.name)}, as it was before. Next, sync:")
    click.echo(f"  {flask_command()} integrations sync {shlex.quote(name)} --wait")


def _find_customers(integration_id: int, name: str) -> None:
    """Say which customers the partner has. The integration is saved whatever becomes of this."""
    quoted = shlex.quote(name)
    answer = ask_microsoft("jobs.discovery.discover", queue.discover, integration_id)
    if not answer["ok"]:
        click.echo(f"Its customers are looked for again by: {flask_command()} integrations discover {quoted}")
        raise refusal(Problem(**answer["problem"]))
    click.echo(discovering.sentence(answer))
    warn(Problem(**answer["warning"]) if answer["warning"] else None)
    click.echo("Next, match the tenants to organizations, then sync:")
    click.echo(f"  {flask_command()} tenants match --create-organizations")
    click.echo(f"  {flask_command()} integrations sync {quoted} --wait")


@integrations.command("list")
@as_json_option
@explained
def list_integrations(as_json: bool) -> None:
    """List the integrations, each with its tenants and its last sync. Secrets are never shown."""
    rows = queries.integration_rows()
    records = [
        {
            "name": row.integration.name,
            "kind": row.integration.kind.value,
            "cloud": row.integration.cloud.value,
            "tenant_id": row.integration.home_tenant_id,
            "client_id": row.integration.client_id,
            **told(row.integration),
            "credentials_state": _credentials_state(row.integration),
            "signed_in_as": row.integration.signed_in_as or None,
            "sign_in_lapsed_at": row.integration.sign_in_lapsed_at,
            "sync_licenses": row.integration.sync_licenses,
            "sync_users": row.integration.sync_users.value,
            "sync_every_hours": row.integration.sync_every_hours,
            "paused": row.integration.paused_at is not None,
            "next_sync_at": row.next_sync_at,
            "tenants": row.tenants,
            "matched": row.matched,
            "last_run_state": row.run.state.value if row.run else None,
            "last_run_finished_at": row.run.finished_at if row.run else None,
        }
        for row in rows
    ]
    print_records(records, _COLUMNS, as_json)
    for row in rows:
        if row.integration.is_live:
            warn_of(row.integration, utc_now().date())


def _credentials_state(integration: Integration) -> str | None:
    """Whether the credentials end soon, or have ended; None where there are none."""
    if kind_of(integration) is None:
        return None
    if integration.acts_for_user and integration.sign_in_lapsed_at:
        return "sign in again"
    expiry = expiry_of(integration, utc_now().date())
    return "ok" if expiry is None else "expired" if expiry.is_over else "expires soon"


@integrations.command("discover")
@click.argument("name")
@as_json_option
@explained
def discover(name: str, as_json: bool) -> None:
    """Find the tenants that the integration NAME reaches, as each sync of a partner's does, and list them.

    New ones are stored, unmatched; customers that the partner no longer has are marked as gone and keep their data.
    """
    integration_id = find.integration_named(name).id
    db.session.rollback()  # nobody else waits while Microsoft is asked
    answer = ask_microsoft("jobs.discovery.discover", queue.discover, integration_id)
    if not answer["ok"]:
        raise refusal(Problem(**answer["problem"]))
    warn(Problem(**answer["warning"]) if answer["warning"] else None)
    click.echo(discovering.sentence(answer), err=True)
    found = [record for some in in_portions(answer["tenants"]) for record in tenant_records(Tenant.id.in_(some))]
    print_records(found, ("tenant_id", "name", "default_domain", "state", "organization"), as_json)
    if answer["gone"]:
        _name_gone(answer["gone"])


def _name_gone(row_ids: list[int]) -> None:
    for some in in_portions(row_ids):
        for record in tenant_records(Tenant.id.in_(some)):
            click.echo(f"Gone: {one_line(record['name'])} ({record['tenant_id']}). Its data is kept.", err=True)


@integrations.command("pause")
@click.argument("name")
@explained
def pause(name: str) -> None:
    """Let the integration NAME not sync by itself until it is resumed. A sync that is under way goes on."""
    integration = find.integration_named(name)
    pausing.pause(integration)
    db.session.commit()
    click.echo(f"{integration.name} is paused. `flask integrations resume` lets it sync by itself again.")


@integrations.command("resume")
@click.argument("name")
@explained
def resume(name: str) -> None:
    """Let the integration NAME, which was paused, sync by itself again."""
    integration = find.integration_named(name)
    pausing.resume(integration)
    db.session.commit()
    click.echo(f"{integration.name}\n  automatic sync: {intervals.sentence(integration, utc_now())}")


@integrations.command("sync")
@click.argument("name")
@wait_option
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
    follow(run_id, to_its_end=wait)
