"""Deleting contacts, which a linked one keeps from, and which a sync of its user may meet."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from tests.support.factories import Make
from tests.support.locks import in_another_session, need_many_writers, wait_for_who_waits
from tests.webapp.contacts.conftest import events
from webapp.extensions import db
from webapp.models import Contact, ContactEmail, DirectoryUser, Tenant, contact_turns


def test_a_contact_is_deleted_with_its_addresses(
    as_administrator: FlaskClient, typed_in: Contact, unlinked: Contact
) -> None:
    assert "This cannot be undone" in as_administrator.get(f"/contacts/{typed_in.id}/delete").text
    organization_id = typed_in.organization_id
    answer = as_administrator.post(f"/contacts/{typed_in.id}/delete")
    assert answer.location == f"/organizations/{organization_id}/contacts"
    assert list(db.session.scalars(select(Contact.name))) == ["Bob Baker"]
    assert db.session.query(ContactEmail).count() == 1
    assert events() == ["Deleted the contact Cora Clark of Contoso"]


def test_a_linked_contact_is_not_deleted_and_says_why(as_administrator: FlaskClient, linked: Contact) -> None:
    for answer, code in (
        (as_administrator.get(f"/contacts/{linked.id}/delete"), 200),
        (as_administrator.post(f"/contacts/{linked.id}/delete"), 409),
    ):
        assert answer.status_code == code
        assert "the next sync of Partner tenant would make it anew" in answer.text
        assert "Delete contact" not in answer.text
    assert db.session.query(Contact).count() == 1
    assert events() == []


def test_who_deletes_a_contact_and_a_sync_of_its_user_do_not_wait_for_each_other(
    app: Flask, as_administrator: FlaskClient, make: Make, tenant: Tenant, typed_in: Contact
) -> None:
    """A sync changes the user, and then the contact; deleting the contact changes the user, too."""
    need_many_writers()
    user = make.directory_user(tenant=tenant, contact=typed_in, qualifies=False)
    contact_id, organization_id = typed_in.id, typed_in.organization_id
    contact_turns.take_turn(db.session, organization_id)
    db.session.execute(update(DirectoryUser).where(DirectoryUser.id == user.id).values(is_blocked=True))
    with in_another_session(app, lambda: as_administrator.post(f"/contacts/{contact_id}/delete")) as deleting:
        wait_for_who_waits()
        db.session.execute(update(Contact).where(Contact.id == contact_id).values(title="Clerk"))
        db.session.commit()
        answer = deleting.result(60)
    assert answer.location == f"/organizations/{organization_id}/contacts"
    db.session.expire_all()
    assert (db.session.query(Contact).count(), user.contact_id, user.is_blocked) == (0, None, True)
