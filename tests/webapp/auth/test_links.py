"""Invitations and new passwords by a link: good once, for a time, for one user."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from jobs import queue
from tests.conftest import signed_in
from tests.support.factories import Make
from tests.support.together import at_once
from tests.support.turns import in_turn
from webapp.auth import accounts, links
from webapp.extensions import db, vault
from webapp.models import AuditEntry, User, UserLink, utc_now
from webapp.models.user import hash_token

from .forms import is_signed_in, sign_in

NEW = "a brand new password"


@in_turn
def path_for(user: User) -> str:
    """The path of a new link for the user."""
    issued = links.issue(db.session, user)
    db.session.commit()
    return "/" + issued.address.split("/", 3)[3]


def choose(client: FlaskClient, path: str, password: str = NEW, repeated: str = "") -> TestResponse:
    return client.post(path, data={"password": password, "repeated": repeated or password})


@pytest.fixture
def invited(make: Make) -> User:
    make.user()
    return make.invited_user(email="ann@msp.example")


@pytest.fixture
def known(make: Make) -> User:
    return make.user(email="ann@msp.example")


@pytest.fixture
def mailing(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A mail server is set; what would be mailed about a forgotten password."""
    app.config["SETTINGS"] = replace(
        app.config["SETTINGS"],
        mail_server="smtp://127.0.0.1:1",
        mail_from="seatledger@msp.example",
        public_url="https://licenses.example",
    )
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(queue, "mail_reset", lambda sealed: asked.append(json.loads(vault.decrypt(sealed))))
    return asked


def test_a_link_that_a_clock_far_ahead_has_made_is_none(client: FlaskClient, known: User) -> None:
    path = path_for(known)
    link = db.session.query(UserLink).one()
    link.created_at, link.expires_at = link.created_at + timedelta(days=365), link.expires_at + timedelta(days=365)
    db.session.commit()
    assert choose(client, path).status_code == 404
    assert not is_signed_in(client)
    assert UserLink.of_user(db.session, known) is None


def test_an_invitation_sets_the_password_and_signs_in(app: Flask, client: FlaskClient, invited: User) -> None:
    path = path_for(invited)
    assert "ann@msp.example" in client.get(path).text
    assert choose(client, path).location == "/"
    assert is_signed_in(client)
    assert sign_in(app.test_client(), "ann@msp.example", NEW).status_code == 302


def test_who_accepts_an_invitation_in_the_browser_of_somebody_else_ends_their_session(
    app: Flask, make: Make, invited: User
) -> None:
    before = make.user(email="bob@msp.example")
    client, elsewhere, copy = signed_in(app, before), signed_in(app, before), app.test_client()
    with client.session_transaction() as kept, copy.session_transaction() as copied:
        copied.update(kept)
    assert is_signed_in(copy)
    assert choose(client, path_for(invited)).status_code == 302
    assert "ann@msp.example" in client.get("/account").text
    assert not is_signed_in(copy)
    assert is_signed_in(elsewhere)


def test_a_new_password_ends_every_session_and_is_signed_in_with(app: Flask, client: FlaskClient, known: User) -> None:
    before = signed_in(app, known)
    assert choose(client, path_for(known)).location == "/sign-in"
    assert not is_signed_in(before)
    assert not is_signed_in(client)
    assert sign_in(client, "ann@msp.example").status_code == 401
    assert sign_in(client, "ann@msp.example", NEW).status_code == 302


def test_opening_a_link_uses_nothing_up(client: FlaskClient, invited: User) -> None:
    path = path_for(invited)
    for _ in range(3):
        assert client.get(path).status_code == 200
    assert choose(client, path).status_code == 302


@pytest.mark.parametrize("kind", ["invited", "known"])
def test_a_link_is_good_once(app: Flask, client: FlaskClient, request: pytest.FixtureRequest, kind: str) -> None:
    path = path_for(request.getfixturevalue(kind))
    choose(client, path)
    other = app.test_client()
    assert other.get(path).status_code == 404
    assert choose(other, path, "another password").status_code == 404
    assert sign_in(other, "ann@msp.example", NEW).status_code == 302


