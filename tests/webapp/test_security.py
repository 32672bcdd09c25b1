"""What holds for every address: forged forms, headers, cookies. Who may come in is in test_access_walk.py."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import TimestampSigner

from tests.conftest import signed_in
from tests.support.factories import Make
from tests.support.routes import routes
from tests.webapp.auth.forms import sign_in
from webapp import access
from webapp.extensions import db
from webapp.models import UserSession
from webapp.security import HEADERS

HTTPS = "https://localhost"


def test_every_form_without_its_token_is_refused(
    app: Flask, as_administrator: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    forms = [(method, address) for _, method, address in routes(app) if method != "GET"]
    unprotected = [form for form in forms if as_administrator.open(form[1], method=form[0]).status_code != 400]
    assert ("POST", "/sign-out") in forms
    assert unprotected == []


@pytest.mark.parametrize(("seconds", "status"), [(2, 200), (3 * 3600, 200), (-15 * 24 * 3600, 302)])
def test_a_cookie_of_a_server_whose_clock_is_ahead_is_taken_and_one_that_is_too_old_is_not(
    app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch, seconds: int, status: int
) -> None:
    user = make.user()
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(TimestampSigner, "get_timestamp", lambda signer: int(time.time()) + seconds)
        client = signed_in(app, user)
        with client.session_transaction() as session:
            session.permanent = True
    assert client.get("/organizations").status_code == status


@pytest.mark.parametrize(("days", "status"), [(0, 200), (-15, 302), (365, 302)])
def test_a_session_is_good_until_it_ends_unless_a_clock_far_ahead_has_begun_it(
    app: Flask, make: Make, days: int, status: int
) -> None:
    client = signed_in(app, make.user())
    begun = db.session.query(UserSession).one()
    begun.expires_at += timedelta(days=days)
    db.session.commit()
    assert client.get("/organizations").status_code == status


def test_a_token_of_another_browser_is_refused(app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    make.user(email="ada@msp.example")
    mine, other = app.test_client(), app.test_client()
    mine.get("/sign-in")
    form = {"email": "ada@msp.example", "password": "correct horse battery staple", "csrf_token": _token(other)}
    assert mine.post("/sign-in", data=form).status_code == 400
    assert mine.post("/sign-in", data={**form, "csrf_token": _token(mine)}).status_code == 302


def test_the_token_of_a_page_goes_with_htmx_s_requests(app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    client = signed_in(app, make.user())
    token = client.get("/account/password").text.partition('"X-CSRFToken": "')[2].partition('"')[0]
    assert client.post("/sign-out", headers={"X-CSRFToken": token}).status_code == 302


def test_only_who_has_the_permission_reaches_a_view(
    app: Flask, make: Make, as_reader: FlaskClient, as_administrator: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = access.requires(access.Permission.MANAGE_INTEGRATIONS)(lambda: "managed")
    monkeypatch.setitem(app.view_functions, "home", view)
    assert as_reader.get("/").status_code == 403
    assert as_administrator.get("/").text == "managed"
    assert app.test_client().get("/").location == "/sign-in"


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/sign-in", 200),
        ("/", 302),
        ("/nowhere", 404),
        ("/sign-out", 405),
        ("/healthz", 200),
        ("/static/app.css", 200),
        ("/static/nowhere.css", 404),
        ("/static/", 404),
    ],
)
def test_every_kind_of_answer_carries_the_security_headers(
    client: FlaskClient, make: Make, address: str, status: int
) -> None:
    make.user()
    with client.get(address) as answer:
        assert answer.status_code == status
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


def test_a_static_file_that_is_sent_something_carries_them_too(client: FlaskClient) -> None:
    answer = client.post("/static/app.css")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


def test_no_page_holds_inline_script_or_style(as_administrator: FlaskClient, client: FlaskClient, make: Make) -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    for page in (as_administrator.get("/account/password"), client.get("/sign-in"), client.get("/nowhere")):
        assert " style=" not in page.text
        assert "<style" not in page.text
        assert " onclick=" not in page.text
        assert page.text.count("<script") == page.text.count('src="/static/') - page.text.count('<img src="/static/')


@pytest.mark.parametrize("address", ["/sign-in", "/nowhere", "/"])
def test_pages_are_kept_by_no_cache(client: FlaskClient, make: Make, address: str) -> None:
    make.user()
    answer = client.get(address)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "HX-Request" in answer.headers["Vary"]


def test_the_cookie_is_for_the_server_alone(client: FlaskClient, make: Make) -> None:
    make.user(email="ada@msp.example")
    cookie = sign_in(client, "ada@msp.example").headers["Set-Cookie"]
    assert cookie.startswith("seatledger=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    assert "Expires=" in cookie


def test_behind_https_the_cookie_and_the_browser_keep_to_it(client: FlaskClient, make: Make) -> None:
    make.user()
    answer = client.get("/sign-in", base_url=HTTPS)
    assert "Secure" in answer.headers["Set-Cookie"]
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "Strict-Transport-Security" not in client.get("/sign-in").headers


def test_a_page_that_was_read_leaves_the_cookie_alone(app: Flask, make: Make) -> None:
    """A late answer to one tab must not bring back the cookie that another tab has just replaced."""
    make.user(email="ada@msp.example")
    client = app.test_client()
    sign_in(client, "ada@msp.example")
    client.get("/account/password")
    assert "Set-Cookie" not in client.get("/account/password").headers


def _token(client: FlaskClient) -> str:
    page = client.get("/sign-in").text
    return page.partition('name="csrf_token" type="hidden" value="')[2].partition('"')[0]
