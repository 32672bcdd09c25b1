"""The users of a tenant: compared with what is stored, and only what differs written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import bindparam, delete

from webapp.extensions import db
from webapp.models import DirectoryUser, Outcome, Tenant, UserTracking
from webapp.models.contact_turns import take_turn
from webapp.models.directory import ANOTHER_ORGANIZATION, DELETED_USER, unlink_contacts
from webapp.models.portions import in_portions
from webapp.models.statements import table_of
from webapp.models.user_rules import Refusal

from ..bulk import insert_rows, take_ids
from ..microsoft.user_facts import UserFacts
from ..microsoft.users import UsersRead
from . import assignments, contacts
from .basis import Basis
from .finding import find
from .judging import Judge
from .stored import Stored, how_many, look, look_at_some, stored_of

_TABLE = table_of(DirectoryUser)
# What is stored of a user beside its ids; the hash comes last.
_COLUMNS = ("contact_id", "is_guest", "is_blocked", "qualifies", "facts_hash")
_Values = tuple[int | None, bool, bool, bool, int]
_CHANGE = _TABLE.update().where(_TABLE.c.id == bindparam("row_id"))


def write(tenant: Tenant, read: UsersRead | None, basis: Basis, licenses: Outcome, now: datetime) -> Outcome:
    """Store the tenant's users, in the transaction that is open, whose caller holds the tenant's row.

    `licenses` is what was done for its licenses, which were stored before the basis was read; what is done here is
    added. Where the users could not be read, they stay as they are. Where only their changes were read, the caller has
    seen that `tracking.holds`; `WholeReadNeeded` is raised where the changes still do not say enough, and then nothing
    of this transaction may stay.
    """
    if read is not None:
        tenant.users_synced_at = now  # before the first query, which writes it along with what the caller has set
        if tenant.organization_id is not None:
            # Before any user is written: who deletes a contact has the turn, and takes the contact from its users.
            take_turn(db.session, tenant.organization_id)
    freed = assignments.delete_of_licenses(sorted(basis.gone.values()))
    if freed:
        # What the users hold would not be told again, should a license come back.
        UserTracking.forget(db.session, tenant.id)
    if read is None:
        return replace(licenses, other_rows=freed)
    outcome = _write(tenant, read, basis, now)
    return replace(
        licenses,
        users_read=len(read.users) if read.is_whole else how_many(tenant.id),
        contacts_created=outcome.contacts_created,
        contacts_changed=outcome.contacts_changed,
        contacts_unlinked=outcome.contacts_unlinked,
        other_rows=freed + outcome.other_rows,
    )


def _write(tenant: Tenant, read: UsersRead, basis: Basis, now: datetime) -> Outcome:
    users = read.users
    judge = Judge(basis)
    seen = look(tenant, users, judge) if read.is_whole else look_at_some(tenant, users, read.removed, judge)
    moved: dict[str, int | None] = {}
    if tenant.organization_id is not None:
        moved = find(tenant, users, seen, judge, is_whole=read.is_whole)
    writing = _Writing(tenant, users, judge, basis.licenses, moved, now)
    writing.lose(seen.gone)
    total = Outcome(other_rows=_delete_users([row.row_id for row in seen.gone]))
    # In the order of their ids in Microsoft's directory, whatever that of the pages: who comes first stays first.
    for some in in_portions(sorted(seen.new)):
        total = _sum(total, writing.add(some))
    for some in in_portions(sorted(seen.differing)):
        total = _sum(total, writing.change(some))
    unlinked = unlink_contacts(db.session, writing.lost)
    return _sum(total, Outcome(contacts_unlinked=unlinked, other_rows=unlinked))


def _sum(one: Outcome, other: Outcome) -> Outcome:
    return Outcome(
        contacts_created=one.contacts_created + other.contacts_created,
        contacts_changed=one.contacts_changed + other.contacts_changed,
        contacts_unlinked=one.contacts_unlinked + other.contacts_unlinked,
        other_rows=one.other_rows + other.other_rows,
    )


@dataclass
class _Writing:
    """The users of one tenant who are new or differ, written a portion after the other."""

    tenant: Tenant
    users: Mapping[str, UserFacts]
    judge: Judge
    license_ids: Mapping[str, int]
    # The users whose contact is another than it was, of those that exist.
    moved: Mapping[str, int | None]
    now: datetime
    # Why each contact that was linked is no more linked to the user to which it was.
    lost: dict[int, str] = field(default_factory=dict)

    def add(self, user_ids: Sequence[str]) -> Outcome:
        """Store users who are new. A first sync has very many: each is looked at once, and all its rows are made."""
        users = [self.users[user_id] for user_id in user_ids]
        refusals = [self.judge.refuse(facts) for facts in users]
        known = [self.moved.get(facts.user_id) for facts in users]
        lack = [refusal is None and contact_id is None for refusal, contact_id in zip(refusals, known, strict=True)]
        contact_ids, row_ids = take_ids((contacts.CONTACT, sum(lack) if self._is_matched else 0), (_TABLE, len(users)))
        created: list[tuple[int, UserFacts]] = []
        linked: dict[int, tuple[int, UserFacts]] = {}
        rows = []
        free = iter(contact_ids)
        for row_id, facts, refusal, known_id, lacks in zip(row_ids, users, refusals, known, lack, strict=True):
            contact_id = next(free, None) if lacks else known_id
            if lacks and contact_id is not None:
                created.append((contact_id, facts))
            elif refusal is None and contact_id is not None:
                linked[contact_id] = row_id, facts
            rows.append((row_id, facts.user_id, *self._values(facts, contact_id, refusal)))
        written = self._create(created)
        insert_rows(_TABLE, ("id", "user_id", *_COLUMNS), rows, {"tenant_id": self.tenant.id})
        changed, refreshed = self._refresh(linked)
        written += refreshed + assignments.add(zip(row_ids, users, strict=True), self.license_ids)
        return Outcome(contacts_created=len(created), contacts_changed=changed, other_rows=len(rows) + written)

    def change(self, user_ids: Sequence[str]) -> Outcome:
        """Store users of whom something is stored that differs."""
        stored = stored_of(self.tenant, user_ids)
        users = [self.users[user_id] for user_id in user_ids]
        refusals = {facts.user_id: self.judge.refuse(facts) for facts in users}
        contact_of = self._found(stored)
        linked = {
            contact_of[facts.user_id]: (stored[facts.user_id].row_id, facts)
            for facts in users
            if facts.user_id in contact_of and refusals[facts.user_id] is None
        }
        lacking = [
            facts
            for facts in users
            if self._is_matched and refusals[facts.user_id] is None and facts.user_id not in contact_of
        ]
        (contact_ids,) = take_ids((contacts.CONTACT, len(lacking)))
        created = list(zip(contact_ids, lacking, strict=True))
        contact_of |= {facts.user_id: contact_id for contact_id, facts in created}
        written = self._create(created)
        self._note_lost(stored, refusals, contact_of)
        written += _change(
            (stored[facts.user_id], self._values(facts, contact_of.get(facts.user_id), refusals[facts.user_id]))
            for facts in users
        )
        changed, refreshed = self._refresh(linked)
        old = {stored[facts.user_id].row_id: facts for facts in users}
        written += refreshed + assignments.write(old, self.license_ids)
        return Outcome(contacts_created=len(created), contacts_changed=changed, other_rows=written)

    def lose(self, gone: Iterable[Stored]) -> None:
        for row in gone:
            if row.qualifies and row.contact_id is not None:
                self.lost[row.contact_id] = DELETED_USER

    @property
    def _is_matched(self) -> bool:
        return self.tenant.organization_id is not None

    def _found(self, stored: Mapping[str, Stored]) -> dict[str, int]:
        """The contact of each of these users that has one."""
        found = {user_id: self.moved.get(user_id, row.own_id) for user_id, row in stored.items()}
        return {user_id: contact_id for user_id, contact_id in found.items() if contact_id is not None}

    def _create(self, users: Sequence[tuple[int, UserFacts]]) -> int:
        """Make their contacts, with the ids that are given. Returns how many rows were written."""
        organization_id = self.tenant.organization_id
        return 0 if organization_id is None else contacts.create(organization_id, users, self.now)

    def _refresh(self, linked: Mapping[int, tuple[int, UserFacts]]) -> tuple[int, int]:
        """Bring contacts, each with its user's row and facts, up to date. Returns how many, and how many rows."""
        if not linked or self.tenant.organization_id is None:
            return 0, 0
        return contacts.refresh(self.tenant.organization_id, linked, self.now, self._has_more)

    @cached_property
    def _has_more(self) -> bool:
        return contacts.another_tenant_has(self.tenant.organization_id)

    def _note_lost(
        self, stored: Mapping[str, Stored], refusals: Mapping[str, Refusal | None], contact_of: Mapping[str, int]
    ) -> None:
        for user_id, row in stored.items():
            if row.qualifies and row.contact_id is not None:
                refusal = refusals[user_id]
                if refusal is not None or contact_of.get(user_id) != row.contact_id:
                    self.lost[row.contact_id] = str(refusal or ANOTHER_ORGANIZATION)

    def _values(self, facts: UserFacts, contact_id: int | None, refusal: Refusal | None) -> _Values:
        """In the order of `_COLUMNS`."""
        return contact_id, facts.is_guest, facts.is_blocked, refusal is None, self.judge.hash_of(facts)


def _change(rows: Iterable[tuple[Stored, _Values]]) -> int:
    """Returns how many rows were written. A hash is nothing that anybody sees: where it alone differs, none was."""
    changed: list[dict[str, Any]] = []
    count = 0
    for row, values in rows:
        if values != row.values:
            changed.append({"row_id": row.row_id, **dict(zip(_COLUMNS, values, strict=True))})
            count += values[:-1] != row.values[:-1]
    if changed:
        db.session.execute(_CHANGE, changed)
    return count


def _delete_users(row_ids: Sequence[int]) -> int:
    deleted = assignments.delete_of_users(row_ids)
    for some in in_portions(row_ids):
        db.session.execute(delete(_TABLE).where(_TABLE.c.id.in_(some)))
    return deleted + len(row_ids)
