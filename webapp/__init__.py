"""Seatledger's web application: what people and programs see."""

from __future__ import annotations

from flask import Flask, redirect, url_for
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response

from config import BASE_DIR, Settings, load

from . import (
    access,
    administration,
    api,
    assets,
    audit_log,
    auth,
    commands,
    contacts,
    database,
    errors,
    extensions,
    health,
    integrations,
    licenses,
    metrics,
    organizations,
    products,
    request_ids,
    routing,
    schema_version,
    security,
    static_files,
    templating,
)


def create_app(settings: Settings | None = None) -> Flask:
    """The application, ready to serve or to run commands. Without settings, those of the environment are read."""
    settings = settings or load()
    app = Flask("webapp")
    app.config.from_mapping(settings.flask_config())
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = database.engine_options(settings)
    if settings.trusted_proxies:
        count = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]

    extensions.db.init_app(app)
    extensions.migrate.init_app(app, extensions.db, directory=str(BASE_DIR / "migrations"), render_as_batch=True)
    extensions.login_manager.init_app(app)
    extensions.csrf.init_app(app)
    extensions.htmx.init_app(app)
    extensions.limiter.init_app(app)
    extensions.vault.init_app(app)

    for part in (
        # First, so that all that others do with a request is within.
        request_ids,
        metrics,
        routing,
        database,
        security,
        static_files,
        templating,
        errors,
        schema_version,
        health,
        auth,
        organizations,
        contacts,
        licenses,
        assets,
        integrations,
        products,
        administration,
        audit_log,
        api,
    ):
        part.init_app(app)
    commands.init_app(app)
    app.add_url_rule("/", "home", _home)
    return app


@access.requires(access.Permission.READ)
def _home() -> Response:
    return redirect(url_for("licenses.everyones"))
