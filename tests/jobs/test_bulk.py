"""Many new rows at once."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from jobs.bulk import insert_rows, take_ids
from tests.support.factories import Make
from webapp.database import declare_writing
from webapp.extensions import db
from webapp.models import Contact, ContactEmail, utc_now
from webapp.models.statements import table_of

CONTACT, EMAIL = table_of(Contact), table_of(ContactEmail)


def insert_contacts(make: Make, ids: list[int], names: list[str]) -> None:
    now = utc_now() - timedelta(days=3)
    same = {"organization_id": make.organization().id, "created_at": now, "changed_at": now, "unlinked_at": None}
    texts = ("first_name", "last_name", "title", "phone", "mobile", "email", "user_principal_name")
    rest = ("location", "notes", "search_folded", "unlinked_reason", "microsoft_user_id")
    empty = dict.fromkeys((*texts, *rest), "")
    rows = list(zip(ids, names, names, strict=True))
    insert_rows(CONTACT, ("id", "name", "name_folded"), rows, {**same, **empty})
    db.session.commit()


def test_rows_are_read_back_as_any_others(make: Make) -> None:
    declare_writing()
    names = ["Zoë\t\\N", "'; --", "\\", '{"a"}', ""]
    ids = list(take_ids((CONTACT, len(names)))[0])
    insert_contacts(make, ids, names)
    assert [row.name for row in db.session.query(Contact).order_by(Contact.id)] == names
    row = db.session.query(Contact).first()
    assert row is not None
    assert (row.unlinked_at, row.title, utc_now() - row.created_at > timedelta(days=2)) == (None, "", True)


def test_ids_are_nobody_elses_also_of_who_inserts_one_by_one(make: Make) -> None:
    declare_writing()
    make.contact(name="before")
    ids = list(take_ids((CONTACT, 3))[0])
    assert ids == sorted(set(ids))
    insert_contacts(make, ids, ["a", "b", "c"])
    make.contact(name="after")
    (more,) = take_ids((CONTACT, 2))
    assert len(more) == 2
    assert not set(more) & {row.id for row in db.session.query(Contact)}


def test_ids_of_several_tables_are_each_tables_own_and_none_where_none_are_wanted(make: Make) -> None:
    declare_writing()
    contact = make.contact(email="")
    contacts, emails = take_ids((CONTACT, 2), (EMAIL, 3))
    assert len(contacts) == 2
    assert min(contacts) > contact.id
    assert len(emails) == 3
    none, some, nothing = take_ids((CONTACT, 0), (EMAIL, 1), (CONTACT, 0))
    assert (len(none), len(some), len(nothing)) == (0, 1, 0)
    assert list(take_ids((EMAIL, 0))[0]) == []


def test_ids_that_the_database_gives_are_given(make: Make) -> None:
    contact = make.contact(email="")
    same = {"organization_id": contact.organization_id, "contact_id": contact.id}
    insert_rows(EMAIL, ("address", "address_folded"), [("a", "a"), ("b", "b")], same)
    insert_rows(EMAIL, ("address", "address_folded"), [], same)
    assert [row.address for row in db.session.query(ContactEmail).order_by(ContactEmail.id)] == ["a", "b"]


def test_an_error_is_one_of_sqlalchemy_and_nothing_stays(app: Flask, make: Make) -> None:
    contact = make.contact(email="")
    same = {"organization_id": contact.organization_id, "contact_id": contact.id}
    with pytest.raises(IntegrityError) as caught:
        insert_rows(EMAIL, ("address", "address_folded"), [("secret", "a"), ("secret", "a")], same)
    assert "INSERT" in str(caught.value) or "COPY" in str(caught.value)
    db.session.rollback()
    assert db.session.query(ContactEmail).count() == 0


def test_a_connection_that_is_lost_meanwhile_is_told_as_that_and_replaced(app: Flask, make: Make) -> None:
    if db.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no connections to lose")
    contact = make.contact(email="")
    same = {"organization_id": contact.organization_id, "contact_id": contact.id}
    db.session.commit()
    process = db.session.scalar(text("SELECT pg_backend_pid()"))
    with db.engine.begin() as other:
        other.execute(text("SELECT pg_terminate_backend(:process, 5000)"), {"process": process})
    with pytest.raises(OperationalError) as caught:
        insert_rows(EMAIL, ("address", "address_folded"), [("a", "a")], same)
    assert caught.value.connection_invalidated
    db.session.rollback()
    assert db.session.query(ContactEmail).count() == 0


@pytest.mark.parametrize(
    "told", ["SET LOCAL idle_in_transaction_session_timeout = '20ms'", "SET TRANSACTION READ ONLY"]
)
def test_a_database_that_cannot_write_now_is_no_fault_of_ours(app: Flask, make: Make, told: str) -> None:
    if db.engine.dialect.name != "postgresql":
        pytest.skip("SQLite ends no transactions, and has files that may only be read")
    contact = make.contact(email="")
    same = {"organization_id": contact.organization_id, "contact_id": contact.id}
    db.session.commit()
    db.session.execute(text(told))
    time.sleep(0.3)
    with pytest.raises(OperationalError):
        insert_rows(EMAIL, ("address", "address_folded"), [("a", "a")], same)
    db.session.rollback()
    assert db.session.query(ContactEmail).count() == 0
