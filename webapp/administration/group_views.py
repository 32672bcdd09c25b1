"""The pages of Account > Groups."""

from __future__ import annotations

from collections.abc import Sequence

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from htmx_flask import request
from werkzeug.wrappers import Response

from .. import access
from ..access import Permission
from ..extensions import db
from ..meanwhile import Meanwhile
from ..models import UserGroup
from ..page_form import PageForm
from ..searched_list import searched_list
from . import grants, groups, picker, queries
from .blueprint import GROUP, bp, held_group
from .forms import ALL, GroupForm
from .picker import Picker
from .refused import Refused


@bp.get("/groups")
@access.requires(Permission.MANAGE_USERS)
def groups_index() -> Response:
    return searched_list(
        "administration/groups.html",
        "administration/_groups.html",
        queries.group_listing,
        lambda found: {"rows": queries.group_rows(db.session, found)},
    )


@bp.route("/groups/add", methods=["GET", "POST"])
@access.requires(Permission.MANAGE_USERS)
def add_group() -> ResponseReturnValue:
    form, pickers = GroupForm(), _pickers(None)
    if asked := picker.asked_by_htmx(pickers):
        return render_template("administration/_boxes.html", picker=asked)
    if form.is_submitted() and not picker.is_searching(pickers, request.values) and form.validate():
        organizations, members = pickers
        try:
            group = groups.create(
                db.session, form.name.data, form.which.data == ALL, organizations.change, members.change
            )
        except Refused as error:
            db.session.rollback()
            form.name.errors = [str(error)]
        else:
            db.session.commit()
            flash(f"The group {group.name} was made.", "success")
            return redirect(url_for("administration.groups_index"))
    return _form(form, pickers, None)


@bp.route(GROUP, methods=["GET", "POST"])
@access.requires(Permission.MANAGE_USERS)
def edit_group(group_id: int) -> ResponseReturnValue:
    group = held_group(group_id) if request.method == "POST" else _found(group_id)
    form, pickers = GroupForm(group), _pickers(group)
    meanwhile = Meanwhile(form)
    if asked := picker.asked_by_htmx(pickers):
        return render_template("administration/_boxes.html", picker=asked)
    if not picker.is_searching(pickers, request.values) and meanwhile.validate_on_submit():
        organizations, members = pickers
        try:
            groups.change(
                db.session, group, form.name.data, form.which.data == ALL, organizations.change, members.change
            )
        except Refused as error:
            db.session.rollback()
            form.name.errors = [str(error)]
            group = _found(group_id)
        else:
            db.session.commit()
            flash("The group was saved. What it gives holds at once.", "success")
            return redirect(url_for("administration.groups_index"))
    return _form(form, pickers, group, meanwhile)


@bp.route(f"{GROUP}/delete", methods=["GET", "POST"])
@access.requires(Permission.MANAGE_USERS)
def delete_group(group_id: int) -> str | Response:
    if request.method == "GET":
        group = _found(group_id)
        [row] = queries.group_rows(db.session, [group])
        named = queries.assets_naming(db.session, group)
        return render_template("administration/delete_group.html", form=PageForm(), row=row, named=named)
    group = held_group(group_id)
    name = group.name
    groups.remove(db.session, group)
    db.session.commit()
    flash(f"The group {name} was deleted. Its members are still users.", "success")
    return redirect(url_for("administration.groups_index"))


def _found(group_id: int) -> UserGroup:
    group = db.session.get(UserGroup, group_id)
    if group is None:
        abort(404)
    return group


def _pickers(group: UserGroup | None) -> list[Picker]:
    organizations = None if group is None else grants.organizations_of(group)
    members = None if group is None else grants.members_of(group)
    return [
        picker.read(db.session, picker.organizations(), organizations, request.values),
        picker.read(db.session, picker.members(), members, request.values),
    ]


def _form(
    form: GroupForm, pickers: Sequence[Picker], group: UserGroup | None, meanwhile: Meanwhile | None = None
) -> ResponseReturnValue:
    html = render_template("administration/group.html", form=form, pickers=pickers, group=group, meanwhile=meanwhile)
    return html, (meanwhile or Meanwhile(form)).status