def test_of_two_who_use_a_link_at_once_one_does(app: Flask, known: User, monkeypatch: pytest.MonkeyPatch) -> None:
    path = path_for(known)
    db.session.rollback()
    passwords = ["the first password", "the second password"]
    answers = at_once(*(lambda word=word: choose(app.test_client(), path, word).status_code for word in passwords))
    assert sorted(answers) == [302, 404]
    works = [sign_in(app.test_client(), "ann@msp.example", word).status_code for word in passwords]
    assert works == [302 if answer == 302 else 401 for answer in answers]


def lapse(user: User) -> None:
    db.session.query(UserLink).update({"expires_at": utc_now() - timedelta(seconds=1)})


def replace_link(user: User) -> None:
    UserLink.end_all(db.session, user)


def deactivate(user: User) -> None:
    user.deactivated_at = utc_now()


@in_turn
def bring_about(end: Callable[[User], None], user: User) -> None:
    end(user)
    db.session.commit()


@pytest.mark.parametrize("end", [lapse, replace_link, deactivate])
@pytest.mark.parametrize("kind", ["invited", "known"])
def test_a_link_that_ended_says_so_and_does_nothing(
    client: FlaskClient, request: pytest.FixtureRequest, kind: str, end: Callable[[User], None]
) -> None:
    user = request.getfixturevalue(kind)
    path = path_for(user)
    bring_about(end, user)
    for answer in (client.get(path), choose(client, path)):
        assert answer.status_code == 404
        assert "This link does not work any more" in answer.text
    assert not is_signed_in(client)


def test_a_newer_link_replaces_the_one_before(client: FlaskClient, known: User) -> None:
    first, second = path_for(known), path_for(known)
    assert client.get(first).status_code == 404
    assert client.get(second).status_code == 200


def test_a_link_is_for_its_purpose_alone(client: FlaskClient, invited: User) -> None:
    token = path_for(invited).rpartition("/")[2]
    assert client.get(f"/reset/{token}").status_code == 404


@pytest.mark.parametrize("token", ["x", "x" * 5000, "%00", "..%2f", "株"])
def test_a_token_that_is_none_is_a_link_that_does_not_work(client: FlaskClient, make: Make, token: str) -> None:
    make.user()
    for path in ("/invitation/", "/reset/"):
        assert client.get(path + token).status_code == 404
        assert choose(client, path + token).status_code == 404


@pytest.mark.parametrize(
    ("password", "repeated", "message"),
    [
        ("short", "", "needs at least 8"),
        ("ann@msp.example", "", "is the e-mail address"),
        (NEW, "another one", "differ"),
        ("x" * 1025, "", "longer than"),
    ],
)
def test_what_is_wrong_with_the_password_is_said_and_the_link_stays(
    client: FlaskClient, known: User, password: str, repeated: str, message: str
) -> None:
    path = path_for(known)
    answer = choose(client, path, password, repeated)
    assert answer.status_code == 422
    assert message in answer.text
    assert client.get(path).status_code == 200


def test_only_the_hash_of_the_token_is_stored(known: User) -> None:
    token = path_for(known).rpartition("/")[2]
    stored = str([vars(link) for link in db.session.query(UserLink)])
    assert hash_token(token) in stored
    assert token not in stored


def test_the_address_is_told_to_no_other_page_and_kept_by_no_cache(client: FlaskClient, known: User) -> None:
    path = path_for(known)
    for answer in (client.get(path), choose(client, path, "short"), client.get("/reset/none")):
        # The host, without which a form over HTTPS is refused as one of another site; never the path.
        assert answer.headers["Referrer-Policy"] == "strict-origin"
        assert 'name="referrer"' not in answer.text
        assert answer.headers["Cache-Control"] == "no-store"


