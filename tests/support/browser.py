"""The test client: each request runs as in production, in an app context of its own."""

from __future__ import annotations

from contextvars import Context
from typing import Any

from flask import has_app_context
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from webapp.extensions import db

# How htmx asks for a part of a page.
HTMX = {"HX-Request": "true"}


class Browser(FlaskClient):
    """A client whose requests share no session, user or `g` with the test, nor with each other.

    Flask would let a request use the app context that the test holds open: who signed in first would be everyone's
    user, and what a view forgot to commit would still be seen. The test's own transaction ends before a request, so
    that neither waits for the other, and what the test reads afterwards is what is stored.
    """

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        if has_app_context():
            db.session.rollback()
        return Context().run(super().open, *args, **kwargs)
