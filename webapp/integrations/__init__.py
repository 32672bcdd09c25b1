"""Account > Integrations: connecting Microsoft 365, matching its tenants, starting syncs and reading their logs."""

from __future__ import annotations

from flask import Flask

# Importing the views is what gives the blueprint its addresses.
from . import (
    adding_views,
    bulk_views,
    compare_views,
    connection_views,
    override_views,
    partner_views,
    removal_views,
    run_views,
    settings_views,
    tenant_views,
    views,
)
from .blueprint import bp

__all__ = [
    "adding_views",
    "bulk_views",
    "compare_views",
    "connection_views",
    "init_app",
    "override_views",
    "partner_views",
    "removal_views",
    "run_views",
    "settings_views",
    "tenant_views",
    "views",
]


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
