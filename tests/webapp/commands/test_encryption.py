"""`flask encrypt-anew`: what is stored is read by the new key alone afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from sqlalchemy import select

from tests.support.factories import Make
from tests.support.settings import new_key, with_keys
from tests.support.turns import in_turn
from tests.webapp.commands.conftest import Run
from webapp.extensions import UnreadableSecret, db, vault
from webapp.models import AuditEntry, Integration, utc_now

OLD, NEW = new_key(), new_key()


@contextmanager
def keys(app: Flask, *these: str) -> Iterator[None]:
    """As processes that were started with these keys."""
    with with_keys(app, *these):
        vault.init_app(app)
        try:
            yield
        finally:
            vault.init_app(app)


@pytest.fixture(autouse=True)
def own_keys_again(app: Flask) -> Iterator[None]:
    yield
    vault.init_app(app)


@in_turn
def partner_s(make: Make, **values: str) -> Integration:
    """An integration with all that is encrypted."""
    integration = make.integration(**values)
    integration.client_secret, integration.certificate = "a client secret", "a key as PEM"
    integration.act_for("admin@partner.example", "a refresh token", utc_now())
    db.session.commit()
    return integration


def test_what_an_older_key_encrypted_is_read_by_the_new_one_alone_afterwards(
    app: Flask, make: Make, flask: Run
) -> None:
    with keys(app, OLD):
        integration = partner_s(make)
    with keys(app, NEW, OLD):
        result = flask("encrypt-anew")
    assert result.exit_code == 0
    assert "the credentials of 1 integration with the first" in result.output
    assert "other keys can be left out" in result.output
    with keys(app, NEW):
        db.session.refresh(integration)
        assert integration.client_secret == "a client secret"
        assert integration.certificate == "a key as PEM"
        assert integration.refresh_token == "a refresh token"
    assert [entry.event for entry in db.session.scalars(select(AuditEntry))] == [
        "Encrypted the credentials of 1 integration anew"
    ]


def test_what_the_first_key_encrypted_already_is_not_written(app: Flask, make: Make, flask: Run) -> None:
    with keys(app, NEW, OLD):
        integration = partner_s(make)
        before = integration.client_secret_encrypted, integration.refresh_token_encrypted
        result = flask("encrypt-anew")
        db.session.refresh(integration)
    assert result.exit_code == 0
    assert "Encrypted the credentials of 0 integrations" in result.output
    assert (integration.client_secret_encrypted, integration.refresh_token_encrypted) == before
    assert not db.session.scalars(select(AuditEntry)).all()


def test_what_no_key_reads_is_named_and_left_and_all_else_is_done(app: Flask, make: Make, flask: Run) -> None:
    with keys(app, new_key()):
        lost = partner_s(make, name="Lost")
    with keys(app, OLD):
        found = partner_s(make, name="Found")
    before = lost.client_secret_encrypted
    with keys(app, NEW, OLD):
        result = flask("encrypt-anew")
    assert result.exit_code == 1
    assert "Lost" in result.output
    assert "Found" not in result.output
    assert "can be left out" not in result.output
    with keys(app, NEW):
        db.session.refresh(found)
        assert found.client_secret == "a client secret"
        db.session.refresh(lost)
        assert lost.client_secret_encrypted == before


def test_of_an_integration_of_which_one_secret_cannot_be_read_none_is_changed(app: Flask, make: Make) -> None:
    with keys(app, OLD):
        integration = partner_s(make)
    integration.refresh_token_encrypted = "made with another key"
    before = integration.client_secret_encrypted
    with keys(app, NEW, OLD), pytest.raises(UnreadableSecret):
        integration.encrypt_anew()
    assert integration.client_secret_encrypted == before


def test_with_one_key_and_nothing_stored_there_is_nothing_to_leave_out(app: Flask, flask: Run) -> None:
    with keys(app, NEW):
        result = flask("encrypt-anew")
    assert result.exit_code == 0
    assert "left out" not in result.output
