"""The pages of sign-in, the first visit and the password."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from ..extensions import db
from ..models import UserSession, any_user
from . import accounts, throttle
from .addresses import after_sign_in
from .forms import PasswordForm, SetupForm, SignInForm
from .gate import begin_session, end_session

bp = Blueprint("auth", __name__)


@bp.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> ResponseReturnValue:
    if current_user.is_authenticated:
        return redirect(after_sign_in())
    if request.method == "GET" and not any_user(db.session):
        return redirect(url_for("auth.setup"))
    form = SignInForm()
    if not form.validate_on_submit():
        return _form_page("auth/sign_in.html", form)
    limits = throttle.of_sign_in(form.email.data)
    throttle.check(limits)
    user = accounts.user_with_password(db.session, form.email.data, form.password.data)
    if user is None:
        throttle.count_failure(limits)
        return render_template("auth/sign_in.html", form=form, is_refused=True, focus="password"), 401
    throttle.check(limits)
    begin_session(user)
    return redirect(after_sign_in())


@bp.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    end_session()
    flash("You are signed out.", "success")
    return redirect(url_for("auth.sign_in"))


@bp.route("/setup", methods=["GET", "POST"])
def setup() -> ResponseReturnValue:
    if any_user(db.session):
        abort(404)
    form = SetupForm()
    if not form.validate_on_submit():
        return _form_page("auth/setup.html", form)
    limits = throttle.of_setup()
    throttle.check(limits)
    user = accounts.create_first_user(db.session, form.code.data, form.email.data, form.password.data)
    if user is not None:
        begin_session(user)
        flash("Welcome. Connect Microsoft 365 next: Account > Integrations.", "success")
        return redirect(url_for("home"))
    db.session.rollback()
    if any_user(db.session):
        flash("Somebody else has just created the Administrator. Sign in, or ask them.", "warning")
        return redirect(url_for("auth.sign_in"))
    throttle.count_failure(limits)
    form.code.errors = ["This is not the code. It is the last one that the terminal printed."]
    return _form_page("auth/setup.html", form)


@bp.route("/account/password", methods=["GET", "POST"])
@login_required
def password() -> ResponseReturnValue:
    form = PasswordForm()
    if not form.validate_on_submit():
        return _form_page("auth/password.html", form)
    limits = throttle.of_sign_in(current_user.email)
    throttle.check(limits)
    user = accounts.user_with_password(db.session, current_user.email, form.current.data)
    if user is None:
        throttle.count_failure(limits)
        form.current.errors = ["This is not your current password."]
        return _form_page("auth/password.html", form)
    throttle.check(limits)
    user.set_password(form.password.data)
    UserSession.close_all(db.session, user)
    begin_session(user)
    flash("Your password is changed. Everywhere else you are signed out.", "success")
    return redirect(url_for("home"))


def _form_page(template: str, form: SignInForm | SetupForm | PasswordForm) -> ResponseReturnValue:
    """The form: empty at first, or as it was sent, with what is wrong with it, starting at the first such field."""
    focus = next(iter(form.errors or form.data))
    page = render_template(template, form=form, focus=focus, password_rule=accounts.PASSWORD_RULE)
    return page, 422 if form.is_submitted() else 200
