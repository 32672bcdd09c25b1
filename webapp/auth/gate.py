"""What someone meets who is not signed in, and how a sign-in begins and ends."""

from __future__ import annotations

from flask import flash, jsonify, make_response, redirect, session, url_for
from flask_login import current_user, login_user, logout_user
from htmx_flask import request
from werkzeug.wrappers import Response

from .. import audit
from ..errors import wants_json
from ..extensions import db
from ..models import AuditArea, User, UserSession, any_user
from . import throttle
from .addresses import current_page


def ask_to_sign_in() -> Response:
    """Send whoever is not signed in to the sign-in page, and back from there to where they wanted to go.

    A partial is never answered with a form: HTMX is told to open the page instead.
    """
    if session.pop("_user_id", None):
        flash("Your session has ended. Sign in again to go on.", "info")
    address = _address_to_sign_in()
    if request.htmx:
        answer = make_response("Sign in to go on.", 401)
        answer.headers["HX-Redirect"] = address
        return answer
    if wants_json():
        return make_response(jsonify(error="Sign in to go on."), 401)
    return redirect(address)


def begin_session(user: User) -> None:
    """Sign the user in on this browser, with a new session: whatever the browser brought along ends here.

    Who was signed in, as who opens somebody's invitation may be, is signed out on the server, too.
    """
    if current_user.is_authenticated:
        UserSession.close(db.session, current_user.session_token)
    UserSession.open(db.session, user)
    db.session.commit()
    throttle.remember_place(user.email)
    session.clear()
    session.permanent = True
    login_user(user)


def end_session() -> None:
    """Sign out: the session ends on the server, so that a copy of the cookie is worth nothing."""
    if current_user.is_authenticated:
        UserSession.close(db.session, current_user.session_token)
        audit.record(AuditArea.SIGN_IN, "Signed out")
        db.session.commit()
    logout_user()
    session.clear()


def _address_to_sign_in() -> str:
    if not any_user(db.session):
        return url_for("auth.setup")
    page = current_page()
    return url_for("auth.sign_in", next=None if page == url_for("home") else page)
