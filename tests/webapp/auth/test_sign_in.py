"""Signing in and out."""

from __future__ import annotations

import re

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from tests.conftest import signed_in
from tests.support.factories import Make
from webapp.auth import accounts
from webapp.extensions import db
from webapp.models import User, UserSession, user, utc_now

from .forms import is_signed_in, sign_in


def test_the_right_password_leads_home(client: FlaskClient, make: Make) -> None:
    make.user(email="ada@msp.example")
    answer = sign_in(client, "ada@msp.example")
    assert (answer.status_code, answer.location) == (302, "/")
    assert is_signed_in(client)


def test_an_address_is_the_same_in_any_case_and_with_spaces_around_it(client: FlaskClient, make: Make) -> None:
    make.user(email="ada@msp.example")
    assert sign_in(client, "  ADA@MSP.Example ").status_code == 302


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(client: FlaskClient, make: Make) -> None:
    make.user(email="ada@msp.example")
    wrong = sign_in(client, "ada@msp.example", "wrong password")
    unknown = sign_in(client, "eve@msp.example", "wrong password")
    assert wrong.status_code == unknown.status_code == 401
    assert _main(wrong).replace("ada@", "eve@") == _main(unknown)
    assert "The e-mail address or the password is wrong." in wrong.text
    assert not is_signed_in(client)


