"""Which contact a user is. No input or output happens here.

What identifies a user settles it before what merely resembles: that a contact was this user's before; an address that
only the user and only the contact have; the user principal name; at last the first and last name together. What two
users, or two contacts, have in common settles nothing, and the next rule is asked. Nothing depends on the order in
which users come.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from webapp.models import fold

from ..microsoft.user_facts import UserFacts

Contacts = Mapping[str, Collection[int]]


@dataclass(frozen=True, slots=True)
class Person:
    """What a user can be recognized by, folded. `name` is empty where the first or the last name is missing."""

    user_id: str
    addresses: tuple[str, ...]
    principal_name: str
    name: str
    qualifies: bool

    @classmethod
    def of(cls, facts: UserFacts, qualifies: bool) -> Person:
        has_both = facts.first_name and facts.last_name
        return cls(
            facts.user_id,
            tuple(_folded(address) for address in facts.addresses),
            _folded(facts.user_principal_name),
            fold(f"{facts.first_name} {facts.last_name}") if has_both else "",
            qualifies,
        )

    @property
    def identities(self) -> set[str]:
        """The addresses and the user principal name: what belongs to one user only, if all is as it should be."""
        return {*self.addresses, self.principal_name} - {""}

    @property
    def keys(self) -> set[str]:
        """All that any rule asks for."""
        return {*self.addresses, self.principal_name, self.name, self.user_id} - {""}


@dataclass(frozen=True)
class Known:
    """The contacts of an organization, by what they can be recognized by."""

    by_user_id: Contacts = field(default_factory=dict)
    by_address: Contacts = field(default_factory=dict)
    by_principal_name: Contacts = field(default_factory=dict)
    by_name: Contacts = field(default_factory=dict)

    @property
    def keys(self) -> set[str]:
        """All by which one of the contacts can be recognized."""
        return {*self.by_user_id, *self.by_address, *self.by_principal_name, *self.by_name}

    @property
    def contact_ids(self) -> set[int]:
        indexes = (self.by_user_id, self.by_address, self.by_principal_name, self.by_name)
        return {contact_id for index in indexes for found in index.values() for contact_id in found}


def match(people: Iterable[Person], links: Mapping[str, int], known: Known) -> dict[str, int]:
    """The contact of each user that is one, by user id; of no two users the same one.

    `links` are those that were found before: they stay. Those who qualify come before those who do not, who keep only
    what is left, and by a name nobody gets a contact that is known to be another's.
    """
    everyone = sorted(people, key=lambda person: person.user_id)
    qualifying = [person for person in everyone if person.qualifies]
    others = [person for person in everyone if not person.qualifies]
    rules = _Rules(everyone, known)
    matching = _Matching()
    for some in (qualifying, others):
        matching.keep(some, links)
        matching.settle(some, rules.by_user_id)
        matching.settle(some, rules.by_address)
        matching.settle(some, rules.by_principal_name)
    matching.settle(qualifying, rules.by_name(qualifying))
    matching.settle(others, rules.by_name(everyone))
    return matching.found


class _Matching:
    """What is settled so far."""

    def __init__(self) -> None:
        self.found: dict[str, int] = {}
        self._taken: set[int] = set()

    def keep(self, people: Sequence[Person], links: Mapping[str, int]) -> None:
        for person in people:
            contact_id = links.get(person.user_id)
            if contact_id is not None and contact_id not in self._taken:
                self._settle(person.user_id, contact_id)

    def settle(self, people: Sequence[Person], rule: Callable[[Person], int | None]) -> None:
        """Give the rule's contact to each of the people who have none yet, where nobody else is given it."""
        claims: dict[int, list[str]] = defaultdict(list)
        for person in people:
            contact_id = None if person.user_id in self.found else rule(person)
            if contact_id is not None and contact_id not in self._taken:
                claims[contact_id].append(person.user_id)
        for contact_id, user_ids in claims.items():
            if len(user_ids) == 1:
                self._settle(user_ids[0], contact_id)

    def _settle(self, user_id: str, contact_id: int) -> None:
        self.found[user_id] = contact_id
        self._taken.add(contact_id)


class _Rules:
    """Each rule gives the one contact that it finds a user to be, or None."""

    def __init__(self, everyone: Sequence[Person], known: Known) -> None:
        self._known = known
        wanted = {*known.by_address, *known.by_principal_name}
        self._users_of = Counter(identity for person in everyone for identity in person.identities & wanted)

    def by_user_id(self, person: Person) -> int | None:
        return _only(self._known.by_user_id.get(person.user_id, ()))

    def by_address(self, person: Person) -> int | None:
        found = {self._of_address(address) for address in person.addresses} - {None}
        return found.pop() if len(found) == 1 else None

    def by_principal_name(self, person: Person) -> int | None:
        name = person.principal_name
        if self._users_of[name] != 1:
            return None
        known = self._known
        return _only({*known.by_address.get(name, ()), *known.by_principal_name.get(name, ())})

    def by_name(self, people: Sequence[Person]) -> Callable[[Person], int | None]:
        """The rule for a name that only one of these people has."""
        namesakes = Counter(person.name for person in people if person.name in self._known.by_name)
        return lambda person: (
            _only(self._known.by_name[person.name]) if person.name and namesakes[person.name] == 1 else None
        )

    def _of_address(self, address: str) -> int | None:
        return _only(self._known.by_address.get(address, ())) if self._users_of[address] == 1 else None


def _only(contact_ids: Collection[int]) -> int | None:
    return next(iter(contact_ids)) if len(contact_ids) == 1 else None


def _folded(text: str) -> str:
    """The text folded; itself where it is so already, since there may be very many of them."""
    folded = fold(text)
    return text if folded == text else folded
