"""Lists of assets: one organization's, and everyone's."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import redirect, url_for
from flask_login import current_user
from htmx_flask import request
from sqlalchemy import Select
from werkzeug.wrappers import Response

from .. import access
from ..access import Permission
from ..extensions import db
from ..models import AssetField, FieldKind, FlexibleAsset, FlexibleAssetType, Organization, utc_now
from ..organizations.pages import layout, organization_or_404
from ..paging import Page, count_rows
from ..spreadsheet import csv_answer
from ..templating import page_or_partial, with_address
from . import fields
from .blueprints import assets as bp
from .pages import type_or_404
from .queries import View, listing, tags_of
from .values import shown

PER_PAGE = 50
# The fields that a list has columns for, beside the name; a page of an asset, and the export, have them all.
MOST_COLUMNS = 4


@bp.get("/global/assets/<slug>")
@access.requires(Permission.READ)
def everyones(slug: str) -> Response:
    kind = type_or_404(slug)
    if kind.is_synced:
        return redirect(url_for("licenses.everyones"))
    return _list("assets/everyones.html", kind, None)


@bp.get("/organizations/<id:organization_id>/assets/<slug>")
@access.requires(Permission.READ)
def organizations(organization_id: int, slug: str) -> Response:
    organization, kind = organization_or_404(organization_id), type_or_404(slug)
    if kind.is_synced:
        return redirect(url_for("licenses.organizations", organization_id=organization_id))
    return _list("assets/organizations.html", kind, organization)


def _list(template: str, kind: FlexibleAssetType, organization: Organization | None) -> Response:
    view = View.of(request.args)
    query = listing(access.scope_of(current_user), kind, view, None if organization is None else organization.id)
    if request.args.get("format") == "csv":
        return _export(kind, query)
    page = Page(view.page, PER_PAGE, count_rows(db.session, query.with_only_columns(FlexibleAsset.id)))
    rows = db.session.execute(query.limit(PER_PAGE).offset(page.offset)).all() if page.total else []
    html = page_or_partial(
        template,
        "assets/_table.html",
        type=kind,
        rows=rows,
        columns=fields.active(kind)[:MOST_COLUMNS],
        zip=zip,
        cells=partial(_cells, tags_of(db.session, [row.FlexibleAsset.id for row in rows])),
        paging=page,
        view=view,
        address=view.address,
        list_url=url_for(request.endpoint or "", **(request.view_args or {})),
        **layout(organization, kind.slug),
    )
    return with_address(html, view.address(page=page.number))


def _export(kind: FlexibleAssetType, query: Select[Any]) -> Response:
    """Everything that is found, with all fields that are in forms."""
    columns = fields.active(kind)
    has_tags = any(field.kind == FieldKind.CONTACTS for field in columns)
    ids = query.with_only_columns(FlexibleAsset.id).order_by(None)
    tags = tags_of(db.session, ids) if has_tags else {}

    def record(row: Any) -> list[Any]:
        asset = row.FlexibleAsset
        times = [asset.created_at, asset.changed_at]
        return [row.Organization.name, asset.name, *_cells(tags, asset, columns), *times]

    names = ["organization", "name", *(field.name for field in columns), "created_at", "changed_at"]
    return csv_answer(f"{kind.slug}-{utc_now():%Y-%m-%d}.csv", names, query, record)


def _cells(tags: Any, asset: FlexibleAsset, columns: list[AssetField]) -> list[str]:
    """The values of these fields as people read them."""
    return [
        ", ".join(contact.name for contact in tags.get((asset.id, field.id), ()))
        if field.kind == FieldKind.CONTACTS
        else shown(field, asset.content.get(str(field.id)))
        for field in columns
    ]
