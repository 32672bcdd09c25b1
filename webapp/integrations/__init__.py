"""Account > Integrations: connecting Microsoft 365, matching its tenants, starting syncs and reading their logs."""

from __future__ import annotations

from flask import Flask

# Importing the views is what gives the blueprint its addresses.
from . import compare_views, connection_views, removal_views, run_views, tenant_views, views
from .blueprint import bp

__all__ = ["compare_views", "connection_views", "init_app", "removal_views", "run_views", "tenant_views", "views"]


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
