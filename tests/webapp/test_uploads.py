"""Uploads, whichever list they are for."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import signed_in
from tests.support.factories import Make
from tests.support.uploads import upload
from webapp.models import Role


@pytest.mark.parametrize(
    ("address", "may_not"),
    [("/account/products/import", Role.READ_ONLY), ("/organizations/import", Role.EDITOR)],
)
def test_large_requests_are_taken_from_who_may_upload_alone(
    app: Flask, client: FlaskClient, make: Make, monkeypatch: pytest.MonkeyPatch, address: str, may_not: Role
) -> None:
    """The form is read before the view, for its token."""
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    for browser in (client, signed_in(app, make.user(role=may_not))):
        assert upload(browser, b"x" * 2_000_000, to=address).status_code == 413
