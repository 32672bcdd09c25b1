"""Fixtures for the tests of the web application."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.browser import Browser
from webapp import create_app
from webapp.extensions import db

NOWHERE = ["postgresql+psycopg://keeper:s3cret@127.0.0.1:1/nowhere", "sqlite:////nowhere/s3cret/seatledger.db"]


@pytest.fixture(params=NOWHERE)
def without_database(request: pytest.FixtureRequest, app: Flask) -> Iterator[FlaskClient]:
    """A browser at an app whose database is not there."""
    lost = create_app(replace(app.config["SETTINGS"], database_url=request.param))
    lost.test_client_class = Browser
    yield lost.test_client()
    with lost.app_context():
        db.engine.dispose()
