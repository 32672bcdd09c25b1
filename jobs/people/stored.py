"""What is stored of a tenant's users, and which of them need a second look."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Integer, Select, and_, bindparam, func, select

from webapp.extensions import db
from webapp.models import Contact, DirectoryUser, Tenant
from webapp.models.portions import in_portions
from webapp.models.statements import table_of

from ..microsoft.user_facts import UserFacts
from .judging import Judge


class Stored(NamedTuple):
    """The row of a user."""

    row_id: int
    contact_id: int | None
    is_guest: bool
    is_blocked: bool
    qualifies: bool
    facts_hash: int | None
    # The contact, where it is one of the tenant's organization.
    own_id: int | None
    # Whether that contact is as the sync of this user left it: linked, with its fields from this one and no other.
    is_as_left: bool | None

    @property
    def values(self) -> tuple[int | None, bool, bool, bool, int | None]:
        """What is written of a user, with the hash last."""
        return self.contact_id, self.is_guest, self.is_blocked, self.qualifies, self.facts_hash


@dataclass
class Seen:
    """What comes of comparing the users of a tenant as they were read with what is stored.

    There may be a hundred thousand of each: so the rows are not kept.
    """

    # By user id: those who are stored and differ, those who are new, and those who have no contact, be it as before.
    differing: set[str] = field(default_factory=set)
    new: set[str] = field(default_factory=set)
    lacking: set[str] = field(default_factory=set)
    # Those who have a contact that another of the tenant's users has as well, or gets back: they lose it.
    displaced: set[str] = field(default_factory=set)
    gone: list[Stored] = field(default_factory=list)
    # The contacts that a user who qualifies has from now on, and those whose user qualifies no more, or is gone.
    taken: set[int] = field(default_factory=set)
    left: set[int] = field(default_factory=set)

    def compare(self, user_id: str, row: Stored, facts: UserFacts, judge: Judge) -> None:
        if row.own_id is None:
            self.lacking.add(user_id)
        if is_unchanged(row, facts, judge):
            return
        self.differing.add(user_id)
        qualifies = judge.refuse(facts) is None
        if row.own_id is not None and qualifies != row.qualifies:
            (self.taken if qualifies else self.left).add(row.own_id)

    def displace(self, user_id: str) -> None:
        """Another user has its contact: it is looked for anew."""
        for users_like_it in (self.displaced, self.differing, self.lacking):
            users_like_it.add(user_id)

    def miss(self, row: Stored) -> None:
        self.gone.append(row)
        if row.own_id is not None:
            self.left.add(row.own_id)


def look(tenant: Tenant, users: Mapping[str, UserFacts], judge: Judge) -> Seen:
    """Compare all users of the tenant with all that are stored, by hash."""
    seen = Seen(new=set(users))
    linked: set[int] = set()
    # Who has a contact and does not qualify: those are few.
    unqualified: dict[int, str] = {}
    for user_id, row in _everyone(tenant):
        facts = users.get(user_id)
        if facts is None:
            seen.miss(row)
            continue
        seen.new.discard(user_id)
        if row.own_id is not None:
            qualifies = judge.refuse(facts) is None
            if row.own_id in linked:
                # Of two users with one contact, who qualifies keeps it, else the first.
                if not (qualifies and row.own_id in unqualified):
                    seen.displace(user_id)
                    continue
                seen.displace(unqualified.pop(row.own_id))
            linked.add(row.own_id)
            if not qualifies:
                unqualified[row.own_id] = user_id
        seen.compare(user_id, row, facts, judge)
    seen.lacking |= seen.new
    return seen


def look_at_some(tenant: Tenant, users: Mapping[str, UserFacts], removed: Collection[str], judge: Judge) -> Seen:
    """Compare these users, and those who were removed, with what is stored of them; nobody else is read."""
    seen = Seen(new=set(users))
    for user_id, row in stored_of(tenant, [*users, *removed]).items():
        if user_id in users:
            seen.new.discard(user_id)
            seen.compare(user_id, row, users[user_id], judge)
        else:
            seen.miss(row)
    seen.lacking |= seen.new
    return seen


def is_unchanged(row: Stored, facts: UserFacts, judge: Judge) -> bool:
    """Whether what is stored of the user, of its contact, and of what it holds, need not be compared."""
    if row.facts_hash is None or row.contact_id != row.own_id or row.facts_hash != judge.hash_of(facts):
        return False
    if judge.refuse(facts) is not None:
        return not row.qualifies
    return bool(row.qualifies and row.is_as_left)


def stored_of(tenant: Tenant, user_ids: Iterable[str]) -> dict[str, Stored]:
    """The rows of these users, as far as there are any."""
    found: dict[str, Stored] = {}
    for some in in_portions(sorted(set(user_ids))):
        found.update(_rows(_SOME, tenant, user_ids=some))
    return found


def how_many(tenant_id: int) -> int:
    """How many users of the tenant of this row are stored."""
    return db.session.scalars(COUNT, {"tenant_id": tenant_id}).one()


def own_contacts(tenant: Tenant) -> Iterator[tuple[str, int]]:
    """The contact of each user that has one in the tenant's organization."""
    for user_id, row in _everyone(tenant):
        if row.own_id is not None:
            yield user_id, row.own_id


def _everyone(tenant: Tenant) -> Iterator[tuple[str, Stored]]:
    """All rows, a page after the other, so that neither database holds them all for us at once."""
    after = ""
    while True:
        count = 0
        for user_id, row in _rows(_PAGE, tenant, after=after):
            yield user_id, row
            count, after = count + 1, user_id
        if count < _PAGE_ROWS:
            return


def _rows(query: Select[*tuple[Any, ...]], tenant: Tenant, **values: Any) -> Iterator[tuple[str, Stored]]:
    values |= {"tenant_id": tenant.id, "organization_id": tenant.organization_id}
    for user_id, *row in db.session.execute(query, values).all():
        yield user_id, Stored._make(row)


_USER, _CONTACT = table_of(DirectoryUser), table_of(Contact)
_PAGE_ROWS = 2000
_ALL = (
    select(
        _USER.c.user_id,
        _USER.c.id,
        _USER.c.contact_id,
        _USER.c.is_guest,
        _USER.c.is_blocked,
        _USER.c.qualifies,
        _USER.c.facts_hash,
        _CONTACT.c.id,
        and_(_CONTACT.c.unlinked_at.is_(None), _CONTACT.c.microsoft_user_id == _USER.c.user_id),
    )
    .select_from(
        _USER.outerjoin(
            _CONTACT,
            and_(
                _CONTACT.c.id == _USER.c.contact_id,
                _CONTACT.c.organization_id == bindparam("organization_id", type_=Integer),
            ),
        )
    )
    .where(_USER.c.tenant_id == bindparam("tenant_id"))
)
_SOME = _ALL.where(_USER.c.user_id.in_(bindparam("user_ids", expanding=True)))
# In the order of the index by which a tenant's users are found.
_PAGE = _ALL.where(_USER.c.user_id > bindparam("after")).order_by(_USER.c.user_id).limit(_PAGE_ROWS)
COUNT = select(func.count()).select_from(_USER).where(_USER.c.tenant_id == bindparam("tenant_id"))
