"""Account > Flexible asset types: the list, a type, making, changing and archiving one."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from .. import access
from ..access import Permission
from ..extensions import db
from ..meanwhile import Meanwhile
from ..models import FlexibleAssetType, utc_now
from ..paging import Page, page_asked
from . import fields, queries, types
from .blueprints import types as bp
from .type_forms import TypeForm

PER_PAGE = 50

# What a license is, as the page of its type tells it: these fields are made by the sync, not by a template.
SYNCED_FIELDS = (
    ("Product", "Text"),
    ("Part number", "Text"),
    ("SKU id", "Text"),
    ("Status", "Select"),
    ("Active", "Number"),
    ("Consumed", "Number"),
    ("Unused", "Number"),
    ("Over", "Number"),
    ("In grace", "Number"),
    ("Suspended", "Number"),
    ("Locked out", "Number"),
    ("Applies to", "Text"),
    ("Assigned to", "Tag of contacts"),
)


@bp.get("")
@access.requires(Permission.MANAGE_TYPES)
def index() -> str:
    shows_archived = request.args.get("archived") == "1"
    rows = queries.types_of_account(db.session, shows_archived)
    page = Page(page_asked(request.args), PER_PAGE, len(rows))

    def address(page: int = 1) -> str:
        return url_for(".index", archived=1 if shows_archived else None, page=page if page > 1 else None)

    return render_template(
        "assets/types.html",
        rows=rows[page.offset :][:PER_PAGE],
        paging=page,
        address=address,
        shows_archived=shows_archived,
        archived_count=queries.archived_types(db.session),
        license_count=queries.count_of_licenses(db.session),
    )


@bp.route("/add", methods=["GET", "POST"])
@access.requires(Permission.MANAGE_TYPES)
def add() -> tuple[str, int] | Response:
    form = TypeForm()
    if form.validate_on_submit():
        try:
            made = types.create(db.session, form.name.data, form.icon.data, form.description.data)
        except types.Refused as error:
            form.form_errors.append(str(error))
        else:
            db.session.commit()
            flash(f"{made.name} was created. Add its fields now.", "success")
            return redirect(url_for(".show", type_id=made.id))
    return render_template("assets/type_form.html", form=form, type=None), 422 if form.errors else 200


@bp.get("/<id:type_id>")
@access.requires(Permission.MANAGE_TYPES)
def show(type_id: int) -> str:
    kind = types.find(db.session, type_id)
    if kind is None:
        abort(404)
    return render_template(
        "assets/type.html",
        type=kind,
        fields=fields.active(kind),
        archived_fields=fields.archived(kind),
        synced_fields=SYNCED_FIELDS,
        asset_count=queries.count_of_type(db.session, kind),
    )


@bp.route("/<id:type_id>/edit", methods=["GET", "POST"])
@access.requires(Permission.MANAGE_TYPES)
def edit(type_id: int) -> tuple[str, int] | Response:
    kind = held(type_id)
    form = TypeForm(kind)
    meanwhile = Meanwhile(form)
    if meanwhile.validate_on_submit():
        types.change(kind, form.name.data, form.icon.data, form.description.data)
        db.session.commit()
        flash("The changes were saved.", "success")
        return redirect(url_for(".show", type_id=type_id))
    return render_template("assets/type_form.html", form=form, meanwhile=meanwhile, type=kind), meanwhile.status


@bp.post("/<id:type_id>/archive")
@access.requires(Permission.MANAGE_TYPES)
def archive(type_id: int) -> Response:
    kind = held(type_id)
    types.archive(kind, utc_now())
    db.session.commit()
    flash(f"{kind.name} was archived: it takes no new assets. Those that there are are kept.", "success")
    return redirect(url_for(".show", type_id=type_id), 303)


@bp.post("/<id:type_id>/bring-back")
@access.requires(Permission.MANAGE_TYPES)
def bring_back(type_id: int) -> Response:
    kind = held(type_id)
    FlexibleAssetType.hold_names(db.session)
    try:
        types.bring_back(db.session, kind)
    except types.Refused as error:
        flash(str(error), "danger")
    else:
        db.session.commit()
        flash(f"{kind.name} is in use again.", "success")
    return redirect(url_for(".show", type_id=type_id), 303)


def held(type_id: int) -> FlexibleAssetType:
    """The type that is to be changed, held until the transaction ends; 403 where it is locked, 404 where it is not."""
    try:
        kind = types.hold(db.session, type_id)
    except types.TypeLocked:
        abort(403, types.LOCKED)
    if kind is None:
        abort(404)
    return kind
