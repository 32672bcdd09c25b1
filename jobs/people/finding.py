"""Which contact of the organization each user is, of those who may be one that exists."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import chain

from sqlalchemy import bindparam, select

from webapp.extensions import db
from webapp.models import Contact, ContactEmail, DirectoryUser, Tenant, fold
from webapp.models.portions import in_portions
from webapp.models.statements import table_of

from ..microsoft.user_facts import UserFacts
from . import WholeReadNeeded, contacts
from .judging import Judge
from .known import known_contacts, name_of
from .matching import Person, match
from .stored import Seen, own_contacts


def find(
    tenant: Tenant, users: Mapping[str, UserFacts], seen: Seen, judge: Judge, *, is_whole: bool
) -> dict[str, int | None]:
    """Those users whose contact is another than it was, each with the one that it is, of those that exist.

    Who lost one to another user differs from now on, too. Raises `WholeReadNeeded` where not all users are here, and
    one of them might be a contact that exists: who else has its addresses is not known.
    """
    if not seen.lacking:
        return {}
    free = set(db.session.scalars(_FREE, {"tenant_id": tenant.id, "organization_id": tenant.organization_id}))
    free |= seen.left
    free -= seen.taken
    again = _known_again(users, seen, judge, free)
    free.difference_update(again.values())
    for user_id in _holders_of(tenant, again.values()) & users.keys() - again.keys():
        seen.displace(user_id)
    keys = _keys(free)
    people = (_person(users[user_id], judge) for user_id in seen.lacking if user_id not in again) if keys else ()
    seekers = {person.user_id: person for person in people if not keys.isdisjoint(person.keys)}
    if (again or seekers) and not is_whole:
        raise WholeReadNeeded
    moved: dict[str, int | None] = {**dict.fromkeys(seen.displaced), **again}
    if seekers:
        found, before = _match(tenant, users, judge, seekers, again, seen.displaced)
        others = {user_id for user_id in {*found, *before} if found.get(user_id) != before.get(user_id)}
        seen.differing |= others - seen.new
        moved.update((user_id, found.get(user_id)) for user_id in others)
    _forget_deleted(moved)
    return moved


def _forget_deleted(moved: dict[str, int | None]) -> None:
    """Somebody may have deleted a contact just now; those that are there stay until this transaction ends."""
    for some in in_portions([user_id for user_id, contact_id in moved.items() if contact_id is not None]):
        there = contacts.still_there([moved[user_id] or 0 for user_id in some])
        for user_id in some:
            if moved[user_id] not in there:
                moved[user_id] = None


def _known_again(users: Mapping[str, UserFacts], seen: Seen, judge: Judge, free: Collection[int]) -> dict[str, int]:
    """Those who qualify and of whom one free contact says that it was theirs before.

    It is what `match` asks for first. Here it is asked of the database, since after a tenant was matched again that may
    be everybody.
    """
    found: dict[str, int] = {}
    twice: set[str] = set()
    for some in in_portions(sorted(free)):
        for contact_id, user_id in db.session.execute(_FORMER, {"ids": some}):
            if user_id not in seen.lacking or judge.refuse(users[user_id]) is not None:
                continue
            if found.setdefault(user_id, contact_id) != contact_id:
                twice.add(user_id)
    for user_id in twice:
        del found[user_id]
    return found


def _holders_of(tenant: Tenant, contact_ids: Collection[int]) -> set[str]:
    """The users who have these contacts so far: none of them qualifies now, or the contact would not be free."""
    found: set[str] = set()
    for some in in_portions(sorted(contact_ids)):
        found.update(db.session.scalars(_HOLDERS, {"tenant_id": tenant.id, "ids": some}))
    return found


def _match(
    tenant: Tenant,
    users: Mapping[str, UserFacts],
    judge: Judge,
    seekers: dict[str, Person],
    again: Mapping[str, int],
    displaced: Collection[str],
) -> tuple[dict[str, int], dict[str, int]]:
    """The contacts found, and those had before or known `again`, of all users whom it concerns.

    Who is `displaced` had none.
    """
    while True:
        known = known_contacts(tenant.organization_id or 0, list(seekers.values()))
        keys, contact_ids = known.keys, known.contact_ids
        concerned = {**seekers, **{person.user_id: person for person in _concerned(users, judge, keys)}}
        before = {}
        for user_id, contact_id in chain(own_contacts(tenant), again.items()):
            if user_id not in users or user_id in displaced:
                continue
            if user_id in concerned or contact_id in contact_ids:
                before[user_id] = contact_id
                concerned.setdefault(user_id, _person(users[user_id], judge))
        found = match(concerned.values(), before, known)
        losers = [user_id for user_id, contact_id in before.items() if found.get(user_id) != contact_id]
        # Who lost a contact to one who comes first is looked for as well.
        if seekers.keys() >= set(losers):
            return found, before
        seekers = {**seekers, **{user_id: concerned[user_id] for user_id in losers}}


def _concerned(users: Mapping[str, UserFacts], judge: Judge, keys: Collection[str]) -> Iterator[Person]:
    for facts in users.values():
        person = _person(facts, judge)
        if not person.keys.isdisjoint(keys):
            yield person


def _person(facts: UserFacts, judge: Judge) -> Person:
    return Person.of(facts, judge.refuse(facts) is None)


def _keys(contact_ids: Collection[int]) -> set[str]:
    """All by which one of these contacts can be recognized.

    Few contacts are free, once users were synced; so mostly nobody has to be matched with anybody.
    """
    keys: set[str] = set()
    for some in in_portions(sorted(contact_ids)):
        for contact in db.session.execute(_CONTACTS, {"ids": some}):
            keys.update((contact.microsoft_user_id, fold(contact.user_principal_name), name_of(contact)))
        keys.update(db.session.scalars(_ADDRESSES, {"ids": some}))
    keys.discard("")
    return keys


_USER, _CONTACT, _EMAIL = map(table_of, (DirectoryUser, Contact, ContactEmail))
# The contacts of the organization that no user of the tenant linked so far.
_FREE = select(_CONTACT.c.id).where(
    _CONTACT.c.organization_id == bindparam("organization_id"),
    ~select(_USER.c.id)
    .where(_USER.c.contact_id == _CONTACT.c.id, _USER.c.tenant_id == bindparam("tenant_id"), _USER.c.qualifies)
    .exists(),
)
_FORMER = select(_CONTACT.c.id, _CONTACT.c.microsoft_user_id).where(
    _CONTACT.c.id.in_(bindparam("ids", expanding=True)), _CONTACT.c.microsoft_user_id != ""
)
_HOLDERS = select(_USER.c.user_id).where(
    _USER.c.contact_id.in_(bindparam("ids", expanding=True)), _USER.c.tenant_id == bindparam("tenant_id")
)
_CONTACTS = select(
    _CONTACT.c.microsoft_user_id,
    _CONTACT.c.user_principal_name,
    _CONTACT.c.first_name,
    _CONTACT.c.last_name,
    _CONTACT.c.name_folded,
).where(_CONTACT.c.id.in_(bindparam("ids", expanding=True)))
_ADDRESSES = select(_EMAIL.c.address_folded).where(_EMAIL.c.contact_id.in_(bindparam("ids", expanding=True)))
