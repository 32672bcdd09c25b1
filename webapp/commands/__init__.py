"""The `flask` commands, for scripts and for who prefers a terminal. They and the pages call the same functions."""

from __future__ import annotations

from flask import Flask

from . import integrations, licenses, products, runs, tenants, users


def init_app(app: Flask) -> None:
    for group in (
        users.users,
        integrations.integrations,
        tenants.tenants,
        runs.runs,
        licenses.licenses,
        products.products,
    ):
        app.cli.add_command(group)
