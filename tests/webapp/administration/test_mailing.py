"""What an Administrator sees of the mail with a link: that it went, or why it did not; the link in any case."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from jobs import queue
from tests.support.factories import Make
from tests.support.turns import in_turn
from webapp.extensions import db, vault
from webapp.models import UserLink, utc_now


@pytest.fixture
def mailed(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is handed to the workers to be mailed, where a mail server is set."""
    app.config["SETTINGS"] = replace(
        app.config["SETTINGS"],
        mail_server="smtp://127.0.0.1:1",
        mail_from="seatledger@msp.example",
        public_url="https://licenses.example",
    )
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(queue, "mail_link", lambda sealed: told.append(json.loads(vault.decrypt(sealed))))
    return told


def make_link(client: FlaskClient, user_id: int) -> str:
    answer = client.post(f"/account/users/{user_id}/link", follow_redirects=True)
    assert answer.status_code == 200
    return answer.text


@in_turn
def note(**values: object) -> None:
    db.session.query(UserLink).update(values)  # type: ignore[arg-type]
    db.session.commit()


def test_the_link_is_mailed_and_shown(as_administrator: FlaskClient, make: Make, mailed: list[dict[str, Any]]) -> None:
    user = make.user(email="ann@msp.example")
    page = make_link(as_administrator, user.id)
    [told] = mailed
    assert told["email"] == "ann@msp.example"
    assert told["address"].startswith("https://licenses.example/reset/")
    assert told["address"] in page
    assert "The mail is being sent." in page
    note(mailed_at=utc_now())
    assert "Sent by mail" in as_administrator.get(f"/account/users/{user.id}").text


def test_why_it_was_not_sent_is_shown(as_administrator: FlaskClient, make: Make, mailed: list[dict[str, Any]]) -> None:
    user = make.invited_user()
    make_link(as_administrator, user.id)
    note(mail_problem="The mail server <b>refused</b> the mail.")
    assert (
        "The mail server &lt;b&gt;refused&lt;/b&gt; the mail." in as_administrator.get(f"/account/users/{user.id}").text
    )


@pytest.mark.usefixtures("mailed")
def test_without_redis_the_link_is_shown_all_the_same(
    as_administrator: FlaskClient, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(sealed: str) -> None:
        raise queue.QueueUnavailable

    monkeypatch.setattr(queue, "mail_link", unavailable)
    page = make_link(as_administrator, make.invited_user().id)
    assert "https://licenses.example/invitation/" in page
    assert "The job queue cannot be reached." in page


@pytest.mark.usefixtures("mailed")
def test_a_mail_that_nobody_sends_is_not_said_to_be_on_its_way_for_ever(
    as_administrator: FlaskClient, make: Make
) -> None:
    user = make.invited_user()
    make_link(as_administrator, user.id)
    note(created_at=utc_now() - timedelta(minutes=3))
    page = as_administrator.get(f"/account/users/{user.id}").text
    assert "No worker has sent the mail." in page
    assert "is being sent" not in page


def test_a_deactivated_user_gets_no_link(as_administrator: FlaskClient, make: Make) -> None:
    user = make.user(email="ann@msp.example", deactivated_at=utc_now())
    assert "is deactivated. Reactivate them first" in make_link(as_administrator, user.id)
    assert db.session.query(UserLink).count() == 0


def test_two_invitations_in_one_browser_show_each_its_own_link(as_administrator: FlaskClient, make: Make) -> None:
    first, second = make.invited_user(), make.invited_user()
    as_administrator.post(f"/account/users/{first.id}/link")
    assert 'id="link"' not in as_administrator.get(f"/account/users/{second.id}").text
    assert 'id="link"' in as_administrator.get(f"/account/users/{first.id}").text
