"""Mailing links: what is sent to whom, and what is said where it fails."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from jobs import mail
from sandbox.certificates import server_context
from tests.support.factories import Make
from tests.support.mail import Postbox, mail_server
from tests.support.turns import in_turn
from webapp.auth import links
from webapp.extensions import db, vault
from webapp.models import LinkPurpose, User, UserLink, utc_now


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    with mail_server() as box:
        yield box


def use(app: Flask, url: str, **changes: Any) -> None:
    """Let this mail server be used."""
    values = {"mail_server": url, "mail_from": "seatledger@msp.example", "public_url": "https://licenses.example"}
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], **{**values, **changes})


@in_turn
def issued(user: User) -> links.Issued:
    made = links.issue(db.session, user)
    db.session.commit()
    return made


def send(made: links.Issued, **changes: str) -> UserLink:
    mail.send_link(vault.encrypt(json.dumps({**vars(made), **changes})))
    db.session.rollback()
    return db.session.query(UserLink).one()


def test_an_invitation_is_one_plain_mail_with_its_link(app: Flask, make: Make, postbox: Postbox) -> None:
    use(app, postbox.url)
    made = issued(make.invited_user(email="ann@customer.example"))
    link = send(made)
    [message] = postbox.mails
    assert postbox.recipients == ["ann@customer.example"]
    assert (message["To"], message["From"]) == ("ann@customer.example", "Seatledger <seatledger@msp.example>")
    assert message["Subject"] == "You are invited to Seatledger"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "text/plain"
    assert made.address in message.get_content()
    assert made.address.startswith("https://licenses.example/invitation/")
    assert link.mailed_at is not None
    assert not link.mail_problem


def test_a_long_link_is_not_broken(app: Flask, make: Make, postbox: Postbox) -> None:
    use(app, postbox.url, public_url=f"https://{'long.' * 30}example")
    made = issued(make.invited_user())
    send(made)
    assert made.address in postbox.mails[0].get_content()


def test_the_user_and_the_password_are_used_as_they_are_meant(app: Flask, make: Make, postbox: Postbox) -> None:
    use(app, f"smtp://me%40msp.example:p%2F%40s%23@127.0.0.1:{postbox.port}")
    send(issued(make.invited_user()))
    assert postbox.credentials == [("me@msp.example", "p/@s#")]


@pytest.mark.parametrize(
    ("refusals", "reason"),
    [
        ({"AUTH": "535 no"}, "refused the user or the password"),
        ({"RCPT": "550 no such user"}, "takes no mail for this e-mail address"),
        ({"MAIL": "553 who are you"}, "takes no mail from the address in MAIL_FROM"),
        ({"DATA": "554 no"}, "refused the mail"),
        ({"EHLO": "421 busy", "HELO": "421 busy"}, "refused the mail"),
    ],
)
def test_a_refusal_is_noted_in_a_sentence(app: Flask, make: Make, refusals: dict[str, str], reason: str) -> None:
    with mail_server(refusals=refusals) as box:
        use(app, f"smtp://me:secret@127.0.0.1:{box.port}")
        link = send(issued(make.invited_user()))
    assert reason in link.mail_problem
    assert link.mailed_at is None
    assert box.mails == []


def test_a_server_that_is_not_there_or_is_silent_is_told_apart(
    app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        use(app, f"smtp://127.0.0.1:{port}")
        made = issued(make.invited_user())
        assert send(made).mail_problem == "The mail server did not answer in time."
    assert "cannot be reached" in send(made).mail_problem


def test_elsewhere_than_on_this_machine_nothing_is_sent_unencrypted(
    app: Flask, make: Make, postbox: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "_LOOPBACK", set())
    use(app, f"smtp://me:secret@127.0.0.1:{postbox.port}")
    assert "offers no encryption" in send(issued(make.invited_user())).mail_problem
    assert (postbox.mails, postbox.credentials) == ([], [])


def test_a_certificate_is_checked(app: Flask, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with mail_server(tls=server_context(tmp_path)) as box:
        use(app, f"smtps://localhost:{box.port}")
        made = issued(make.invited_user())
        assert "not one that this system trusts" in send(made).mail_problem
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert send(made).mail_problem == ""
    assert len(box.mails) == 1


@pytest.mark.parametrize("address", ["ann@x.example\r\nBcc: eve@evil.example", "ann@x.example\nX: y", "ann"])
def test_an_address_that_would_begin_another_header_is_not_written(
    app: Flask, make: Make, postbox: Postbox, address: str
) -> None:
    use(app, postbox.url)
    assert send(issued(make.invited_user()), email=address).mail_problem
    assert postbox.mails == []
    assert "eve@evil.example" not in postbox.recipients


def answer_reset(address: str) -> None:
    mail.answer_reset(vault.encrypt(json.dumps({"address": address, "base": "https://licenses.example"})))
    db.session.rollback()


def test_who_forgot_the_password_gets_a_link_that_works(app: Flask, make: Make, postbox: Postbox) -> None:
    use(app, postbox.url)
    user = make.user(email="ann@msp.example")
    answer_reset("ann@msp.example")
    [message] = postbox.mails
    token = message.get_content().partition("https://licenses.example/reset/")[2].split()[0]
    link = UserLink.find(db.session, token, LinkPurpose.PASSWORD_RESET)
    assert link is not None
    assert link.user_id == user.id
    assert link.mailed_at is not None


@pytest.mark.parametrize("who", ["nobody", "invited", "deactivated"])
def test_nobody_else_gets_one(app: Flask, make: Make, postbox: Postbox, who: str) -> None:
    use(app, postbox.url)
    make.invited_user(email="invited@msp.example")
    make.user(email="deactivated@msp.example", deactivated_at=utc_now())
    answer_reset(f"{who}@msp.example")
    assert postbox.mails == []
    assert db.session.query(UserLink).count() == 0


def test_no_link_reaches_the_log(app: Flask, make: Make, caplog: pytest.LogCaptureFixture) -> None:
    with mail_server(refusals={"DATA": "554 no https://evil.example"}) as box:
        use(app, box.url)
        made = issued(make.invited_user())
        send(made)
    assert made.address.rpartition("/")[2] not in caplog.text
    assert "evil" not in caplog.text
