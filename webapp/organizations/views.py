"""The pages of organizations."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, Flask, flash, redirect, render_template, url_for
from flask_login import current_user
from htmx_flask import request
from werkzeug.wrappers import Response

from .. import access
from ..access import Permission
from ..extensions import db
from ..integrations.matching import take_turns
from ..meanwhile import Meanwhile
from ..searched_list import searched_list
from . import records
from .forms import OrganizationForm
from .pages import layout, organization_or_404
from .queries import contacts_of, listing, summaries, tenants_of

ARCHIVED = "archived"
# The entry of the sidebar for the organization itself.
OVERVIEW = "overview"

bp = Blueprint("organizations", __name__)


def init_app(app: Flask) -> None:
    from . import import_views  # noqa: F401  its routes are of this blueprint

    app.register_blueprint(bp)


@bp.get("/organizations")
@access.requires(Permission.READ)
def index() -> Response:
    scope = access.scope_of(current_user)
    state = ARCHIVED if request.args.get("state") == ARCHIVED else None
    return searched_list(
        "organizations/index.html",
        "organizations/_table.html",
        partial(listing, scope, archived=state == ARCHIVED),
        lambda rows: {
            "rows": rows,
            "summaries": summaries(db.session, scope, [row.id for row in rows]),
            "is_archived": state == ARCHIVED,
        },
        state=state,
    )


@bp.get("/organizations/<id:organization_id>")
@access.requires(Permission.READ)
def show(organization_id: int) -> str:
    scope = access.scope_of(current_user)
    organization = organization_or_404(organization_id)
    return render_template(
        "organizations/show.html",
        summary=summaries(db.session, scope, [organization.id])[organization.id],
        tenants=tenants_of(db.session, organization),
        contacts=contacts_of(db.session, scope, organization),
        **layout(organization, OVERVIEW),
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
    if request.method == "POST":
        # Before it is read, so that what is sent is compared with what others saved until now.
        take_turns(db.session)
    organization = organization_or_404(organization_id)
    form = OrganizationForm(access.scope_of(current_user), organization)
    meanwhile = Meanwhile(form)
    if meanwhile.validate_on_submit():
        records.change(organization, form.details)
        db.session.commit()
        flash("The changes were saved.", "success")
        return _to(organization_id)
    html = render_template("organizations/form.html", form=form, meanwhile=meanwhile, **layout(organization, OVERVIEW))
    return html, meanwhile.status


@bp.route("/organizations/<id:organization_id>/archive", methods=["GET", "POST"])
@access.requires(Permission.CREATE_ORGANIZATIONS)
def archive(organization_id: int) -> str | Response:
    if request.method == "POST":
        # An undo may just be removing it.
        take_turns(db.session)
    organization = organization_or_404(organization_id)
    if request.method == "POST":
        records.archive(organization)
        db.session.commit()
        flash(
            f"{organization.name} is archived. It is among the archived ones, from where it can be brought back.",
            "success",
        )
        return redirect(url_for("organizations.index"))
    if organization.is_archived:
        return _to(organization_id)
    return render_template(
        "organizations/archive.html",
        summary=summaries(db.session, access.scope_of(current_user), [organization.id])[organization.id],
        contacts=contacts_of(db.session, access.scope_of(current_user), organization),
        **layout(organization, OVERVIEW),
    )


@bp.post("/organizations/<id:organization_id>/bring-back")
@access.requires(Permission.CREATE_ORGANIZATIONS)
def bring_back(organization_id: int) -> Response:
    take_turns(db.session)
    organization = organization_or_404(organization_id)
    records.bring_back(organization)
    db.session.commit()
    flash(f"{organization.name} is in every list again, and its tenants are synced from the next run on.", "success")
    return _to(organization_id)


def _to(organization_id: int) -> Response:
    return redirect(url_for("organizations.show", organization_id=organization_id))
