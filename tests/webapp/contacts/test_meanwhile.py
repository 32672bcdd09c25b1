"""Two who edit a contact at once: what each of them saves, and what they are told."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.conftest import signed_in
from tests.support.factories import Make
from tests.support.forms import began_with, edited, opened
from tests.webapp.contacts.conftest import events, kept, unlock_by_rules
from webapp.extensions import db
from webapp.models import (
    AuditEntry,
    Contact,
    Tenant,
)

FORM = ("name", "title", "phone", "email", "emails", "location", "notes")


@pytest.fixture
def other(app: Flask, make: Make) -> FlaskClient:
    """Somebody else, who edits at the same time."""
    return signed_in(app, make.user())


def sent(contact: Contact, **typed: str) -> dict[str, str]:
    """What the form sends where this is typed and all else left alone."""
    held = kept(contact)
    held["emails"] = "\r\n".join(address for address in held["emails"] if address != held["email"])
    return {field: held[field] for field in FORM} | typed


def test_what_somebody_else_saved_meanwhile_stays_where_it_was_left_alone(
    as_administrator: FlaskClient, other: FlaskClient, typed_in: Contact
) -> None:
    address = f"/contacts/{typed_in.id}/edit"
    mine, theirs = opened(as_administrator, address), opened(other, address)
    begun = sent(typed_in)
    changed = {"phone": "+49 30", "email": "new@contoso.example", "emails": begun["email"]}
    assert other.post(address, data={**theirs, **begun, **changed}).status_code == 302
    assert as_administrator.post(address, data={**mine, **begun, "notes": "mine"}).status_code == 302
    assert sent(typed_in) == {**begun, **changed, "notes": "mine"}
    last = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
    assert last.details["changed"] == [{"field": "notes", "from": "", "to": "mine"}]


def test_a_field_that_both_changed_is_told_and_saved_only_when_it_is_sent_again(
    as_administrator: FlaskClient, other: FlaskClient, typed_in: Contact
) -> None:
    address = f"/contacts/{typed_in.id}/edit"
    mine, theirs = opened(as_administrator, address), opened(other, address)
    begun = sent(typed_in)
    changed = {"phone": "theirs <1>", "notes": "their notes", "title": "Their title"}
    other.post(address, data={**theirs, **begun, **changed})
    typed = {"phone": "mine", "notes": "my notes", "location": "Bonn"}
    answer = as_administrator.post(address, data={**mine, **begun, **typed})
    assert answer.status_code == 409
    for text in (
        "Somebody else changed Phone and Notes while you were editing",
        "theirs &lt;1&gt;",
        "their notes",
        'value="mine"',
        "my notes</textarea>",
        'value="Bonn"',
        'value="Their title"',
    ):
        assert text in answer.text
    assert sent(typed_in) == {**begun, **changed}
    assert len(events()) == 1

    again = {**began_with(answer.text), **begun, **typed, "title": "Their title"}
    assert as_administrator.post(address, data=again).status_code == 302
    assert sent(typed_in) == {**begun, **typed, "title": "Their title"}


def test_what_both_typed_alike_is_no_clash(
    as_administrator: FlaskClient, other: FlaskClient, typed_in: Contact
) -> None:
    address = f"/contacts/{typed_in.id}/edit"
    mine = opened(as_administrator, address)
    edited(other, address, sent(typed_in, notes="one\r\ntwo"))
    assert as_administrator.post(address, data={**mine, **sent(typed_in, notes="one\r\ntwo")}).status_code == 302
    assert len(events()) == 1


def test_of_a_linked_contact_its_own_fields_are_compared_and_the_synced_ones_left_alone(
    as_administrator: FlaskClient, other: FlaskClient, linked: Contact
) -> None:
    address = f"/contacts/{linked.id}/edit"
    mine, theirs = opened(as_administrator, address), opened(other, address)
    assert set(mine) == {"was_location", "was_notes"}
    other.post(address, data={**theirs, "location": "Bonn", "notes": "theirs"})
    linked.phone = "synced"
    db.session.commit()
    answer = as_administrator.post(address, data={**mine, "location": "Berlin", "notes": "mine"})
    assert answer.status_code == 409
    assert "Somebody else changed Notes while you were editing" in answer.text
    as_administrator.post(address, data={**began_with(answer.text), "location": "Bonn", "notes": "mine"})
    assert {field: kept(linked)[field] for field in ("location", "notes", "phone")} == {
        "location": "Bonn",
        "notes": "mine",
        "phone": "synced",
    }


def test_a_form_that_was_opened_while_the_contact_was_linked_erases_nothing(
    as_administrator: FlaskClient, linked: Contact, tenant: Tenant
) -> None:
    mine = opened(as_administrator, f"/contacts/{linked.id}/edit")
    unlock_by_rules(tenant)
    db.session.commit()
    before = kept(linked)
    data = {**mine, "location": "Berlin", "notes": "mine"}
    assert as_administrator.post(f"/contacts/{linked.id}/edit", data=data).status_code == 302
    assert kept(linked) == before | {"notes": "mine"}


def test_a_form_that_does_not_say_what_it_began_with_overwrites_nothing(
    as_administrator: FlaskClient, typed_in: Contact
) -> None:
    before = kept(typed_in)
    answer = as_administrator.post(f"/contacts/{typed_in.id}/edit", data={"name": "Forged"})
    assert answer.status_code == 409
    assert kept(typed_in) == before
