"""Changing one's password."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.conftest import signed_in
from tests.support.factories import PASSWORD, Make
from webapp.extensions import db
from webapp.models import User, UserSession

from .forms import is_signed_in, sign_in

NEW = "a new and longer password"


def change(client: FlaskClient, current: str = PASSWORD, new: str = NEW, repeated: str = "") -> TestResponse:
    form = {"current": current, "password": new, "repeated": repeated or new}
    return client.post("/account/password", data=form)


def test_a_changed_password_is_the_only_one_that_signs_in(app: Flask, make: Make) -> None:
    client = signed_in(app, make.user(email="ada@msp.example"))
    answer = change(client)
    assert (answer.status_code, answer.location) == (302, "/")
    assert sign_in(app.test_client(), "ada@msp.example", PASSWORD).status_code == 401
    assert sign_in(app.test_client(), "ada@msp.example", NEW).status_code == 302


def test_a_password_change_ends_every_other_session_and_renews_this_one(app: Flask, make: Make) -> None:
    user = make.user()
    here, elsewhere = signed_in(app, user), signed_in(app, user)
    with here.session_transaction() as session:
        before = dict(session)
    change(here)
    assert is_signed_in(here)
    assert not is_signed_in(elsewhere)

    copied = app.test_client()
    with copied.session_transaction() as session:
        session.update(before)
    assert not is_signed_in(copied)
    assert db.session.query(UserSession).count() == 1


def test_others_stay_signed_in(app: Flask, make: Make) -> None:
    other = signed_in(app, make.user())
    change(signed_in(app, make.user()))
    assert is_signed_in(other)


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"current": "wrong"}, "This is not your current password."),
        ({"current": ""}, "Enter your current password."),
        ({"new": "short"}, "needs at least 8"),
        ({"new": "x" * 1025}, "longer than 1024"),
        ({"new": "ADA@msp.example"}, "The password is the e-mail address."),
        ({"repeated": "something else"}, "The two passwords differ."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_changes(app: Flask, make: Make, form: dict[str, str], message: str) -> None:
    client = signed_in(app, make.user(email="ada@msp.example"))
    answer = change(client, **form)
    assert answer.status_code == 422
    assert message in answer.text
    assert db.session.query(User).one().check_password(PASSWORD)
    assert is_signed_in(client)


def test_a_read_only_user_changes_their_own_password(as_reader: FlaskClient) -> None:
    assert change(as_reader).status_code == 302


def test_the_form_helps_password_managers(as_reader: FlaskClient) -> None:
    page = as_reader.get("/account/password").text
    assert 'autocomplete="username"' in page
    assert 'autocomplete="current-password"' in page
    assert page.count('autocomplete="new-password"') == 2
    assert "At least 8 characters" in page
