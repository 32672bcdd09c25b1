"""Account > Integrations: connecting Microsoft 365, matching its tenants, starting syncs and reading their logs."""

from __future__ import annotations

from flask import Flask

# Importing the views is what gives the blueprint its addresses.
from . import connection_views, tenant_views, views
from .blueprint import bp

__all__ = ["connection_views", "init_app", "tenant_views", "views"]


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
