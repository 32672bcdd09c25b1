"""The pages of who has a link instead of a password: an invitation, and a password that is set anew.

An address with a token lets somebody in, so these pages tell it to no other site, and the log does not hold it
(see errors.py; gunicorn writes no access log). Opening one changes nothing: programs that look into mails open links.
"""

from __future__ import annotations

from flask import flash, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from .. import audit
from ..extensions import db
from ..models import AuditArea, LinkPurpose, User, UserLink
from . import accounts, links, throttle
from .blueprint import bp, form_page
from .forms import ChosenPasswordForm, ForgottenForm
from .gate import begin_session


@bp.route("/forgot-password", methods=["GET", "POST"])
def forgot() -> ResponseReturnValue:
    """Ask for a link by mail. The answer is the same, and takes as long, whether anybody has the address."""
    if not links.can_mail():
        return render_template("auth/forgot.html", form=None)
    form = ForgottenForm()
    if not form.validate_on_submit():
        return form_page("auth/forgot.html", form)
    throttle.count(throttle.of_reset(form.email.data))
    user = accounts.find_user(db.session, form.email.data)
    whose = user.email if user is not None else "an unknown e-mail address"
    audit.record(AuditArea.SIGN_IN, f"Asked for a new password for {whose}")
    db.session.commit()
    links.mail_reset(form.email.data)
    return render_template("auth/forgot_sent.html", email=form.email.data)


@bp.route("/invitation/<token>", methods=["GET", "POST"])
def invitation(token: str) -> ResponseReturnValue:
    """Choose a password, and be signed in with it."""
    link = UserLink.find(db.session, token, LinkPurpose.INVITATION)
    if link is None:
        return _no_such_link("invitation")
    form = ChosenPasswordForm(link.user.email)
    if not form.validate_on_submit():
        return _private(form_page("auth/invitation.html", form, user=link.user))
    user = _use(link, form.password.data)
    if user is None:
        return _no_such_link("invitation")
    audit.record(AuditArea.SIGN_IN, "Accepted the invitation and signed in", by=user)
    begin_session(user)
    flash("Welcome. Your password is set.", "success")
    return redirect(url_for("home"))


@bp.route("/reset/<token>", methods=["GET", "POST"])
def reset(token: str) -> ResponseReturnValue:
    """Choose a new password. Who is signed in anywhere as this user is so no longer."""
    link = UserLink.find(db.session, token, LinkPurpose.PASSWORD_RESET)
    if link is None:
        return _no_such_link("link")
    form = ChosenPasswordForm(link.user.email)
    if not form.validate_on_submit():
        return _private(form_page("auth/reset.html", form, user=link.user))
    user = _use(link, form.password.data)
    if user is None:
        return _no_such_link("link")
    audit.record(AuditArea.SIGN_IN, "Set a new password by a link", by=user)
    db.session.commit()
    flash("Your new password is set. Sign in with it.", "success")
    return redirect(url_for("auth.sign_in"))


def _use(link: UserLink, password: str) -> User | None:
    """Give the link's user this password; None where the link was used or replaced meanwhile."""
    user = link.user
    # In the order of everybody who changes a user: first the user, then what is theirs.
    db.session.execute(select(User.id).where(User.id == link.user_id).with_for_update(key_share=True))
    if not link.use(db.session):
        db.session.rollback()
        return None
    accounts.choose_password(db.session, user, password)
    return user


def _no_such_link(what: str) -> ResponseReturnValue:
    return _private((render_template("auth/no_link.html", what=what), 404))


def _private(answer: ResponseReturnValue) -> ResponseReturnValue:
    response = make_response(answer)
    # The host alone: with nothing at all, browsers send forms over HTTPS as if they came from another site.
    response.headers["Referrer-Policy"] = "strict-origin"
    return response
