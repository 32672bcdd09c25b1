"""The pages of licenses."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from flask import Blueprint, Flask, render_template
from flask_login import current_user
from htmx_flask import request
from werkzeug.wrappers import Response

from .. import access
from ..access import Permission
from ..assets import history
from ..choices import answered
from ..extensions import db
from ..models import OFFICE_365_LICENSES, Organization, utc_now
from ..organizations.pages import layout, organization_or_404
from ..paging import Page
from ..search import searchable
from ..spreadsheet import csv_answer
from ..templating import page_or_partial, with_address
from . import choices
from .empty import why_empty
from .export import COLUMNS, record
from .filters import Filters
from .holder_list import contacts_shown
from .pages import license_or_404
from .queries import listing, page_of, totals

bp = Blueprint("licenses", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/global/office-365-licenses")
@access.requires(Permission.READ)
def everyones() -> Response:
    return _list("licenses/everyones.html", Filters.of(request.args), None)


@bp.get("/organizations/<id:organization_id>/office-365-licenses")
@access.requires(Permission.READ)
def organizations(organization_id: int) -> Response:
    organization = organization_or_404(organization_id)
    filters = replace(Filters.of(request.args), organization=())
    return _list("licenses/organizations.html", filters, organization)


@bp.get("/licenses/<id:license_id>")
@access.requires(Permission.READ)
def show(license_id: int) -> str:
    row = license_or_404(license_id)
    return render_template(
        "licenses/show.html",
        license=row,
        **layout(organization_or_404(row.organization_id), OFFICE_365_LICENSES),
        history=partial(history.of_license, license_id),
        assigned=partial(contacts_shown, row),
    )


@bp.get("/licenses/choices/<any(organization, tenant, product):kind>")
@access.requires(Permission.READ)
def choose(kind: str) -> Response:
    """What a filter with very many entries offers for what was typed."""
    organization_id = request.args.get("within", type=int)
    if organization_id is not None:
        organization_or_404(organization_id)
    q = searchable(request.args.get("q", ""))
    options = choices.found(db.session, access.scope_of(current_user), kind, q, organization_id)
    return answered((option.value, option.text) for option in options)


def _list(template: str, filters: Filters, organization: Organization | None) -> Response:
    scope = access.scope_of(current_user)
    organization_id = None if organization is None else organization.id
    if request.args.get("format") == "csv":
        exported = listing(scope, filters, organization_id, with_assigned=True)
        return csv_answer(f"office-365-licenses-{utc_now():%Y-%m-%d}.csv", list(COLUMNS), exported, record)
    query = listing(scope, filters, organization_id)
    figures = totals(db.session, scope, filters, organization_id)
    page = Page(filters.page, filters.per_page, figures.count)
    html = page_or_partial(
        template,
        "licenses/_table.html",
        rows=db.session.execute(page_of(query, page)).all() if figures.count else [],
        totals=figures,
        paging=page,
        filters=filters,
        address=filters.address,
        # These are asked for by the whole page, or by an empty list, not each time that the table is swapped.
        choices=partial(choices.filters_shown, db.session, scope, filters, organization_id),
        why_empty=partial(why_empty, db.session, scope, filters, organization_id),
        **layout(organization, OFFICE_365_LICENSES),
    )
    return with_address(html, filters.address(page=page.number))
