"""Sign-in, the first visit, and the password."""

from __future__ import annotations

from flask import Flask

from ..extensions import db, login_manager
from ..models import User, UserSession
from . import link_views, views  # noqa: F401 - they add their pages to the blueprint
from .blueprint import bp
from .gate import ask_to_sign_in


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    # A session is a row in the database; it does not end because a phone changed its network.
    login_manager.session_protection = None
    login_manager.unauthorized_handler(ask_to_sign_in)
    login_manager.user_loader(_user_of_session)


def _user_of_session(token: str) -> User | None:
    return UserSession.find_user(db.session, token)
