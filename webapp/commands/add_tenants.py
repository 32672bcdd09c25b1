"""`flask integrations add-tenants`: add many tenants to a direct integration."""

from __future__ import annotations

import click

from jobs import queue

from ..audit import COMMAND_LINE
from ..extensions import db
from ..integrations import adding
from ..integrations.status import is_any_worker
from ..models import REMOVED_MEANWHILE, LineState, TenantAddition
from . import find
from .output import as_json_option, explained, print_records, read_all
from .waiting import wait

_COLUMNS = ("line", "state", "tenant_id", "tenant", "integration", "code", "reason")
# What is as it was asked for.
_WELL = frozenset({LineState.ADDED.value, LineState.PRESENT.value})


@click.command("add-tenants")
@click.argument("name")
@click.argument("tenants", nargs=-1)
@as_json_option
@explained
def add_tenants(name: str, tenants: tuple[str, ...], as_json: bool) -> None:
    """Add TENANTS, GUIDs or domains, to the direct integration NAME; without any, read them from standard input.

    Each is tried with Microsoft and gets an answer of its own. A tenant that has not consented to the app is not added:
    its record has the address at which its administrator consents. Exit 0 where the integration reaches all of them.

    \b
        flask integrations add-tenants Direct contoso.onmicrosoft.com fabrikam.example
        flask integrations add-tenants Direct --json < tenants.txt
    """
    integration = find.integration_named(name)
    try:
        lines = adding.lines_of("\n".join(tenants) if tenants else read_all())
        addition_id = adding.add(integration, lines, None, COMMAND_LINE)
    except adding.CannotAdd as error:
        raise click.ClickException(str(error)) from error
    _wait(addition_id, len(lines))
    found = adding.records(find.integration_named(name), addition_id)
    print_records(found, _COLUMNS, as_json)
    if not as_json:
        for record in found:
            if record["consent_url"]:
                click.echo(f"Consent for {record['line']}: {record['consent_url']}", err=True)
    missing = sum(record["state"] not in _WELL for record in found)
    if missing:
        raise click.ClickException(f"{missing:,} of {len(found):,} were not added.")


def _wait(addition_id: int, total: int) -> None:
    """Wait until each line has its answer: a worker's, or this process's where none works."""

    def look() -> str | None:
        addition = db.session.get(TenantAddition, addition_id)
        if addition is None:
            raise click.ClickException(REMOVED_MEANWHILE.reason)
        is_finished = addition.finished_at is not None
        waiting = TenantAddition.counts(db.session, [addition_id])[addition_id].get(LineState.WAITING, 0)
        db.session.rollback()
        return None if is_finished else f"Asking Microsoft ... {total - waiting:,} of {total:,}"

    def answer_here() -> None:
        queue.run_here("jobs.adding.add_here", addition_id)

    if not is_any_worker(queue.INTERACTIVE):
        answer_here()
    wait(look, answer_here, queue.INTERACTIVE)