def test_an_unknown_address_costs_a_password_check_too(
    client: FlaskClient, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.user()
    checked: list[str] = []
    monkeypatch.setattr(accounts, "waste_time_like_a_check", checked.append)
    sign_in(client, "eve@msp.example", "some password")
    assert checked == ["some password"]


def test_what_an_unknown_address_is_checked_against_is_a_hash_as_those_of_users_are() -> None:
    assert not PasswordHasher().check_needs_rehash(user._UNMATCHED_HASH)
    with pytest.raises(VerifyMismatchError):
        PasswordHasher().verify(user._UNMATCHED_HASH, "some password")


def _main(answer: TestResponse) -> str:
    return answer.text.partition("<main")[2]


@pytest.mark.parametrize("email", ["", "a\0b@msp.example", "no address", "x" * 5000 + "@msp.example", "a@b@c", "'; --"])
def test_what_is_no_address_is_answered_like_an_unknown_one(client: FlaskClient, make: Make, email: str) -> None:
    make.user()
    assert sign_in(client, email).status_code in (401, 422)


def test_a_password_longer_than_any_can_be_is_wrong(client: FlaskClient, make: Make) -> None:
    make.user(email="ada@msp.example")
    assert sign_in(client, "ada@msp.example", "x" * 100_000).status_code == 401


def test_an_empty_form_says_what_is_missing_and_ties_it_to_the_fields(client: FlaskClient, make: Make) -> None:
    make.user()
    answer = client.post("/sign-in", data={})
    assert answer.status_code == 422
    assert "Enter your e-mail address." in answer.text
    assert 'aria-describedby="email-error"' in answer.text
    assert 'aria-describedby="password-error"' in answer.text


def test_the_form_helps_password_managers(client: FlaskClient, make: Make) -> None:
    make.user()
    page = client.get("/sign-in").text
    assert 'autocomplete="username"' in page
    assert 'autocomplete="current-password"' in page
    assert '<label class="form-label" for="email">' in page


def test_the_form_starts_at_its_first_field_and_then_at_what_is_wrong(client: FlaskClient, make: Make) -> None:
    make.user()
    pages = {
        "email": client.get("/sign-in"),
        "password": client.post("/sign-in", data={"email": "eve@msp.example"}),
        "password ": sign_in(client, "eve@msp.example", "wrong"),
    }
    for field, page in pages.items():
        [focused] = re.findall(r"<input[^>]* autofocus[^>]*>", page.text)
        assert f'name="{field.strip()}"' in focused


def test_a_password_is_never_sent_back(client: FlaskClient, make: Make) -> None:
    make.user()
    assert "s3cret-typo" not in sign_in(client, "eve@msp.example", "s3cret-typo").text


def test_whoever_is_signed_in_is_led_on_from_the_sign_in_page(as_reader: FlaskClient) -> None:
    assert as_reader.get("/sign-in").location == "/"
    assert as_reader.get("/sign-in?next=/organizations").location == "/organizations"
    assert as_reader.get("/sign-in?next=//evil.example").location == "/"


def test_a_session_that_was_there_before_sign_in_is_not_the_one_after_it(client: FlaskClient, make: Make) -> None:
    """What somebody planted in the browser beforehand is gone: session fixation gains nothing."""
    make.user(email="ada@msp.example")
    with client.session_transaction() as session:
        session["planted"] = "by somebody else"
        session["csrf_token"] = "known to somebody else"
    sign_in(client, "ada@msp.example")
    with client.session_transaction() as session:
        assert "planted" not in session
        assert session.get("csrf_token") != "known to somebody else"


def test_each_sign_in_is_a_session_of_its_own(app: Flask, make: Make) -> None:
    make.user(email="ada@msp.example")
    first, second = app.test_client(), app.test_client()
    sign_in(first, "ada@msp.example")
    sign_in(second, "ada@msp.example")
    first.post("/sign-out")
    assert not is_signed_in(first)
    assert is_signed_in(second)


def test_signing_out_makes_a_copied_cookie_worthless(app: Flask, make: Make) -> None:
    client = signed_in(app, make.user())
    with client.session_transaction() as session:
        copied = dict(session)
    answer = client.post("/sign-out")
    assert (answer.status_code, answer.location) == (302, "/sign-in")
    assert db.session.query(UserSession).count() == 0

    thief = app.test_client()
    with thief.session_transaction() as session:
        session.update(copied)
    assert not is_signed_in(thief)


def test_signing_out_twice_does_no_harm(client: FlaskClient, make: Make) -> None:
    make.user()
    assert client.post("/sign-out").location == "/sign-in"


def test_a_sign_out_link_in_an_image_does_nothing(as_reader: FlaskClient) -> None:
    assert as_reader.get("/sign-out").status_code == 405
    assert is_signed_in(as_reader)


def test_a_user_who_was_removed_is_signed_out(app: Flask, make: Make) -> None:
    user = make.user()
    make.user()
    client = signed_in(app, user)
    db.session.delete(db.session.get_one(User, user.id))
    db.session.commit()
    answer = client.get("/account/password", follow_redirects=True)
    assert "Your session has ended. Sign in again to go on." in answer.text


def test_a_forged_cookie_signs_nobody_in(client: FlaskClient, make: Make) -> None:
    make.user()
    client.set_cookie("seatledger", "eyJfdXNlcl9pZCI6IjEifQ.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb")
    client.set_cookie("remember_token", "1|" + "0" * 128)
    assert not is_signed_in(client)


def test_a_page_costs_one_query_to_know_who_asks(as_reader: FlaskClient, count_queries: list[str]) -> None:
    as_reader.get("/account/password")
    assert len([statement for statement in count_queries if "user_" in statement]) == 1


@pytest.mark.parametrize("change", [{"password_hash": "another"}, {"deactivated_at": utc_now()}])
def test_a_password_that_is_changed_while_it_is_checked_lets_nobody_in(
    client: FlaskClient, make: Make, monkeypatch: pytest.MonkeyPatch, change: dict[str, object]
) -> None:
    user_id = make.user(email="ada@msp.example").id
    checks = User.check_password

    def changed_meanwhile(user: User, password: str) -> bool:
        is_right = checks(user, password)
        # As another transaction leaves it: what this one has read says otherwise, and its new hash is not stored yet.
        with db.session.no_autoflush:
            db.session.execute(
                update(User).where(User.id == user_id).values(**change),
                execution_options={"synchronize_session": False},
            )
        return is_right

    monkeypatch.setattr(User, "check_password", changed_meanwhile)
    assert sign_in(client, "ada@msp.example").status_code == 401
    assert not is_signed_in(client)
    assert db.session.scalar(select(UserSession.id)) is None
