"""Flexible assets: their types, the assets themselves, who may see them, and their history."""

from __future__ import annotations

from flask import Flask

from . import (  # noqa: F401  (their views join the blueprints)
    asset_views,
    blueprints,
    field_views,
    figure_views,
    history_views,
    list_views,
    security_views,
    type_views,
)
from .queries import types_in_menu


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprints.types)
    app.register_blueprint(blueprints.assets)
    app.jinja_env.globals.update(asset_types_in_menu=types_in_menu)
