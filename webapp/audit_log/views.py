"""The page of the audit log, and its export."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Flask
from htmx_flask import request
from werkzeug.wrappers import Response

from .. import access
from ..access import Permission
from ..extensions import db
from ..models import AuditArea, AuditEntry, utc_now
from ..paging import Page, count_rows
from ..spreadsheet import csv_answer
from ..templating import page_or_partial, with_address
from .filters import Filters
from .queries import listing

PER_PAGE = 50
_EXPORTED = ("at", "area", "actor", "event", "address", "details")

bp = Blueprint("audit_log", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/account/audit-log")
@access.requires(Permission.READ_AUDIT_LOG)
def index() -> Response:
    filters = Filters.of(request.args)
    query = listing(filters)
    if request.args.get("format") == "csv":
        return csv_answer(f"audit-log-{utc_now():%Y-%m-%d}.csv", _EXPORTED, query, _record)
    page = Page(filters.page, PER_PAGE, count_rows(db.session, query))
    html = page_or_partial(
        "audit_log/index.html",
        "audit_log/_table.html",
        entries=db.session.scalars(query.limit(PER_PAGE).offset(page.offset)).all() if page.total else [],
        paging=page,
        filters=filters,
        areas=list(AuditArea),
        address=filters.address,
    )
    return with_address(html, filters.address(page=page.number))


def _record(row: Any) -> list[Any]:
    entry: AuditEntry = row[0]
    details = json.dumps(entry.details, ensure_ascii=False) if entry.details else ""
    return [entry.at, entry.area.label, entry.actor, entry.event, entry.address, details]
