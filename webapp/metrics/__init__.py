"""Figures for Prometheus: what happens is counted by `events`, added up in Redis, and told at `/metrics`."""

from __future__ import annotations

from flask import Flask

from . import pages
from .view import bp


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    pages.init_app(app)
