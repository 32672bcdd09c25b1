"""`flask integrations remove`."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from jobs import queue

from ..extensions import db
from ..integrations import removing
from ..models import Removal
from ..models.removal import Concerned
from ..text import count_of
from . import find
from .output import explained
from .waiting import say_that_nobody_works, wait_for_removal


@click.command("remove")
@click.argument("name")
@click.option("--keep-data", "keep", is_flag=True, help=f"{Removal.KEEP.label}.")
@click.option("--delete-data", "delete", is_flag=True, help=f"{Removal.DELETE.label}.")
@click.option("--confirm", "typed", required=True, metavar="NAME", help="The integration's name again.")
@click.option("--wait", is_flag=True, help="Wait until all is deleted; exit 1 where no worker does it.")
@with_appcontext
@explained
def remove(name: str, keep: bool, delete: bool, typed: str, wait: bool) -> None:
    """Remove the integration NAME: its credentials are erased, and nothing is synced any more.

    \b
        flask integrations remove Contoso --keep-data --confirm Contoso

    With --keep-data its licenses stay in the lists, marked as disconnected; connecting the tenant again takes them up.
    With --delete-data its licenses, tenants and sync logs are deleted, by a worker. Organizations and users stay.
    """
    if not (keep or delete):
        raise click.UsageError("Add --keep-data or --delete-data: what becomes of its licenses?")
    if keep and delete:
        raise click.UsageError("Add --keep-data or --delete-data, not both: what is deleted is gone for ever.")
    chosen = Removal.KEEP if keep else Removal.DELETE
    integration = find.integration_named(name)
    integration_id, real_name = integration.id, integration.name
    if chosen == Removal.DELETE and not queue.is_reachable():
        raise queue.QueueUnavailable
    try:
        affected = removing.remove(integration_id, chosen, typed)
    except removing.NotConfirmed as error:
        raise click.ClickException(f"{error} It goes behind --confirm.") from error
    click.echo(_said(real_name, chosen, affected))
    if chosen == Removal.DELETE:
        _follow(integration_id, real_name, wait)


def _said(name: str, what: Removal, affected: Concerned) -> str:
    data = ", ".join(
        count_of(number, noun)
        for number, noun in ((affected.licenses, "license"), (affected.tenants, "tenant"), (affected.runs, "sync log"))
    )
    if what == Removal.KEEP:
        return f"Removed {name}. Kept, marked as disconnected: {data}."
    return f"Removing {name}. To be deleted: {data}."


def _follow(integration_id: int, name: str, wait: bool) -> None:
    db.session.rollback()
    if wait:
        wait_for_removal(integration_id)
        click.echo(f"Removed {name}, with all its data.")
    else:
        say_that_nobody_works()