def test_over_https_a_link_is_good_for_who_sends_what_its_page_lets_the_browser_tell(
    app: Flask, client: FlaskClient, invited: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    path, host = path_for(invited), "https://licenses.example"
    page = client.get(path, base_url=host)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    assert token is not None
    told = {"strict-origin": {"Referer": f"{host}/"}}.get(page.headers["Referrer-Policy"], {})
    form = {"password": NEW, "repeated": NEW, "csrf_token": token[1]}
    assert client.post(path, base_url=host, data=form, headers=told).location == "/"


@pytest.mark.parametrize("error", [ValueError("broken"), OperationalError("SELECT 1", {}, Exception("locked"))])
def test_no_token_is_logged_when_a_page_breaks(
    app: Flask,
    client: FlaskClient,
    known: User,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    path = path_for(known)
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    monkeypatch.setattr(accounts, "choose_password", lambda *values: (_ for _ in ()).throw(error))
    with caplog.at_level(logging.DEBUG):
        assert choose(client, path).status_code in {500, 503}
    assert "/reset/..." in caplog.text
    assert path.rpartition("/")[2] not in caplog.text


def test_sign_ins_failures_and_new_passwords_are_in_the_audit_log(app: Flask, client: FlaskClient, known: User) -> None:
    sign_in(client, "ann@msp.example")
    client.post("/sign-out")
    sign_in(client, "ANN@msp.example", "wrong password")
    sign_in(client, "my secret password", "oops")
    choose(client, path_for(known))
    entries = [(entry.actor, entry.event) for entry in db.session.query(AuditEntry).order_by(AuditEntry.id)]
    assert entries == [
        ("ann@msp.example", "Signed in"),
        ("ann@msp.example", "Signed out"),
        ("nobody signed in", "Failed to sign in as ann@msp.example"),
        ("nobody signed in", "Failed to sign in as an unknown user"),
        ("ann@msp.example", "Set a new password by a link"),
    ]
    assert "secret" not in str([vars(entry) for entry in db.session.query(AuditEntry)])


def test_without_a_mail_server_the_page_says_whom_to_ask(client: FlaskClient, known: User) -> None:
    assert 'href="/forgot-password"' in client.get("/sign-in").text
    page = client.get("/forgot-password").text
    assert "Ask an Administrator" in page
    assert "<form" not in page
    assert client.post("/forgot-password", data={"email": "ann@msp.example"}).status_code == 200
    assert db.session.query(UserLink).count() == 0


def test_with_one_the_answer_is_the_same_whoever_has_the_address(
    client: FlaskClient, known: User, mailing: list[dict[str, Any]], count_queries: list[str]
) -> None:
    pages, queries = [], []
    for email in ("ann@msp.example", "eve@msp.example"):
        count_queries.clear()
        answer = client.post("/forgot-password", data={"email": email})
        # The token of the page differs with the second.
        pages.append((answer.status_code, re.sub(r'"X-CSRFToken": "[^"]*"', "", answer.text.replace(email, ""))))
        queries.append(len(count_queries))
    assert pages[0] == pages[1]
    assert queries[0] == queries[1]
    assert [told["address"] for told in mailing] == ["ann@msp.example", "eve@msp.example"]
    assert {told["base"] for told in mailing} == {"https://licenses.example"}


def test_a_forged_host_is_in_no_link(client: FlaskClient, known: User, mailing: list[dict[str, Any]]) -> None:
    client.post("/forgot-password", data={"email": "ann@msp.example"}, headers={"Host": "evil.example"})
    assert mailing[0]["base"] == "https://licenses.example"


def test_asking_for_mails_is_limited_as_guessing_is(
    client: FlaskClient, known: User, mailing: list[dict[str, Any]]
) -> None:
    answers = [client.post("/forgot-password", data={"email": "ann@msp.example"}).status_code for _ in range(6)]
    assert answers == [200] * 5 + [429]
    assert sign_in(client, "ann@msp.example").status_code == 302, "which keeps nobody from signing in"


def test_without_redis_nothing_is_promised(client: FlaskClient, known: User, mailing: list[dict[str, Any]]) -> None:
    with patch.object(queue, "mail_reset", side_effect=queue.QueueUnavailable):
        assert client.post("/forgot-password", data={"email": "ann@msp.example"}).status_code == 503
