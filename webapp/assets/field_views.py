"""The fields of a type: adding, changing, ordering, archiving."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, url_for
from htmx_flask import request
from werkzeug.wrappers import Response

from .. import access
from ..access import Permission
from ..extensions import db
from ..meanwhile import Meanwhile
from ..models import AssetField, FieldKind, FlexibleAssetType, utc_now
from . import fields, types
from .blueprints import types as bp
from .type_forms import FieldForm
from .type_views import held

_FIELD = "/<id:type_id>/fields/<id:field_id>"
_WAYS = {"up": -1, "down": 1}


@bp.route("/<id:type_id>/fields/add", methods=["GET", "POST"])
@access.requires(Permission.MANAGE_TYPES)
def add_field(type_id: int) -> tuple[str, int] | Response:
    kind = held(type_id)
    form = FieldForm(kind)
    if form.validate_on_submit():
        try:
            fields.add(
                kind,
                form.name.data,
                FieldKind(form.kind.data),
                form.is_required.data,
                form.chosen_options,
            )
        except types.Refused as error:
            form.form_errors.append(str(error))
        else:
            db.session.commit()
            flash(f"The field {form.name.data} was added.", "success")
            return _to(type_id)
    return render_template("assets/field_form.html", form=form, type=kind, field=None), 422 if form.errors else 200


@bp.route(f"{_FIELD}/edit", methods=["GET", "POST"])
@access.requires(Permission.MANAGE_TYPES)
def edit_field(type_id: int, field_id: int) -> tuple[str, int] | Response:
    kind, field = _held(type_id, field_id)
    form = FieldForm(kind, field)
    meanwhile = Meanwhile(form)
    if meanwhile.validate_on_submit():
        try:
            fields.change(
                db.session,
                kind,
                field,
                form.name.data,
                FieldKind(form.kind.data),
                form.is_required.data,
                form.chosen_options,
            )
        except types.Refused as error:
            form.kind.errors = [str(error)]
        else:
            db.session.commit()
            flash(f"The field {field.name} was changed.", "success")
            return _to(type_id)
    html = render_template("assets/field_form.html", form=form, meanwhile=meanwhile, type=kind, field=field)
    return html, meanwhile.status


@bp.post(f"{_FIELD}/move")
@access.requires(Permission.MANAGE_TYPES)
def move_field(type_id: int, field_id: int) -> str | Response:
    kind, field = _held(type_id, field_id)
    by = _WAYS.get(request.form.get("way", ""))
    if by is None:
        abort(400)
    fields.move(kind, field, by)
    db.session.commit()
    if request.htmx:
        return render_template("assets/_fields.html", type=kind, fields=fields.active(kind))
    return _to(type_id)


@bp.post(f"{_FIELD}/archive")
@access.requires(Permission.MANAGE_TYPES)
def archive_field(type_id: int, field_id: int) -> Response:
    kind, field = _held(type_id, field_id)
    fields.archive(db.session, kind, field, utc_now())
    db.session.commit()
    flash(f"The field {field.name} was archived. What assets hold in it is kept.", "success")
    return _to(type_id)


@bp.post(f"{_FIELD}/bring-back")
@access.requires(Permission.MANAGE_TYPES)
def bring_back_field(type_id: int, field_id: int) -> Response:
    kind, field = _held(type_id, field_id)
    try:
        fields.bring_back(db.session, kind, field)
    except types.Refused as error:
        db.session.rollback()
        flash(str(error), "danger")
    else:
        db.session.commit()
        flash(f"The field {field.name} is in forms again.", "success")
    return _to(type_id)


def _held(type_id: int, field_id: int) -> tuple[FlexibleAssetType, AssetField]:
    kind = held(type_id)
    field = fields.of_type(kind, field_id)
    if field is None:
        abort(404)
    return kind, field


def _to(type_id: int) -> Response:
    return redirect(url_for(".show", type_id=type_id, _anchor="fields"), 303)
