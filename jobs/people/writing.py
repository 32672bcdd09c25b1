"""The users of a tenant: compared with what is stored, and only what differs written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from sqlalchemy import Table, bindparam, delete, insert, select, text

from webapp.extensions import db
from webapp.models import Contact, DirectoryUser, License, LicenseStatus, Outcome, Tenant
from webapp.models.directory import ANOTHER_ORGANIZATION, DELETED_USER, unlink_contacts
from webapp.models.portions import in_portions
from webapp.models.user_rules import Refusal, UserRules, rules_of

from ..microsoft.user_facts import UserFacts
from . import assignments, contacts
from .known import known_contacts
from .matching import Person, match

_TABLE = cast(Table, DirectoryUser.__table__)
# Of PostgreSQL's advisory locks, those that are about the contacts of an organization.
_CONTACTS_LOCK = 365


@dataclass(frozen=True, slots=True)
class _Stored:
    row_id: int
    contact_id: int | None
    is_guest: bool
    is_blocked: bool
    qualifies: bool


def write(tenant: Tenant, users: Mapping[str, UserFacts] | None, licenses: Outcome, now: datetime) -> Outcome:
    """Store the tenant's users, in the transaction that is open, whose caller holds the tenant's row.

    `licenses` is what was done for its licenses, which are stored by now; what is done here is added. Where the users
    could not be read, they stay as they are.
    """
    is_own = License.tenant_id == tenant.id
    gone = select(License.id).where(is_own, License.status == LicenseStatus.GONE)
    freed = assignments.delete_of_licenses(db.session.scalars(gone).all())
    if users is None:
        return replace(licenses, other_rows=freed)
    current = select(License.sku_id, License.id).where(is_own, License.status != LicenseStatus.GONE)
    license_ids = {row.sku_id: row.id for row in db.session.execute(current)}
    _take_turns(tenant.organization_id)
    outcome = _write(tenant, users, license_ids, now)
    tenant.users_synced_at = now
    return replace(
        licenses,
        users_read=len(users),
        contacts_created=outcome.contacts_created,
        contacts_changed=outcome.contacts_changed,
        contacts_unlinked=outcome.contacts_unlinked,
        other_rows=freed + outcome.other_rows,
    )


def _write(tenant: Tenant, users: Mapping[str, UserFacts], license_ids: Mapping[str, int], now: datetime) -> Outcome:
    organization_id = tenant.organization_id
    rules = rules_of(db.session, tenant)
    refusals = {user_id: _refuse(rules, facts, license_ids) for user_id, facts in users.items()}
    stored = _stored(tenant)
    found: dict[str, int] = {}
    created: dict[str, int] = {}
    rows = changed = 0
    if organization_id is not None:
        found = _found(organization_id, users, refusals, stored)
        lacking = [users[user_id] for user_id, refusal in refusals.items() if refusal is None and user_id not in found]
        created, rows = contacts.create(organization_id, lacking, now)
    contact_of = found | created
    rows += _delete_users([row.row_id for user_id, row in stored.items() if user_id not in users])
    row_ids, written = _write_users(tenant.id, users, refusals, contact_of, stored)
    rows += written
    if organization_id is not None:
        linked = {user_id: contact_id for user_id, contact_id in found.items() if refusals[user_id] is None}
        sources = {contact_id: (row_ids[user_id], users[user_id]) for user_id, contact_id in linked.items()}
        changed, written = contacts.refresh(organization_id, sources, now)
        rows += written
    unlinked = unlink_contacts(db.session, _lost(stored, refusals, contact_of))
    rows += assignments.write({row_ids[user_id]: facts for user_id, facts in users.items()}, license_ids)
    return Outcome(
        contacts_created=len(created),
        contacts_changed=changed,
        contacts_unlinked=unlinked,
        other_rows=rows + unlinked,
    )


def _take_turns(organization_id: int | None) -> None:
    """Until this transaction ends, no other tenant of the organization finds or makes contacts of its users.

    Two that did so at once would make two contacts of one person. SQLite has one writer at a time by nature. On
    PostgreSQL this is no lock of the organization's row, which whoever matches a tenant takes before the tenant's.
    """
    if organization_id is not None and db.engine.dialect.name == "postgresql":
        lock = text("SELECT pg_advisory_xact_lock(:kind, :organization_id)")
        db.session.execute(lock, {"kind": _CONTACTS_LOCK, "organization_id": organization_id})


def _refuse(rules: UserRules, facts: UserFacts, license_ids: Mapping[str, int]) -> Refusal | None:
    held = [held.sku_id for held in facts.held if held.sku_id in license_ids]
    return rules.refuse(is_guest=facts.is_guest, is_blocked=facts.is_blocked, held=held)


def _stored(tenant: Tenant) -> dict[str, _Stored]:
    query = (
        select(
            _TABLE.c.user_id,
            _TABLE.c.id,
            _TABLE.c.contact_id,
            _TABLE.c.is_guest,
            _TABLE.c.is_blocked,
            _TABLE.c.qualifies,
        )
        .where(_TABLE.c.tenant_id == tenant.id)
        .execution_options(yield_per=2000)
    )
    return {user_id: _Stored(*values) for user_id, *values in db.session.execute(query)}


def _found(
    organization_id: int,
    users: Mapping[str, UserFacts],
    refusals: Mapping[str, Refusal | None],
    stored: Mapping[str, _Stored],
) -> dict[str, int]:
    """The contact that each user is, of those that exist."""
    linked = {user_id: row.contact_id for user_id, row in stored.items() if row.contact_id is not None}
    own = _of_organization(organization_id, linked)
    if own.keys() == users.keys() and len(set(own.values())) == len(own):
        return own
    people = [Person.of(facts, refusals[user_id] is None) for user_id, facts in users.items()]
    # Mostly all but a few have their contact, and only for these few others are looked at.
    found = match(people, own, known_contacts(organization_id, [one for one in people if one.user_id not in own]))
    if any(found.get(user_id) != contact_id for user_id, contact_id in own.items()):
        found = match(people, own, known_contacts(organization_id, people))
    new = {user_id: contact_id for user_id, contact_id in found.items() if own.get(user_id) != contact_id}
    deleted = set(new.values()) - contacts.still_there(list(new.values()))
    return {user_id: contact_id for user_id, contact_id in found.items() if contact_id not in deleted}


def _of_organization(organization_id: int, linked: Mapping[str, int]) -> dict[str, int]:
    """Those of the links that lead to a contact of the organization."""
    own: set[int] = set()
    for some in in_portions(sorted(set(linked.values()))):
        query = select(Contact.id).where(Contact.id.in_(some), Contact.organization_id == organization_id)
        own.update(db.session.scalars(query))
    return {user_id: contact_id for user_id, contact_id in linked.items() if contact_id in own}


def _write_users(
    tenant_id: int,
    users: Mapping[str, UserFacts],
    refusals: Mapping[str, Refusal | None],
    contact_of: Mapping[str, int],
    stored: Mapping[str, _Stored],
) -> tuple[dict[str, int], int]:
    """The ids of all users' rows by user id, and how many rows were written."""
    new, changed = [], []
    row_ids = {user_id: stored[user_id].row_id for user_id in users if user_id in stored}
    for user_id, facts in users.items():
        contact_id, qualifies = contact_of.get(user_id), refusals[user_id] is None
        row = stored.get(user_id)
        values = {
            "contact_id": contact_id,
            "is_guest": facts.is_guest,
            "is_blocked": facts.is_blocked,
            "qualifies": qualifies,
        }
        if row is None:
            new.append({"tenant_id": tenant_id, "user_id": user_id, **values})
        elif row != _Stored(row.row_id, contact_id, facts.is_guest, facts.is_blocked, qualifies):
            changed.append({"row_id": row.row_id, **values})
    if changed:
        db.session.execute(_TABLE.update().where(_TABLE.c.id == bindparam("row_id")), changed)
    # In the order of their ids in Microsoft's directory, whatever that of the pages: who comes first stays first.
    new.sort(key=lambda values: str(values["user_id"]))
    made = insert(DirectoryUser).returning(DirectoryUser.user_id, DirectoryUser.id, sort_by_parameter_order=True)
    for some in in_portions(new):
        row_ids.update({row.user_id: row.id for row in db.session.execute(made, some)})
    return row_ids, len(new) + len(changed)


def _delete_users(row_ids: list[int]) -> int:
    deleted = assignments.delete_of_users(row_ids)
    for some in in_portions(row_ids):
        db.session.execute(delete(_TABLE).where(_TABLE.c.id.in_(some)))
    return deleted + len(row_ids)


def _lost(
    stored: Mapping[str, _Stored], refusals: Mapping[str, Refusal | None], contact_of: Mapping[str, int]
) -> dict[int, str]:
    """Why each contact that was linked is no more linked to the user to which it was."""
    lost = {}
    for user_id, row in stored.items():
        if not row.qualifies or row.contact_id is None:
            continue
        refusal = refusals.get(user_id, DELETED_USER)
        if refusal is not None or contact_of.get(user_id) != row.contact_id:
            lost[row.contact_id] = str(refusal or ANOTHER_ORGANIZATION)
    return lost
