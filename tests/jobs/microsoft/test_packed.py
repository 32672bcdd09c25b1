"""Packed users are what was put in."""

from __future__ import annotations

from uuid import UUID

import pytest

from jobs.microsoft import packed
from jobs.microsoft.packed import PackedUsers
from jobs.microsoft.user_facts import Held, UserFacts, user_facts

ID = str(UUID(int=1))
E3, VISIO = str(UUID(int=3)), str(UUID(int=5))


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"displayName": "Zoë Łukasz 山田 👩‍🚀", "givenName": "Zoë", "surname": "山田"},
        {"mail": "a@x.example", "userPrincipalName": "a@x.example"},
        {"mail": "a@x.example", "userPrincipalName": "b@x.example", "proxyAddresses": ["smtp:c@x.example"]},
        {"userPrincipalName": "b@x.example"},
        {"jobTitle": "one\ntwo\x1fthree", "businessPhones": ["+1"], "mobilePhone": "+2"},
        {"userType": "Guest"},
        {"accountEnabled": False},
        {"assignedLicenses": [{"skuId": E3}, {"skuId": VISIO}]},
        {"licenseAssignmentStates": [{"skuId": E3, "assignedByGroup": "g", "state": "Active"}]},
    ],
)
@pytest.mark.parametrize("few", [0, 1, 2])
def test_a_user_is_unpacked_as_it_was_packed(
    few: int, values: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "_FEW", few)
    facts = user_facts({"id": ID, **values})
    users = PackedUsers()
    users.add(user_facts({"id": str(UUID(int=2)), "displayName": "Another"}))
    users.add(facts)
    assert users[ID] == facts
    assert (users[ID] is facts) == (few == 2), "what is packed is unpacked anew"
    assert isinstance(users[ID], UserFacts)
    assert all(isinstance(one, Held) for one in users[ID].held)


@pytest.mark.parametrize("few", [0, 1, 2])
def test_it_is_a_mapping_in_which_the_last_of_two_counts(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "_FEW", few)
    users = PackedUsers()
    for title in ("Clerk", "Head"):
        users.add(user_facts({"id": ID, "jobTitle": title}))
    assert (len(users), list(users), ID in users, "x" in users) == (1, [ID], True, False)
    assert [facts.title for facts in users.values()] == ["Head"]
    assert (users[ID] is users[ID]) == (few == 2), "what is packed is unpacked anew"
    assert users.get("x") is None
    assert users == {ID: users[ID]}
