"""Filling in the forms of sign-in, as a person does."""

from __future__ import annotations

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.factories import PASSWORD


def sign_in(
    client: FlaskClient, email: str, password: str = PASSWORD, next_page: str | None = None, visitor: str = "127.0.0.1"
) -> TestResponse:
    query = {} if next_page is None else {"next": next_page}
    form = {"email": email, "password": password}
    return client.post("/sign-in", query_string=query, data=form, environ_base={"REMOTE_ADDR": visitor})


def set_up(
    client: FlaskClient, code: str, email: str = "first@msp.example", password: str = PASSWORD, repeated: str = ""
) -> TestResponse:
    form = {"code": code, "email": email, "password": password, "repeated": repeated or password}
    return client.post("/setup", data=form)


def is_signed_in(client: FlaskClient) -> bool:
    return client.get("/account/password").status_code == 200
