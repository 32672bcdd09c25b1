"""Which contact a user is: what settles it, what does not, and that no order of the users changes it."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Any
from uuid import UUID

import pytest

from jobs.microsoft.user_facts import user_facts
from jobs.people.matching import Known, Person, match

ANNA, BEN, CARLA = 1, 2, 3


def a_person(user_id: str, *addresses: str, **values: Any) -> Person:
    values = {"principal_name": f"{user_id}@upn.example", "name": "", "qualifies": True, **values}
    return Person(user_id, addresses, **values)


def known(**by: dict[str, Any]) -> Known:
    """Contacts; one may stand for a list of one."""
    return Known(
        **{
            name: {key: found if isinstance(found, list) else [found] for key, found in contacts.items()}
            for name, contacts in by.items()
        }
    )


def test_any_alias_finds_the_contact() -> None:
    people = [a_person("a", "primary@x", "alias@x")]
    assert match(people, {}, known(by_address={"alias@x": ANNA})) == {"a": ANNA}


def test_the_user_principal_name_finds_it_by_that_of_the_contact_or_by_its_addresses() -> None:
    person = a_person("a", "other@x", principal_name="anna@x")
    assert match([person], {}, known(by_principal_name={"anna@x": ANNA})) == {"a": ANNA}
    assert match([person], {}, known(by_address={"anna@x": ANNA})) == {"a": ANNA}
    assert match([person], {}, known(by_address={"anna@x": ANNA}, by_principal_name={"anna@x": BEN})) == {}


def test_a_name_finds_it_where_it_is_the_only_one_on_both_sides() -> None:
    anna = a_person("a", name="anna berg")
    assert match([anna], {}, known(by_name={"anna berg": ANNA})) == {"a": ANNA}
    assert match([anna], {}, known(by_name={"anna berg": [ANNA, BEN]})) == {}
    assert match([anna, a_person("b", name="anna berg")], {}, known(by_name={"anna berg": ANNA})) == {}


@pytest.mark.parametrize(
    ("first", "last", "name"),
    [("Anna", "BERG", "anna berg"), ("Anna Berg", "", ""), ("", "Anna Berg", ""), ("", "", "")],
)
def test_a_person_has_a_name_to_be_found_by_where_both_names_are_given(first: str, last: str, name: str) -> None:
    facts = user_facts({"id": str(UUID(int=1)), "givenName": first, "surname": last})
    assert Person.of(facts, qualifies=True).name == name


def test_without_both_names_nobody_is_found_by_name() -> None:
    assert match([a_person("a", name="")], {}, known(by_name={"": ANNA})) == {}


def test_a_namesake_who_does_not_qualify_makes_a_name_no_less_unique() -> None:
    people = [a_person("a", name="anna berg"), a_person("b", name="anna berg", qualifies=False)]
    assert match(people, {}, known(by_name={"anna berg": ANNA})) == {"a": ANNA}


@pytest.mark.parametrize("second_qualifies", [True, False])
def test_an_alias_that_two_users_share_settles_nothing_and_the_next_rule_is_asked(second_qualifies: bool) -> None:
    contacts = known(by_address={"team@x": CARLA}, by_principal_name={"a@upn.example": ANNA})
    people = [a_person("a", "team@x"), a_person("b", "team@x", qualifies=second_qualifies)]
    assert match(people, {}, contacts) == {"a": ANNA}


def test_an_address_of_two_contacts_settles_nothing_but_another_may() -> None:
    contacts = known(by_address={"both@x": [ANNA, BEN], "own@x": BEN})
    assert match([a_person("a", "both@x")], {}, contacts) == {}
    assert match([a_person("a", "both@x", "own@x")], {}, contacts) == {"a": BEN}


def test_aliases_that_lead_to_two_contacts_settle_nothing_and_the_principal_name_decides() -> None:
    contacts = known(by_address={"one@x": ANNA, "two@x": BEN}, by_principal_name={"a@upn.example": BEN})
    assert match([a_person("a", "one@x", "two@x")], {}, contacts) == {"a": BEN}


def test_two_users_whose_own_aliases_lead_to_one_contact_are_not_merged() -> None:
    contacts = known(by_address={"one@x": ANNA, "two@x": ANNA})
    people = [a_person("a", "one@x"), a_person("b", "two@x")]
    assert match(people, {}, contacts) == {}
    by_upn = known(by_address={"one@x": ANNA, "two@x": ANNA}, by_principal_name={"b@upn.example": ANNA})
    assert match(people, {}, by_upn) == {"b": ANNA}


def test_a_principal_name_that_another_user_has_as_an_address_settles_nothing() -> None:
    contacts = known(by_address={"own@x": BEN}, by_principal_name={"team@x": ANNA})
    people = [a_person("a", principal_name="team@x"), a_person("b", "team@x", "own@x")]
    assert match(people, {}, contacts) == {"b": BEN}


def test_an_address_goes_before_a_name() -> None:
    contacts = known(by_address={"ben@x": ANNA}, by_name={"anna berg": ANNA})
    people = [a_person("a", name="anna berg"), a_person("b", "ben@x")]
    assert match(people, {}, contacts) == {"b": ANNA}


def test_an_existing_link_stays_whatever_else_would_be_found() -> None:
    contacts = known(by_address={"ben@x": BEN}, by_name={"anna berg": BEN}, by_user_id={"a": BEN})
    assert match([a_person("a", "ben@x", name="anna berg")], {"a": ANNA}, contacts) == {"a": ANNA}


def test_a_contact_that_is_linked_is_not_given_to_another() -> None:
    contacts = known(by_address={"new@x": ANNA})
    assert match([a_person("a"), a_person("b", "new@x")], {"a": ANNA}, contacts) == {"a": ANNA}


def test_a_contact_is_known_again_by_the_user_from_whom_it_came() -> None:
    contacts = known(by_user_id={"a": ANNA}, by_address={"a@x": BEN})
    assert match([a_person("a", "a@x")], {}, contacts) == {"a": ANNA}


def test_who_qualifies_takes_over_an_address_from_who_does_not() -> None:
    people = [a_person("old", qualifies=False), a_person("new", "anna@x")]
    assert match(people, {"old": ANNA}, known(by_address={"anna@x": ANNA})) == {"new": ANNA}


def test_by_a_mere_name_nobody_takes_a_contact_from_who_does_not_qualify() -> None:
    contacts = known(by_name={"anna berg": ANNA}, by_address={"anna@x": ANNA})
    namesake = a_person("new", name="anna berg")
    assert match([a_person("old", qualifies=False), namesake], {"old": ANNA}, contacts) == {"old": ANNA}
    assert match([a_person("old", "anna@x", qualifies=False), namesake], {}, contacts) == {"old": ANNA}


def test_where_nobody_qualifies_users_are_still_found() -> None:
    people = [
        a_person("a", "anna@x", qualifies=False),
        a_person("b", qualifies=False),
        a_person("c", name="carla costa", qualifies=False),
        a_person("d", name="dora", qualifies=False),
        a_person("e", name="dora", qualifies=False),
    ]
    contacts = known(
        by_address={"anna@x": ANNA}, by_principal_name={"b@upn.example": BEN}, by_name={"carla costa": CARLA, "dora": 9}
    )
    assert match(people, {}, contacts) == {"a": ANNA, "b": BEN, "c": CARLA}


def test_a_link_that_two_users_have_is_left_to_one_of_them() -> None:
    assert match([a_person("b"), a_person("a")], {"a": ANNA, "b": ANNA}, Known()) == {"a": ANNA}


@pytest.mark.parametrize("seed", range(40))
def test_in_any_order_the_same_is_found_and_no_two_users_are_one_contact(seed: int) -> None:
    dice = random.Random(seed)

    def some(kind: str, most: int) -> list[str]:
        return [f"{kind}{dice.randrange(12)}" for _ in range(dice.randrange(most))]

    def contacts(kind: str) -> dict[str, set[int]]:
        found: dict[str, set[int]] = defaultdict(set)
        for contact_id in range(15):
            for key in some(kind, 3):
                found[key].add(contact_id)
        return found

    people = [
        Person(f"u{n}", tuple(some("m", 4)), "".join(some("m", 2)), "".join(some("n", 2)), dice.random() < 0.6)
        for n in range(20)
    ]
    of = Known(contacts("u"), contacts("m"), contacts("m"), contacts("n"))
    links = {f"u{n}": dice.randrange(15) for n in range(20) if dice.random() < 0.2}
    found = match(people, links, of)
    assert len(set(found.values())) == len(found)
    for _ in range(5):
        dice.shuffle(people)
        shuffled = dict(dice.sample(sorted(links.items()), len(links)))
        assert match(people, shuffled, of) == found
