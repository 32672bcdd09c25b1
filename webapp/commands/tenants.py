"""`flask tenants`: list the tenants that the integrations reach, and match them to organizations."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import joinedload

from jobs import queue

from ..extensions import db
from ..integrations.comparing import syncs_licenses
from ..integrations.suggestions import Suggestion, Suggestions, Tie
from ..models import IntegrationRemoved, Problem, Tenant, TenantState
from . import find
from .asking import ask, refusal, warn
from .matching import match
from .output import as_json_option, explained, print_records
from .sync_settings import tenant_settings

tenants = AppGroup("tenants", help="List the Microsoft 365 tenants, and match them to organizations.")
tenants.add_command(tenant_settings)
tenants.add_command(match)

_COLUMNS = (
    "integration",
    "tenant_id",
    "name",
    "default_domain",
    "state",
    "organization",
    "suggestion",
    "suggested_because",
    "last_synced_at",
    "gone_at",
    "disconnected_at",
)


@tenants.command("list")
@click.option("--integration", metavar="NAME", help="Only the tenants of this integration.")
@as_json_option
@explained
def list_tenants(integration: str | None, as_json: bool) -> None:
    """List the tenants, each with its state and the organization that it is matched to, or that is suggested."""
    conditions = [Tenant.integration_id == find.integration_named(integration).id] if integration is not None else []
    print_records(tenant_records(*conditions), _COLUMNS, as_json)


@tenants.command("compare")
@click.argument("tenant")
@as_json_option
@explained
def compare(tenant: str, as_json: bool) -> None:
    """Read TENANT, a GUID, domain or name, from Microsoft and list what differs from what is stored. Writes nothing."""
    found = find.tenant_called(tenant)
    if not found.integration.is_live:
        raise IntegrationRemoved
    tenant_row_id = found.id
    db.session.rollback()  # nobody else waits while Microsoft is asked
    answer = ask("jobs.compare.compare", queue.compare, tenant_row_id)
    if not answer["ok"]:
        raise refusal(Problem(**answer["problem"]))
    warn(Problem(**answer["warning"]) if answer["warning"] else None)
    if not (compared := syncs_licenses(answer)):
        click.echo(
            "Note: licenses are not synced, so they were not compared; see `flask integrations settings`.", err=True
        )
    if answer["differences"] or as_json:
        print_records(answer["differences"], ("kind", "name", "field", "stored", "live"), as_json)
    else:
        same = answer["same"]
        licenses = f": {same:,} license{' is' if same == 1 else 's are'} the same" if compared else ""
        click.echo(f"No difference{licenses}.")


def tenant_records(*conditions: ColumnElement[bool]) -> list[dict[str, Any]]:
    """The tenants that meet the conditions, as they are printed, with suggestions for those that wait for one."""
    query = select(Tenant).where(*conditions).order_by(Tenant.name_folded, Tenant.id)
    found = db.session.scalars(query.options(joinedload(Tenant.integration), joinedload(Tenant.organization))).all()
    waiting = [tenant for tenant in found if _waits(tenant)]
    suggestions = Suggestions(db.session) if waiting else None
    suggested = {tenant.id: suggestions.of(tenant) for tenant in waiting} if suggestions else {}
    return [
        {
            "integration": tenant.integration.name,
            "tenant_id": tenant.tenant_id,
            "name": tenant.name,
            "default_domain": tenant.default_domain,
            "state": tenant.state.value,
            "organization": tenant.organization.name if tenant.organization else None,
            **_suggestion(suggested.get(tenant.id)),
            "last_synced_at": tenant.last_synced_at,
            "gone_at": tenant.gone_at,
            "disconnected_at": tenant.integration.disconnected_at,
        }
        for tenant in found
    ]


def _waits(tenant: Tenant) -> bool:
    return tenant.state == TenantState.UNMATCHED and tenant.gone_at is None and tenant.integration.is_live


def _suggestion(found: Suggestion | Tie | None) -> dict[str, Any]:
    """The organization that is suggested, and why; of a tie only why there is none."""
    if found is None:
        return {"suggestion": None, "suggested_because": None, "suggestion_score": None}
    return {
        "suggestion": found.organization.name if isinstance(found, Suggestion) else None,
        "suggested_because": found.reason.value if isinstance(found, Suggestion) else found.words,
        "suggestion_score": found.score or None,
    }
