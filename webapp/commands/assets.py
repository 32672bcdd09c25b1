"""`flask assets`: the same query as the lists of the pages."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import AppGroup

from .. import access
from ..assets import fields
from ..assets.queries import View, listing, tags_of, type_called, types_of_account
from ..assets.values import plain
from ..extensions import db
from ..models import FieldKind, FlexibleAsset, FlexibleAssetType
from ..search import searchable
from ..text import one_line
from .find import organization_given
from .output import as_json_option, explained, print_records

assets = AppGroup("assets", help="Flexible assets of all organizations.")

_SHOWN = ("organization", "name", "values", "changed_at")


@assets.command("list")
@click.option("--type", "slug", required=True, metavar="SLUG", help="The type, by the last part of its list's address.")
@click.option("--organization", metavar="NAME", help="Only of this organization.")
@click.option("--search", default="", metavar="TEXT", help="Only where the name, a value or a contact has each word.")
@as_json_option
@explained
def list_assets(slug: str, organization: str | None, search: str, as_json: bool) -> None:
    """Print the assets of a type with their values."""
    kind = _type(slug)
    organization_id = None if organization is None else organization_given(organization).id
    query = listing(access.EVERYTHING, kind, View(q=searchable(search)), organization_id)
    tags = tags_of(db.session, query.with_only_columns(FlexibleAsset.id).order_by(None))
    columns = fields.active(kind)
    records = []
    for row in db.session.execute(query):
        asset = row.FlexibleAsset
        values = {
            field.name: [contact.name for contact in tags.get((asset.id, field.id), ())]
            if field.kind == FieldKind.CONTACTS
            else plain(field, asset.content.get(str(field.id)))
            for field in columns
        }
        records.append(_record(row.Organization.name, kind, asset, values))
    print_records(records, _SHOWN, as_json)


def _record(organization: str, kind: FlexibleAssetType, asset: FlexibleAsset, values: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": asset.id,
        "organization": organization,
        "type": kind.slug,
        "name": asset.name,
        "values": values,
        "restricted": asset.is_restricted,
        "created_at": asset.created_at,
        "changed_at": asset.changed_at,
    }


def _type(slug: str) -> FlexibleAssetType:
    kind = type_called(db.session, one_line(slug))
    if kind is not None and kind.is_synced:
        raise click.ClickException("Licenses have a command of their own: `flask licenses list`.")
    if kind is None:
        own = [row.FlexibleAssetType for row in types_of_account(db.session, False)]
        names = ", ".join(each.slug for each in own if not each.is_synced)
        hint = (
            f"There are: {names}." if names else "There is none yet; one is created at Account > Flexible asset types."
        )
        raise click.ClickException(f"There is no type {one_line(slug)}. {hint}")
    return kind
