"""The addresses under /api/v1: lists within the key's scope, paged, made of the queries of the pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from flask import Blueprint, Flask, g, jsonify, url_for
from htmx_flask import request
from werkzeug.wrappers import Response

from ..access import Permission, scope_of_key
from ..extensions import db
from ..licenses.queries import listing as license_listing
from ..licenses.queries import page_of, totals
from ..licenses.records import record as license_record
from ..models import Organization
from ..organizations.queries import Summary, summaries
from ..organizations.queries import listing as organization_listing
from ..paging import Page, count_rows
from ..search import searchable
from . import asked, keys

bp = Blueprint("api", __name__, url_prefix="/api/v1")


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/licenses")
@keys.requires(Permission.READ)
def licenses() -> Response:
    """Licenses with their figures, filtered as the Global list is; `totals` are those of all pages."""
    scope = scope_of_key(g.api_key)
    filters = asked.of_licenses(request.args, scope)
    figures = totals(db.session, scope, filters)
    page = Page(filters.page, filters.per_page, figures.count)
    query = page_of(license_listing(scope, filters, with_assigned=True), page)
    rows = db.session.execute(query).all() if figures.count else []
    summed = {"active": figures.active, "consumed": figures.consumed, "unused": figures.unused, "over": figures.over}
    return _answer(page, map(license_record, rows), totals=summed)


@bp.get("/organizations")
@keys.requires(Permission.READ)
def organizations() -> Response:
    """Organizations with the figures of their licenses; `q` searches as the page does."""
    scope = scope_of_key(g.api_key)
    q, number, per_page = asked.of_organizations(request.args)
    query = organization_listing(scope, searchable(q))
    page = Page(number, per_page, count_rows(db.session, query))
    rows = db.session.scalars(query.limit(page.per_page).offset(page.offset)).all()
    figures = summaries(db.session, scope, [row.id for row in rows])
    return _answer(page, (_organization(row, figures[row.id]) for row in rows))


def _organization(organization: Organization, summary: Summary) -> dict[str, Any]:
    return {
        "id": organization.id,
        "name": organization.name,
        "address": organization.address,
        "phone": organization.phone,
        **asdict(summary),
    }


def _answer(page: Page, items: Iterable[dict[str, Any]], **more: Any) -> Response:
    """One page; `next` is the address of the one after it, or null."""
    arguments = {name: values for name, values in request.args.lists() if name != "page"}
    following = page.number + 1 if page.number < page.last else None
    return jsonify(
        {
            "items": [{key: _plain(value) for key, value in item.items()} for item in items],
            "count": page.total,
            "page": page.number,
            "pages": page.last,
            "next": url_for(request.endpoint or "", **arguments, page=following, _external=True) if following else None,
            **more,
        }
    )


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
