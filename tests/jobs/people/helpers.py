"""What tests of syncing users share."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from sandbox import Assigned, Sku, User
from sandbox import Tenant as Given
from webapp.extensions import db
from webapp.models import (
    Assignment,
    Contact,
    ContactEmail,
    DirectoryUser,
    License,
    SyncPart,
    SyncRun,
    Tenant,
)

E3, VISIO = Assigned.of("SPE_E3"), Assigned.of("VISIOCLIENT")
SKUS = (Sku.of("SPE_E3", 25, 14), Sku.of("VISIOCLIENT", 5, 1))

Start = Callable[..., tuple[Given, Tenant]]


def a_user(name: str = "Anna Berg", **values: Any) -> User:
    """A licensed member; the second word of the name is the surname."""
    first, _, last = name.partition(" ")
    local = name.lower().replace(" ", ".")
    values.setdefault("user_principal_name", f"{local}@contoso.example")
    values.setdefault("mail", f"{local}@contoso.example")
    values.setdefault("proxy_addresses", (f"SMTP:{local}@contoso.example",))
    values.setdefault("licenses", (E3,))
    return User(str(uuid.uuid4()), name, given_name=first, surname=last or None, **values)


def part_of(run: SyncRun) -> SyncPart:
    return db.session.query(SyncPart).filter_by(run_id=run.id).one()


def contacts() -> list[Contact]:
    return list(db.session.query(Contact).order_by(Contact.id))


def the_contact() -> Contact:
    return db.session.query(Contact).one()


def addresses_of(contact: Contact) -> set[str]:
    return {row.address for row in db.session.query(ContactEmail).filter_by(contact_id=contact.id)}


def held() -> set[tuple[str, str, bool, bool]]:
    """Who holds what, and how: user id, part number, directly, through a group."""
    query = (
        db.select(DirectoryUser.user_id, License.sku_part_number, Assignment.is_direct, Assignment.is_through_group)
        .join(Assignment, Assignment.directory_user_id == DirectoryUser.id)
        .join(License, License.id == Assignment.license_id)
    )
    return {tuple(row) for row in db.session.execute(query)}
