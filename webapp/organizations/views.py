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
from .forms import OrganizationForm
from .queries import find, listing, sidebar, summaries, tenants_of

PER_PAGE = 50

bp = Blueprint("organizations", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/organizations")
@access.requires(Permission.READ)
def index() -> Response:
    q = searchable(request.args.get("q", ""))
    query = listing(access.scope_of(current_user), q)
    page = Page(request.args.get("page", 1, type=int), PER_PAGE, count_rows(db.session, query))
    rows = db.session.scalars(query.limit(PER_PAGE).offset(page.offset)).all()

    def address(page: int = 1) -> str:
        return url_for("organizations.index", q=q or None, page=page if page > 1 else None)

    html = page_or_partial(
        "organizations/index.html",
        "organizations/_table.html",
        rows=rows,
        summaries=summaries(db.session, [row.id for row in rows]),
        paging=page,
        q=q,
        address=address,
    )
    return with_address(html, address(page.number))


@bp.get("/organizations/<id:organization_id>")
@access.requires(Permission.READ)
def show(organization_id: int) -> str:
    organization = _found(organization_id)
    return render_template(
        "organizations/show.html",
        organization=organization,
        summary=summaries(db.session, [organization.id])[organization.id],
        tenants=tenants_of(db.session, organization),
        sidebar=partial(sidebar, db.session, access.scope_of(current_user), organization),
        present="overview",
    )


@bp.route("/organizations/add", methods=["GET", "POST"])
@access.requires(Permission.EDIT_ORGANIZATIONS)
def add() -> tuple[str, int] | Response:
    form = OrganizationForm()
    if form.validate_on_submit():
        organization = Organization(name=form.name.data)
        db.session.add(organization)
        db.session.commit()
        flash(f"{organization.name} was added.", "success")
        return redirect(url_for("organizations.show", organization_id=organization.id))
    return render_template("organizations/form.html", form=form, organization=None), 422 if form.errors else 200


@bp.route("/organizations/<id:organization_id>/edit", methods=["GET", "POST"])
@access.requires(Permission.EDIT_ORGANIZATIONS)
def edit(organization_id: int) -> tuple[str, int] | Response:
    organization = _found(organization_id)
    form = OrganizationForm(organization)
    if form.validate_on_submit():
        organization.name = form.name.data
        db.session.commit()
        flash("The changes were saved.", "success")
        return redirect(url_for("organizations.show", organization_id=organization.id))
    return render_template("organizations/form.html", form=form, organization=organization), 422 if form.errors else 200


def _found(organization_id: int) -> Organization:
    organization = find(db.session, access.scope_of(current_user), organization_id)
    if organization is None:
        abort(404)
    return organization
