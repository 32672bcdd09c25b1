"""`flask licenses`: the same query as the lists of the pages."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import AppGroup

from .. import access
from ..extensions import db
from ..licenses import choices, refused
from ..licenses.conditions import organizations_chosen
from ..licenses.filters import CONNECTIONS, SORTS, Filters
from ..licenses.holders import assignments
from ..licenses.queries import find, listing
from ..licenses.records import record
from .output import as_json_option, explained, print_records, refuse_nothing

licenses = AppGroup("licenses", help="Licenses of all organizations.")

_ASSIGNMENT = ("organization", "sku_part_number", "user_id", "contact", "email", "direct", "through_group")
_SHOWN = ("organization", "tenant", "name", "status", "active", "consumed", "unused", "over", "last_synced_at")


@licenses.command("list")
@click.option("--organization", multiple=True, metavar="NAME", help="Only of this organization: its name or id.")
@click.option("--tenant", multiple=True, metavar="TENANT", help="Only of this tenant: its GUID, domain, name or id.")
@click.option("--product", multiple=True, metavar="PRODUCT", help="Only this product: its name, part number or SKU id.")
@click.option(
    "--search", default="", metavar="TEXT", help="Only where an organization, tenant or product has each word."
)
@click.option("--status", multiple=True, metavar="STATUS", help="Only of this status, such as Enabled or Suspended.")
@click.option(
    "--connection",
    multiple=True,
    type=click.Choice(CONNECTIONS),
    help="Only those that are synced, or those kept of integrations that were removed.",
)
@click.option("--sort", default="organization", metavar="FIELD", help=f"{', '.join(SORTS)}; -FIELD for descending.")
@as_json_option
@explained
def list_licenses(
    organization: tuple[str, ...],
    tenant: tuple[str, ...],
    product: tuple[str, ...],
    search: str,
    status: tuple[str, ...],
    connection: tuple[str, ...],
    sort: str,
    as_json: bool,
) -> None:
    """Print licenses with their figures. An option that may be repeated takes several values."""
    if refusal := refused.sort(sort):
        raise click.BadParameter(refusal, param_hint="--sort")
    refuse_nothing(organization=organization, tenant=tenant, product=product, status=status)
    filters = Filters.made_of(
        q=search,
        organization=organization,
        tenant=tenant,
        product=product,
        status=status,
        connection=connection,
        sort=sort,
    )
    _refuse_unknown(filters)
    rows = db.session.execute(listing(access.EVERYTHING, filters, with_assigned=True)).all()
    print_records([record(row) for row in rows], _SHOWN, as_json)


@licenses.command("contacts")
@click.argument("license_id", type=int, required=False)
@click.option("--organization", multiple=True, metavar="NAME", help="Of all licenses of this organization: name or id.")
@as_json_option
@explained
def list_contacts(license_id: int | None, organization: tuple[str, ...], as_json: bool) -> None:
    """Print who holds the license LICENSE_ID, or the licenses of an organization: one row for each user and license.

    Who is not a contact of the organization has no name. `flask licenses list --json` has the ids.
    """
    if (license_id is None) == (not organization):
        raise click.UsageError("Name a LICENSE_ID, or an --organization.")
    if license_id is not None and find(db.session, access.EVERYTHING, license_id) is None:
        raise click.ClickException(f"There is no license {license_id}. `flask licenses list --json` has the ids.")
    refuse_nothing(organization=organization)
    _refuse_unknown(Filters.made_of(organization=organization))
    organizations = organizations_chosen(organization) if organization else None
    rows = db.session.execute(assignments(access.EVERYTHING, license_id, organizations)).all()
    print_records([_assignment(row) for row in rows], _ASSIGNMENT, as_json)


def _assignment(row: Any) -> dict[str, Any]:
    return {
        "organization": row.organization,
        "tenant_id": row.tenant_id,
        "sku_id": row.sku_id,
        "sku_part_number": row.sku_part_number,
        "user_id": row.user_id,
        "contact": row.contact,
        "email": row.email or None,
        "direct": row.is_direct,
        "through_group": row.is_through_group,
    }


def _refuse_unknown(filters: Filters) -> None:
    """A typing error must not look like an organization without licenses."""
    for kind in choices.KINDS:
        for value in choices.unknown(db.session, access.EVERYTHING, kind, getattr(filters, kind)):
            raise click.ClickException(f"There is no {kind} named {value}.")
    if refusal := refused.statuses(db.session, access.EVERYTHING, filters.status):
        raise click.ClickException(refusal)
