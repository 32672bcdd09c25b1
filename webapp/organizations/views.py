"""The pages of organizations."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, Flask, abort, flash, redirect, render_template, url_for
from flask_login import current_user
from htmx_flask import request
from werkzeug.wrappers import Response

from .. import access
from ..access import Permission
from ..extensions import db
from ..models import Organization
from ..paging import Page, count_rows
from ..search import searchable
from ..templating import page_or_partial, with_address
from . import records
from .forms import OrganizationForm
from .queries import contacts_of, find, listing, sidebar, summaries, tenants_of

PER_PAGE = 50
ARCHIVED = "archived"

bp = Blueprint("organizations", __name__)


def init_app(app: Flask) -> None:
    from . import import_views  # noqa: F401  its routes are of this blueprint

    app.register_blueprint(bp)


@bp.get("/organizations")
@access.requires(Permission.READ)
def index() -> Response:
    q = searchable(request.args.get("q", ""))
    state = ARCHIVED if request.args.get("state") == ARCHIVED else None
    query = listing(access.scope_of(current_user), q, archived=state == ARCHIVED)
    page = Page(request.args.get("page", 1, type=int), PER_PAGE, count_rows(db.session, query))
    rows = db.session.scalars(query.limit(PER_PAGE).offset(page.offset)).all()

    def address(page: int = 1) -> str:
        return url_for("organizations.index", q=q or None, state=state, page=page if page > 1 else None)

    html = page_or_partial(
        "organizations/index.html",
        "organizations/_table.html",
        rows=rows,
        summaries=summaries(db.session, access.scope_of(current_user), [row.id for row in rows]),
        paging=page,
        q=q,
        is_archived=state == ARCHIVED,
        address=address,
    )
    return with_address(html, address(page.number))


@bp.get("/organizations/<id:organization_id>")
@access.requires(Permission.READ)
def show(organization_id: int) -> str:
    scope = access.scope_of(current_user)
    organization = found_or_404(organization_id)
    return render_template(
        "organizations/show.html",
        summary=summaries(db.session, access.scope_of(current_user), [organization.id])[organization.id],
        tenants=tenants_of(db.session, organization),
        contacts=contacts_of(db.session, scope, organization),
        **_layout(organization),
    )


@bp.route("/organizations/add", methods=["GET", "POST"])
@access.requires(Permission.CREATE_ORGANIZATIONS)
def add() -> tuple[str, int] | Response:
    form = OrganizationForm(access.scope_of(current_user))
    if form.validate_on_submit():
        organization = records.create(db.session, form.details)
        db.session.commit()
        flash(f"{organization.name} was added.", "success")
        return _to(organization.id)
    return render_template("organizations/form.html", form=form, organization=None), 422 if form.errors else 200


@bp.route("/organizations/<id:organization_id>/edit", methods=["GET", "POST"])
@access.requires(Permission.EDIT_ORGANIZATIONS)
def edit(organization_id: int) -> tuple[str, int] | Response:
    organization = found_or_404(organization_id)
    form = OrganizationForm(access.scope_of(current_user), organization)
    if form.validate_on_submit():
        records.change(organization, form.details)
        db.session.commit()
        flash("The changes were saved.", "success")
        return _to(organization_id)
    return render_template("organizations/form.html", form=form, **_layout(organization)), 422 if form.errors else 200


@bp.route("/organizations/<id:organization_id>/archive", methods=["GET", "POST"])
@access.requires(Permission.CREATE_ORGANIZATIONS)
def archive(organization_id: int) -> str | Response:
    organization = found_or_404(organization_id)
    if request.method == "POST":
        records.archive(organization)
        db.session.commit()
        flash(f"{organization.name} is archived. It is among the archived ones, from where it can be brought back.")
        return redirect(url_for("organizations.index"))
    if organization.is_archived:
        return _to(organization_id)
    return render_template(
        "organizations/archive.html",
        summary=summaries(db.session, access.scope_of(current_user), [organization.id])[organization.id],
        contacts=contacts_of(db.session, access.scope_of(current_user), organization),
        **_layout(organization),
    )


@bp.post("/organizations/<id:organization_id>/bring-back")
@access.requires(Permission.CREATE_ORGANIZATIONS)
def bring_back(organization_id: int) -> Response:
    organization = found_or_404(organization_id)
    records.bring_back(organization)
    db.session.commit()
    flash(f"{organization.name} is in every list again, and its tenants are synced from the next run on.", "success")
    return _to(organization_id)


def found_or_404(organization_id: int) -> Organization:
    organization = find(db.session, access.scope_of(current_user), organization_id)
    if organization is None:
        abort(404)
    return organization


def _layout(organization: Organization) -> dict[str, object]:
    """What the layout of an organization's pages takes, on those about the organization itself."""
    return {
        "organization": organization,
        "sidebar": partial(sidebar, db.session, access.scope_of(current_user), organization),
        "present": "overview",
    }


def _to(organization_id: int) -> Response:
    return redirect(url_for("organizations.show", organization_id=organization_id))
