"""`flask tenants`: list the tenants that the integrations reach, and match them to organizations."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import joinedload

from jobs import queue

from ..extensions import db
from ..integrations import matching
from ..models import Integration, IntegrationRemoved, Organization, Problem, Tenant, TenantState
from ..models.organization import LONGEST_NAME
from ..text import name as as_name
from ..text import one_line
from . import find
from .asking import ask, refusal, warn
from .output import as_json_option, explained, print_records

tenants = AppGroup("tenants", help="List the Microsoft 365 tenants, and match them to organizations.")

_COLUMNS = (
    "integration",
    "tenant_id",
    "name",
    "default_domain",
    "state",
    "organization",
    "last_synced_at",
    "disconnected_at",
)


@tenants.command("list")
@click.option("--integration", metavar="NAME", help="Only the tenants of this integration.")
@as_json_option
@explained
def list_tenants(integration: str | None, as_json: bool) -> None:
    """List the tenants, each with its state and the organization that it is matched to."""
    conditions = [Tenant.integration_id == find.integration_named(integration).id] if integration is not None else []
    print_records(tenant_records(*conditions), _COLUMNS, as_json)


@tenants.command("match")
@click.argument("tenant", required=False)
@click.argument("organization", required=False)
@click.option("--create", is_flag=True, help="Create ORGANIZATION where there is none of that name.")
@click.option(
    "--create-organizations",
    is_flag=True,
    help="Match all unmatched tenants to the organizations of their names, creating those that do not exist.",
)
@explained
def match(tenant: str | None, organization: str | None, create: bool, create_organizations: bool) -> None:
    """Match TENANT, a GUID, domain or name, to the ORGANIZATION of that name; or all that are unmatched.

    \b
        flask tenants match contoso.onmicrosoft.com "Contoso Ltd"
        flask tenants match --create-organizations
    """
    if create_organizations:
        if tenant is not None or create:
            raise click.UsageError("--create-organizations stands alone: it matches all unmatched tenants.")
        _match_all()
    elif tenant is None or organization is None:
        raise click.UsageError("Name a TENANT and an ORGANIZATION, or use --create-organizations.")
    else:
        _match_one(tenant, organization, create)


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
    if answer["differences"] or as_json:
        print_records(answer["differences"], ("kind", "name", "field", "stored", "live"), as_json)
    else:
        same = answer["same"]
        click.echo(f"No difference: {same:,} license{' is' if same == 1 else 's are'} the same.")


def tenant_records(*conditions: ColumnElement[bool]) -> list[dict[str, Any]]:
    """The tenants that meet the conditions, as they are printed."""
    query = select(Tenant).where(*conditions).order_by(Tenant.name_folded, Tenant.id)
    found = db.session.scalars(query.options(joinedload(Tenant.integration), joinedload(Tenant.organization)))
    return [
        {
            "integration": tenant.integration.name,
            "tenant_id": tenant.tenant_id,
            "name": tenant.name,
            "default_domain": tenant.default_domain,
            "state": tenant.state.value,
            "organization": tenant.organization.name if tenant.organization else None,
            "last_synced_at": tenant.last_synced_at,
            "disconnected_at": tenant.integration.disconnected_at,
        }
        for tenant in found
    ]


def _match_one(text: str, name: str, create: bool) -> None:
    tenant = find.tenant_called(text)
    matching.take_turns(db.session)
    organization = find.organization_named(name)
    is_new = organization is None
    if organization is None:
        if not create:
            raise click.ClickException(
                f"There is no organization named {one_line(name)}. Add --create to create it, or check the name."
            )
        organization = Organization(name=_new_name(name))
    tenant.match(organization)
    db.session.commit()
    created = "Created the organization and matched" if is_new else "Matched"
    click.echo(f"{created} {one_line(tenant.name)} to {organization.name}.")


def _new_name(typed: str) -> str:
    try:
        name = as_name(typed, LONGEST_NAME)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    if not name:
        raise click.ClickException(f"{typed!r} cannot be an organization's name.")
    return name


def _match_all() -> None:
    unmatched = (
        select(Tenant)
        .join(Tenant.integration)
        .where(Integration.is_live, Tenant.organization_id.is_(None), Tenant.ignored_at.is_(None))
    )
    found = db.session.scalars(unmatched.order_by(Tenant.name_folded, Tenant.id)).all()
    matching.take_turns(db.session)
    named = matching.namesakes(db.session, found)
    left = 0
    for tenant in found:
        candidates = named[tenant.id]
        if len(candidates) > 1:
            left += 1
            click.echo(f"{one_line(tenant.name)}: {len(candidates)} organizations have this name.", err=True)
            continue
        did = "matched to the organization of this name"
        if not candidates:
            candidates.append(Organization(name=matching.name_for_organization(tenant)))
            did = "matched to a new organization"
        tenant.match(candidates[0])
        click.echo(f"{one_line(tenant.name)}: {did}.")
    db.session.commit()
    if not found:
        click.echo(f"No tenant is {TenantState.UNMATCHED.value}.")
    if left:
        raise click.ClickException("Match those with several organizations one by one, on the page Match Tenants.")
