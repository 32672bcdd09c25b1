"""Contacts that a sync writes while somebody unlinks them, who unmatches or deletes another tenant that links them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from jobs import unlinking
from jobs.people import contacts
from jobs.removal import remove
from tests.jobs.helpers import do
from tests.support.factories import Make
from tests.support.locks import (
    in_another_session,
    need_many_writers,
    wait_for_who_waits,
    wait_until_done_or_waiting,
)
from webapp.access import EVERYTHING
from webapp.contacts import records
from webapp.contacts.queries import find, find_to_delete
from webapp.extensions import db
from webapp.integrations import matching
from webapp.models import (
    Assignment,
    Contact,
    ContactEmail,
    DirectoryUser,
    License,
    Removal,
    Tenant,
    portions,
    removal,
    utc_now,
)
from webapp.models.directory import is_linked

from .storing import E3, VISIO, a_tenant, facts_of, store


@pytest.fixture(autouse=True)
def _many_writers(app: Flask) -> None:
    need_many_writers()


def unmatch(tenant_id: int) -> None:
    held = matching.hold(db.session, [tenant_id])[tenant_id]
    matching.place(db.session, [matching.Move(held)], utc_now())
    db.session.commit()


def delete(tenant_id: int) -> None:
    integration_id = db.session.get_one(Tenant, tenant_id).integration_id
    removal.begin(db.session, integration_id, Removal.DELETE, utc_now())
    db.session.commit()
    remove(integration_id)


def test_neither_who_deletes_a_contact_nor_a_sync_that_finds_a_license_of_its_user_gone_is_ended(
    app: Flask, make: Make
) -> None:
    """A sync changes who held the license, and deleting a contact changes its users."""
    tenant = a_tenant(make)
    store(tenant, facts_of("Anna Berg", E3, VISIO))
    blocked = facts_of("Anna Berg", E3, VISIO, accountEnabled=False)
    store(tenant, blocked)
    contact_id = db.session.scalars(select(Contact.id)).one()
    assert linked_by(tenant.id) == {contact_id}
    tenant_id = tenant.id
    contact = find_to_delete(db.session, EVERYTHING, contact_id)
    assert contact is not None

    def sync() -> None:
        store(db.session.get_one(Tenant, tenant_id), blocked, skus=[VISIO])

    with in_another_session(app, sync) as synced:
        wait_for_who_waits()
        records.delete(db.session, contact)
        db.session.commit()
        synced.result(60)
    assert linked_by(tenant_id) == {None}
    assert db.session.scalars(select(Assignment.license_id)).all() == [
        db.session.scalars(select(License.id).where(License.sku_id == VISIO)).one()
    ]


def test_an_address_that_somebody_types_while_a_sync_links_the_contact_again_is_stored_once(
    app: Flask, make: Make
) -> None:
    """Nobody but the user has the contact, so nothing is looked for that would hold it."""
    tenant = a_tenant(make)
    alias = {"proxyAddresses": ["SMTP:anna.berg@contoso.example", "smtp:alias@contoso.example"]}
    store(tenant, facts_of("Anna Berg"))
    store(tenant, facts_of("Anna Berg", accountEnabled=False))
    tenant_id, contact_id = tenant.id, db.session.scalars(select(Contact.id)).one()
    contact = find(db.session, EVERYTHING, contact_id, to_write=True)
    assert contact is not None
    details = records.stored(contact)
    records.change(db.session, contact, replace(details, emails=(*details.emails, "alias@contoso.example")))
    db.session.flush()

    def sync() -> None:
        store(db.session.get_one(Tenant, tenant_id), facts_of("Anna Berg", **alias))

    with in_another_session(app, sync) as synced:
        wait_for_who_waits()
        db.session.commit()
        synced.result(60)
    assert list(db.session.scalars(select(ContactEmail.address).order_by(ContactEmail.address))) == [
        "alias@contoso.example",
        "anna.berg@contoso.example",
    ]


def linked_by(tenant_id: int) -> set[int | None]:
    return set(db.session.scalars(select(DirectoryUser.contact_id).where(DirectoryUser.tenant_id == tenant_id)))


@pytest.mark.parametrize("unlink", [unmatch, delete])
def test_neither_who_unlinks_contacts_nor_a_sync_of_another_tenant_that_writes_them_is_ended(
    unlink: Callable[[int], None], app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sync writes contacts in the order of its users, and who unlinks them holds them in the order of their ids."""
    synced = a_tenant(make)
    other = a_tenant(make, organization=synced.organization)
    low, high = sorted((facts_of("Anna Berg"), facts_of("Ben Costa")), key=lambda facts: facts.user_id)
    store(synced, high)
    store(synced, low, high)
    first, second = db.session.scalars(select(Contact.id).order_by(Contact.id))
    store(other, *(facts._replace(user_id=str(uuid.uuid4())) for facts in (low, high)))
    other_id, integration_id, refresh = other.id, other.integration_id, contacts.refresh
    assert linked_by(synced.id) == linked_by(other_id) == {first, second}
    written: list[list[int]] = []
    begun: list[Future[None]] = []
    with ExitStack() as stack:

        def refresh_and_let_unlink(organization_id: int, sources: Any, *rest: Any) -> tuple[int, int]:
            found = refresh(organization_id, sources, *rest)
            written.append(list(sources))
            if not begun:
                begun.append(stack.enter_context(in_another_session(app, lambda: unlink(other_id))))
                wait_until_done_or_waiting(begun[0])
            return found

        monkeypatch.setattr(contacts, "refresh", refresh_and_let_unlink)
        monkeypatch.setattr(portions, "VALUES_PER_STATEMENT", 1)
        for seconds in ("SECONDS", "_BUSY_SECONDS"):
            monkeypatch.setattr(f"jobs.removal.{seconds}", 0.0)
        store(synced, *(facts._replace(title="Head of it all") for facts in (low, high)))
    monkeypatch.undo()
    begun[0].result()
    assert written == [[second], [first]]
    do(unlinking.unlink)
    do(remove, integration_id)
    assert linked_by(other_id) <= {None}
    assert linked_by(synced.id) == {first, second}
    assert db.session.scalars(select(Contact.title).where(is_linked())).all() == ["Head of it all"] * 2
