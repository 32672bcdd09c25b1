"""The first visit: who has the code from the terminal makes the Administrator."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.support.browser import HTMX
from tests.support.factories import PASSWORD, Make
from webapp.auth import accounts
from webapp.extensions import db
from webapp.models import Role, SetupCode, User

from .forms import is_signed_in, set_up, sign_in


@pytest.fixture
def code(app: Flask) -> str:
    code = SetupCode.renew(db.session)
    db.session.commit()
    return code


@pytest.mark.parametrize("page", ["/", "/sign-in", "/account/password", "/sign-in?next=/"])
def test_without_any_user_every_page_leads_to_the_setup(client: FlaskClient, page: str) -> None:
    answer = client.get(page)
    assert (answer.status_code, answer.location) == (302, "/setup")


def test_a_partial_leads_to_the_setup_too(client: FlaskClient) -> None:
    assert client.get("/account/password", headers=HTMX).headers["HX-Redirect"] == "/setup"


def test_the_code_makes_the_administrator_and_signs_in(client: FlaskClient, code: str) -> None:
    answer = set_up(client, code, email="First@MSP.example")
    assert (answer.status_code, answer.location) == (302, "/")
    user = db.session.query(User).one()
    assert (user.email, user.role) == ("first@msp.example", Role.ADMINISTRATOR)
    assert db.session.query(SetupCode).count() == 0
    assert is_signed_in(client)


def test_the_password_of_the_setup_signs_in_later(app: Flask, client: FlaskClient, code: str) -> None:
    set_up(client, code, password="eine lange Losung ü")
    assert sign_in(app.test_client(), "first@msp.example", "eine lange Losung ü").status_code == 302


def test_the_code_is_taken_as_people_paste_it(client: FlaskClient, code: str) -> None:
    assert set_up(client, f"  {code.upper()} ").status_code == 302


def test_a_wrong_code_makes_nobody_and_stays_valid(client: FlaskClient, code: str) -> None:
    answer = set_up(client, "0000-0000-0000-0000")
    assert answer.status_code == 422
    assert "This is not the code." in answer.text
    assert 'value="first@msp.example"' in answer.text
    assert db.session.query(User).count() == 0
    assert set_up(client, code).status_code == 302


def test_without_a_code_nothing_is_the_code(client: FlaskClient) -> None:
    assert set_up(client, "anything").status_code == 422
    assert db.session.query(User).count() == 0


def test_a_code_is_needed(client: FlaskClient, code: str) -> None:
    assert "Enter the code from the terminal." in set_up(client, "").text
    assert db.session.query(User).count() == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"email": "no address"}, "email address"),
        ({"password": "short"}, "The password has 5 characters; it needs at least 8."),
        ({"password": "x" * 1025}, "longer than 1024 characters"),
        ({"password": "First@msp.example"}, "The password is the e-mail address."),
        ({"repeated": "something else"}, "The two passwords differ."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(
    client: FlaskClient, code: str, change: dict[str, str], message: str
) -> None:
    answer = set_up(client, code, **change)
    assert answer.status_code == 422
    assert message in answer.text
    assert db.session.query(User).count() == 0
    assert SetupCode.accepts(db.session, code)


@pytest.mark.parametrize("email", ["admin@msp.example", "me@corp.local", "you@lab.test", "bücher@bücher.example"])
def test_addresses_of_home_and_test_networks_are_addresses(client: FlaskClient, code: str, email: str) -> None:
    assert set_up(client, code, email=email).status_code == 302


def test_the_password_s_rules_are_told_beforehand(client: FlaskClient) -> None:
    page = client.get("/setup").text
    assert "At least 8 characters" in page
    assert 'aria-describedby="password-help"' in page
    assert 'autocomplete="one-time-code"' in page
    assert page.count('autocomplete="new-password"') == 2


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_with_a_user_there_is_no_setup_any_more(client: FlaskClient, code: str, make: Make, method: str) -> None:
    make.user()
    assert client.open("/setup", method=method, data={"code": code}).status_code == 404


def test_of_two_visitors_at_once_one_becomes_the_administrator(app: Flask, code: str) -> None:
    db.session.rollback()
    start, answers = Barrier(2), []

    def visit(email: str) -> None:
        client = app.test_client()
        start.wait()
        answers.append(set_up(client, code, email=email))

    visitors = [Thread(target=visit, args=(f"visitor{number}@msp.example",)) for number in range(2)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert db.session.query(User).count() == 1
    assert [answer.location for answer in answers].count("/") == 1


def test_the_code_of_a_visitor_who_came_second_is_used_up(app: Flask, code: str) -> None:
    assert accounts.create_first_user(db.session, code, "one@msp.example", PASSWORD) is not None
    db.session.commit()
    assert accounts.create_first_user(db.session, code, "two@msp.example", PASSWORD) is None


def test_the_second_visitor_is_told_that_there_is_an_administrator_now(
    app: Flask, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def somebody_else_is_faster(session: Session, *form: str) -> None:
        accounts.create_user(session, "one@msp.example", PASSWORD, Role.ADMINISTRATOR)
        session.commit()

    monkeypatch.setattr(accounts, "create_first_user", somebody_else_is_faster)
    answer = set_up(app.test_client(), code)
    assert answer.location == "/sign-in"
    assert db.session.query(User).count() == 1
