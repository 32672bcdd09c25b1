"""Account > Users and Account > Groups: who signs in, what they may do, and whose data they see."""

from __future__ import annotations

from flask import Flask

from . import group_views, user_actions, user_views  # noqa: F401 - they add their pages to the blueprint
from .blueprint import bp


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
