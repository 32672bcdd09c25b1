"""The pages of Account > Users: the list, inviting, and one user's rights."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from htmx_flask import request
from werkzeug.wrappers import Response

from .. import access
from ..access import Permission
from ..auth import accounts, links
from ..extensions import db
from ..meanwhile import Meanwhile
from ..models import User, UserLink, utc_now
from ..searched_list import searched_list
from . import grants, picker, queries, users
from .blueprint import USER, bp, held_user, show_once, take_shown
from .forms import ALL, InviteForm, RightsForm
from .picker import Picker
from .refused import Refused
from .users import Rights

# A mail of which nothing was heard for so long was lost with its worker.
_MAIL_IS_LOST_AFTER = timedelta(minutes=2)


@bp.get("/users")
@access.requires(Permission.MANAGE_USERS)
def users_index() -> Response:
    return searched_list(
        "administration/users.html",
        "administration/_users.html",
        queries.user_listing,
        lambda found: {"rows": queries.user_rows(db.session, found)},
    )


@bp.route("/users/invite", methods=["GET", "POST"])
@access.requires(Permission.MANAGE_USERS)
def invite() -> ResponseReturnValue:
    form, pickers = InviteForm(), _pickers(None)
    if asked := picker.asked_by_htmx(pickers):
        return render_template("administration/_boxes.html", picker=asked)
    if form.is_submitted() and not picker.is_searching(pickers, request.values) and form.validate():
        try:
            user, issued = users.invite(db.session, form.email.data, _rights(form, pickers))
        except accounts.AddressTaken:
            db.session.rollback()
            form.email.errors = ["There is a user with this e-mail address already."]
        else:
            db.session.commit()
            show_once(issued)
            links.send(db.session, issued)
            return redirect(url_for("administration.show_user", user_id=user.id))
    return _form("administration/invite.html", form, pickers, None, user=None)


@bp.route(USER, methods=["GET", "POST"])
@access.requires(Permission.MANAGE_USERS)
def show_user(user_id: int) -> ResponseReturnValue:
    if request.method == "POST":
        return _change(held_user(user_id))
    user = db.session.get(User, user_id)
    if user is None:
        abort(404)
    pickers = _pickers(user)
    if asked := picker.asked_by_htmx(pickers):
        return render_template("administration/_boxes.html", picker=asked)
    form = RightsForm(user)
    return _form("administration/user.html", form, pickers, Meanwhile(form), user=user, **_about(user))


def _change(user: User) -> ResponseReturnValue:
    form, pickers = RightsForm(user), _pickers(user)
    meanwhile = Meanwhile(form)
    if not picker.is_searching(pickers, request.values) and meanwhile.validate_on_submit():
        try:
            is_changed = users.change_rights(db.session, user, _rights(form, pickers), current_user)
        except Refused as error:
            db.session.rollback()
            form.role.errors = [str(error)]
            user = held_user(user.id)
        else:
            db.session.commit()
            flash("The rights were saved. They hold at once." if is_changed else "Nothing was changed.", "success")
            return redirect(url_for("administration.show_user", user_id=user.id))
    return _form("administration/user.html", form, pickers, meanwhile, user=user, **_about(user))


def _pickers(user: User | None) -> list[Picker]:
    organizations = None if user is None else grants.organizations_of(user)
    groups = None if user is None else grants.groups_of(user)
    return [
        picker.read(db.session, picker.organizations(), organizations, request.values),
        picker.read(db.session, picker.groups(), groups, request.values),
    ]


def _rights(form: RightsForm, pickers: Sequence[Picker]) -> Rights:
    organizations, groups = pickers
    return Rights(form.chosen_role, form.which.data == ALL, organizations.change, groups.change)


def _about(user: User) -> dict[str, object]:
    """What the page tells of the user beside the form of their rights."""
    link = UserLink.of_user(db.session, user)
    waits = link is not None and link.is_mailed and link.mailed_at is None and not link.mail_problem
    return {
        "row": queries.user_rows(db.session, [user])[0],
        "link": link,
        "link_address": take_shown(None if link is None else link.id),
        "is_mail_lost": waits and link is not None and utc_now() - link.created_at > _MAIL_IS_LOST_AFTER,
        "is_own": user.id == current_user.id,
    }


def _form(
    template: str, form: RightsForm, pickers: Sequence[Picker], meanwhile: Meanwhile | None, **values: object
) -> ResponseReturnValue:
    html = render_template(
        template,
        form=form,
        pickers=pickers,
        meanwhile=meanwhile,
        role_words={role.value: words for role, words in access.ROLE_WORDS.items()},
        can_mail=links.can_mail(),
        **values,
    )
    return html, (meanwhile or Meanwhile(form)).status
