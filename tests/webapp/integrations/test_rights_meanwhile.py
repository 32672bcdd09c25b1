"""Whose rights are taken while Microsoft is asked for them: nothing of it is saved."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.support.forms import edited
from tests.webapp.integrations.conftest import CLIENT_ID, Microsoft, stored
from tests.webapp.integrations.test_add import send
from webapp.administration import users
from webapp.extensions import db
from webapp.models import Integration, Role, User


def take_role(user: User) -> None:
    user.role = Role.EDITOR


def sign_out(user: User) -> None:
    users.sign_out_everywhere(db.session, user)


def delete(user: User) -> None:
    db.session.delete(user)


Meanwhile = Callable[[Callable[[User], None]], None]


@pytest.fixture
def meanwhile(as_administrator: FlaskClient, microsoft: Microsoft) -> Meanwhile:
    """Let this be done to who asks, while Microsoft is asked."""

    def set_up(take: Callable[[User], None]) -> None:
        def do() -> None:
            take(db.session.scalars(select(User)).one())
            db.session.commit()

        microsoft.meanwhile = do

    return set_up


def test_a_connection_of_whose_role_was_taken_while_it_was_tried_is_not_saved(
    as_administrator: FlaskClient, meanwhile: Meanwhile
) -> None:
    meanwhile(take_role)
    assert send(as_administrator).status_code == 403
    assert stored(Integration) == 0


@pytest.mark.parametrize("end", [sign_out, delete])
def test_a_connection_of_who_was_signed_out_or_deleted_while_it_was_tried_is_not_saved(
    as_administrator: FlaskClient, meanwhile: Meanwhile, end: Callable[[User], None]
) -> None:
    meanwhile(end)
    answer = send(as_administrator)
    assert answer.status_code == 302
    assert answer.location.startswith(("/sign-in", "/setup"))
    assert stored(Integration) == 0


def test_new_credentials_of_whose_role_was_taken_while_they_were_tried_are_not_saved(
    as_administrator: FlaskClient, microsoft: Microsoft, meanwhile: Meanwhile
) -> None:
    send(as_administrator)
    integration = db.session.scalars(select(Integration)).one()
    address, before = f"/account/integrations/{integration.id}/connection", integration.client_secret_encrypted
    meanwhile(take_role)
    typed = {"name": "Contoso", "client_id": CLIENT_ID, "cloud": "global", "client_secret": "a newer secret"}
    answer = edited(as_administrator, address, {**typed, "sign_in_with": "client secret"})
    assert answer.status_code == 403
    db.session.rollback()
    assert len(microsoft.asked) == 2
    assert db.session.scalars(select(Integration.client_secret_encrypted)).one() == before
