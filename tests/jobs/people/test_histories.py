"""Whatever happened before: once all is synced, what is stored is what the tenants are like, and stays so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from jobs.microsoft.user_facts import UserFacts
from tests.support.factories import Make
from webapp.extensions import db
from webapp.models import Assignment, Contact, ContactEmail, DirectoryUser, License, departed
from webapp.models.directory import is_linked
from webapp.models.user_rules import rules_of

from .histories import Customer, World

STEPS, ROUNDS = 8, 4


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("tenants", [1, 2, 3])
def test_whatever_happened_what_is_stored_is_what_the_tenants_are_like(
    tenants: int, seed: int, app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    if seed % 2:
        monkeypatch.setattr(departed, "AT_ONCE", 0)  # links are cut by the job, however few they are
    world = World.of(make, seed, tenants)
    for _ in range(ROUNDS):
        world.go_on(STEPS)
        world.settle()
        assert list(wrongs(world)) == []
        # Who does not qualify may be somebody who became a contact otherwise since: a whole read finds that.
        world.sync_all()
        assert list(wrongs(world)) == []
        assert not any(world.sync_all())


def wrongs(world: World) -> Iterator[str]:
    """Where what is stored differs from what the tenants, by the rules that hold for each, are like."""
    sources: dict[int, list[UserFacts]] = defaultdict(list)
    for customer in world.customers:
        yield from _wrongs_of(customer, sources)
    linked = set(db.session.scalars(select(Contact.id).where(is_linked())))
    if linked != set(sources):
        yield f"{linked} are linked, and {set(sources)} should be"
    marked = Contact.unlinked_at.is_(None), Contact.microsoft_user_id != ""
    if linked != set(db.session.scalars(select(Contact.id).where(*marked))):
        yield f"{linked} are linked, and not all others are marked as unlinked"
    for contact_id, users in sources.items():
        contact = db.session.get_one(Contact, contact_id)
        if not any(_is_like(contact, facts) for facts in users):
            yield f"contact {contact_id}, {contact.name}, is like none of {users}"


def _wrongs_of(customer: Customer, sources: dict[int, list[UserFacts]]) -> Iterator[str]:
    """The same for one tenant, whose users are added to the `sources` of the contacts that they link."""
    organization_id = customer.row.organization_id
    rules = rules_of(db.session, customer.row)
    query = db.select(DirectoryUser).filter_by(tenant_id=customer.row_id)
    stored = {row.user_id: row for row in db.session.scalars(query)}
    if set(stored) != set(customer.users):
        yield f"users {set(stored)} are stored of {set(customer.users)}"
    for user_id, row in stored.items():
        facts = customer.users[user_id]
        held = {one.sku_id for one in facts.held if one.sku_id in customer.skus}
        if _held_by(row) != held:
            yield f"{user_id} holds {_held_by(row)}, and not {held}"
        if row.qualifies != rules.qualifies(is_guest=facts.is_guest, is_blocked=facts.is_blocked, held=held):
            yield f"{user_id} should {'not ' if row.qualifies else ''}qualify"
        if row.qualifies and organization_id is not None:
            if row.contact_id is None:
                yield f"{user_id} has no contact"
            else:
                sources[row.contact_id].append(facts)
    own = [row.contact_id for row in stored.values() if row.contact_id is not None]
    if organization_id is not None and len(own) != len(set(own)):
        yield f"two users of tenant {customer.row_id} are one contact"
    elsewhere = db.session.scalars(
        select(Contact.id).where(Contact.id.in_(own), Contact.organization_id != organization_id)
    ).all()
    if organization_id is not None and elsewhere:
        yield f"contacts {elsewhere} are of another organization than tenant {customer.row_id}"


def _held_by(row: DirectoryUser) -> set[str]:
    held = select(License.sku_id).join(Assignment, Assignment.license_id == License.id)
    return set(db.session.scalars(held.where(Assignment.directory_user_id == row.id)))


def _is_like(contact: Contact, facts: UserFacts) -> bool:
    names = ("name", "first_name", "last_name", "title", "phone", "mobile", "email", "user_principal_name")
    addresses = db.session.scalars(select(ContactEmail.address).where(ContactEmail.contact_id == contact.id))
    return (
        contact.unlinked_at is None
        and contact.microsoft_user_id == facts.user_id
        and all(getattr(contact, name) == getattr(facts, name) for name in names)
        and set(addresses) == set(facts.addresses)
    )
