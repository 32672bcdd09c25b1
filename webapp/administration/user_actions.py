"""What is done with a user by one button: deactivating, a new link, signing out, deleting. All of it holds at once."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from .. import access
from ..access import Permission
from ..auth import links
from ..extensions import db
from ..models import User
from ..page_form import PageForm
from . import queries, users
from .blueprint import USER, bp, held_user, show_once
from .refused import Refused


@bp.post(f"{USER}/deactivate")
@access.requires(Permission.MANAGE_USERS)
def deactivate(user_id: int) -> Response:
    user = held_user(user_id)
    users.deactivate(db.session, user, by=current_user)
    db.session.commit()
    flash(f"{user.email} is deactivated, and is signed out everywhere.", "success")
    return _to(user_id)


@bp.post(f"{USER}/reactivate")
@access.requires(Permission.MANAGE_USERS)
def reactivate(user_id: int) -> Response:
    user = held_user(user_id)
    users.reactivate(db.session, user)
    db.session.commit()
    flash(f"{user.email} is no longer deactivated.", "success")
    return _to(user_id)


@bp.post(f"{USER}/sign-out")
@access.requires(Permission.MANAGE_USERS)
def sign_out_everywhere(user_id: int) -> Response:
    user = held_user(user_id)
    users.sign_out_everywhere(db.session, user)
    db.session.commit()
    flash(f"{user.email} is signed out everywhere.", "success")
    return _to(user_id)


@bp.post(f"{USER}/link")
@access.requires(Permission.MANAGE_USERS)
def make_link(user_id: int) -> Response:
    """A new invitation for who has not come yet, a link to set the password anew for everyone else."""
    issued = users.new_link(db.session, held_user(user_id))
    db.session.commit()
    show_once(issued)
    links.send(db.session, issued)
    return _to(user_id)


@bp.route(f"{USER}/delete", methods=["GET", "POST"])
@access.requires(Permission.MANAGE_USERS)
def delete_user(user_id: int) -> str | Response:
    if request.method == "GET":
        user = db.session.get(User, user_id)
        if user is None:
            abort(404)
        named = queries.assets_naming(db.session, user)
        return render_template("administration/delete_user.html", form=PageForm(), user=user, named=named)
    user = held_user(user_id)
    email = user.email
    users.remove(db.session, user, by=current_user)
    db.session.commit()
    flash(f"{email} was deleted.", "success")
    return redirect(url_for("administration.users_index"))


@bp.errorhandler(Refused)
def _refused(error: Refused) -> Response:
    """Nothing is done, and the page that the button was on says why."""
    db.session.rollback()
    flash(str(error), "danger")
    view = request.view_args or {}
    return _to(view["user_id"]) if "user_id" in view else redirect(url_for("administration.groups_index"))


def _to(user_id: int) -> Response:
    return redirect(url_for("administration.show_user", user_id=user_id))
