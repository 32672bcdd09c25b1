"""The pages of sign-in, the first visit, one's own account and the password."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from .. import access, audit
from ..called import flask_command
from ..extensions import db
from ..models import AuditArea, any_user
from . import account, accounts, throttle
from .addresses import after_sign_in
from .blueprint import bp, form_page
from .forms import PasswordForm, SetupForm, SignInForm
from .gate import begin_session, end_session


@bp.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> ResponseReturnValue:
    if current_user.is_authenticated:
        return redirect(after_sign_in())
    if request.method == "GET" and not any_user(db.session):
        return redirect(url_for("auth.setup"))
    form = SignInForm()
    if not form.validate_on_submit():
        return form_page("auth/sign_in.html", form)
    limits = throttle.of_sign_in(form.email.data)
    throttle.check(limits)
    user = accounts.user_with_password(db.session, form.email.data, form.password.data)
    if user is None:
        _record_failure(form.email.data)
        throttle.count(limits)
        return render_template("auth/sign_in.html", form=form, is_refused=True, focus="password"), 401
    throttle.check(limits)
    audit.record(AuditArea.SIGN_IN, "Signed in", by=user)
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
        return form_page("auth/setup.html", form, flask=flask_command())
    limits = throttle.of_setup()
    throttle.check(limits)
    user = accounts.create_first_user(db.session, form.code.data, form.email.data, form.password.data)
    if user is not None:
        audit.record(AuditArea.RIGHTS, "Made the first user, an Administrator", by=user)
        audit.record(AuditArea.SIGN_IN, "Signed in", by=user)
        begin_session(user)
        flash("Welcome. Connect Microsoft 365 next: Account > Integrations.", "success")
        return redirect(url_for("home"))
    db.session.rollback()
    if any_user(db.session):
        flash("Somebody else has just created the Administrator. Sign in, or ask them.", "warning")
        return redirect(url_for("auth.sign_in"))
    throttle.count(limits)
    form.code.errors = ["This is not the code. It is the last one that the terminal printed."]
    return form_page("auth/setup.html", form, flask=flask_command())


@bp.get("/account")
@access.requires(access.Permission.READ)
def yours() -> ResponseReturnValue:
    """Your account: who you are here, and what you may do."""
    return render_template("auth/account.html", account=account.of(db.session, current_user))


@bp.route("/account/password", methods=["GET", "POST"])
@login_required
def password() -> ResponseReturnValue:
    form = PasswordForm()
    if not form.validate_on_submit():
        return form_page("auth/password.html", form)
    limits = throttle.of_sign_in(current_user.email)
    throttle.check(limits)
    user = accounts.user_with_password(db.session, current_user.email, form.current.data)
    if user is None:
        _record_failure(current_user.email)
        throttle.count(limits)
        form.current.errors = ["This is not your current password."]
        return form_page("auth/password.html", form)
    throttle.check(limits)
    accounts.choose_password(db.session, user, form.password.data)
    audit.record(AuditArea.SIGN_IN, "Changed their password", by=user)
    begin_session(user)
    flash("Your password is changed. Everywhere else you are signed out.", "success")
    return redirect(url_for("home"))


def _record_failure(address: str) -> None:
    """What was typed is told only where it is a user's address: people type passwords into the wrong field."""
    user = accounts.find_user(db.session, address)
    audit.record(AuditArea.SIGN_IN, f"Failed to sign in as {user.email if user else 'an unknown user'}")
    db.session.commit()
