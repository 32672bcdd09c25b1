"""Two who save one form at the same moment, whatever it edits."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import signed_in
from tests.support.factories import Make
from tests.support.forms import opened
from tests.support.together import at_once, meeting
from webapp.extensions import db
from webapp.meanwhile import Meanwhile


def an_organization(make: Make) -> str:
    return f"/organizations/{make.organization(name='One').id}/edit"


def a_contact(make: Make) -> str:
    return f"/contacts/{make.contact(name='One').id}/edit"


def an_asset(make: Make) -> str:
    return f"/assets/{make.asset(name='One').id}/edit"


@pytest.mark.parametrize("made", [an_organization, a_contact, an_asset])
def test_one_is_saved_and_the_other_told(
    app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch, made: Callable[[Make], str]
) -> None:
    address = made(make)
    two = {name: signed_in(app, make.user()) for name in ("Mine", "Theirs")}
    forms = {name: opened(client, address) for name, client in two.items()}
    # Who compares waits for the other, which comes only where nothing holds it off.
    monkeypatch.setattr(Meanwhile, "merge", meeting(Meanwhile.merge))
    db.session.rollback()

    def save(name: str, client: FlaskClient) -> int:
        return client.post(address, data={**forms[name], "name": name}).status_code

    assert sorted(at_once(*(partial(save, *each) for each in two.items()))) == [302, 409]
