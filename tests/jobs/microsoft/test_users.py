"""Graph's users turned into facts: whatever comes, text that can be stored, and one user for each id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import pytest

from jobs.microsoft import users
from jobs.microsoft.errors import BadAnswer
from jobs.microsoft.page import Page
from jobs.microsoft.reply import Reply
from jobs.microsoft.transport import Answer
from jobs.microsoft.user_facts import USER_FIELDS, Held, UserFacts, user_facts
from jobs.microsoft.users import UsersRead, Wanted, read_users
from tests.jobs.microsoft.users import ID, OLD_LINK, Pages, Told, a_user
from webapp.text import one_line

E3, VISIO = "05e9a617-0261-4cee-bb44-138d3ef5d965", "c5928f49-12ba-48f7-ada3-0d743a3601d5"


def state(sku_id: str, group: str | None = None, status: str = "Active") -> dict[str, Any]:
    return {"skuId": sku_id, "assignedByGroup": group, "state": status, "disabledPlans": [], "error": "None"}


def test_what_is_read_of_a_user() -> None:
    facts = user_facts(
        a_user(
            id=ID.upper(),
            jobTitle=" Head  of Sales ",
            businessPhones=["", "+1 425 555 0100", "+1 425 555 0101"],
            mobilePhone="+1 425 555 0199",
            mail="Anna.Berg@contoso.example",
            proxyAddresses=[
                "smtp:anna@contoso.example",
                "SMTP:anna.berg@contoso.example",
                "X500:/o=ExchangeLabs/cn=anna@x",
                "SIP:anna@contoso.example",
                "SPO:SPO_1@SPO_2",
            ],
            accountEnabled=True,
            userType="Member",
        )
    )
    assert (facts.user_id, facts.name, facts.first_name, facts.last_name) == (ID, "Anna Berg", "Anna", "Berg")
    assert (facts.title, facts.phone, facts.mobile) == ("Head of Sales", "+1 425 555 0100", "+1 425 555 0199")
    assert facts.email == "Anna.Berg@contoso.example"
    assert facts.addresses == ("Anna.Berg@contoso.example", "anna@contoso.example")
    assert (facts.is_guest, facts.is_blocked, facts.held) == (False, False, ())


def test_the_fields_asked_for_are_those_that_are_read() -> None:
    read: set[str] = set()

    class Watched(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            read.add(key)
            return super().get(key, default)

    user_facts(Watched(a_user()))
    assert read == set(USER_FIELDS.split(","))


def test_without_mail_the_primary_address_is_the_one_to_write_to() -> None:
    facts = user_facts(a_user(mail=None, proxyAddresses=["smtp:a@x.example", "SMTP:z@x.example"]))
    assert facts.addresses == ("z@x.example", "a@x.example")
    assert facts.email == "z@x.example"


def test_the_order_of_the_addresses_says_nothing() -> None:
    proxies = ["smtp:c@x.example", "smtp:a@x.example", "SMTP:b@x.example", "smtp:A@X.example"]
    assert user_facts(a_user(proxyAddresses=proxies)) == user_facts(a_user(proxyAddresses=proxies[::-1]))


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"displayName": None}, "Anna Berg"),
        ({"displayName": " \u200b "}, "Anna Berg"),
        ({"displayName": 7, "surname": None}, "Anna"),
        ({"displayName": "", "givenName": None, "surname": ""}, "anna@contoso.example"),
        (
            {"displayName": "", "givenName": None, "surname": "", "userPrincipalName": None, "mail": "m@x.example"},
            "m@x.example",
        ),
        ({"displayName": "", "givenName": None, "surname": "", "userPrincipalName": None}, ID),
    ],
)
def test_a_user_is_always_called_something(values: dict[str, Any], name: str) -> None:
    assert user_facts(a_user(**values)).name == name


@pytest.mark.parametrize("garbage", [None, 7, True, 1.5, [], {}, [None], ["x"], {"a": 1}, "", " ", "\x00", "\ud800"])
@pytest.mark.parametrize("field", [name for name in USER_FIELDS.split(",") if name != "id"])
def test_garbage_in_an_optional_field_is_as_if_it_were_not_there(field: str, garbage: Any) -> None:
    facts = user_facts(a_user(**{field: garbage}))
    assert facts.user_id == ID
    assert facts.name
    assert facts.held == ()
    assert not facts.is_guest
    assert not facts.is_blocked
    for text in (facts.title, facts.mobile, facts.email, *facts.addresses):
        assert text == ""
    "".join((facts.name, facts.first_name, facts.last_name, facts.user_principal_name, facts.phone)).encode("utf-8")


@pytest.mark.parametrize("field", ["displayName", "givenName", "surname", "jobTitle", "mobilePhone"])
@pytest.mark.parametrize("text", ["x" * 5_000, "é" * 5_000, "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 5_000])
def test_a_text_that_is_too_long_is_cut(field: str, text: str) -> None:
    facts = user_facts(a_user(**{field: text}))
    stored = {
        "displayName": facts.name,
        "givenName": facts.first_name,
        "surname": facts.last_name,
        "jobTitle": facts.title,
        "mobilePhone": facts.mobile,
    }[field]
    assert 0 < len(stored) <= 256
    assert text.startswith(stored)


@pytest.mark.parametrize(
    "address",
    [
        "x" * 400 + "@x.example",
        "no address",
        "a b@x.example",
        "@x.example",
        "a@",
        "a\u200bb@x.example",
        "a\nb@x.example",
    ],
)
def test_an_address_that_is_none_is_left_out_and_never_made_another(address: str) -> None:
    assert user_facts(a_user(mail=address, proxyAddresses=[f"SMTP:{address}"])).addresses == ()


def test_a_name_keeps_what_is_written_and_loses_what_is_not_seen() -> None:
    assert user_facts(a_user(displayName="\u202eZoë\x07  Åkesson\x00")).name == "Zoë Åkesson"


@pytest.mark.parametrize("user", [None, [], "user", {}, a_user(id=None), a_user(id="me"), a_user(id=7)])
def test_a_user_without_an_id_is_a_bad_answer(user: Any) -> None:
    with pytest.raises(BadAnswer, match="no id that is a GUID"):
        user_facts(user)


@pytest.mark.parametrize(
    ("user_type", "is_guest"), [("Guest", True), ("guest", True), ("Member", False), (None, False)]
)
def test_who_is_a_guest(user_type: str | None, is_guest: bool) -> None:
    assert user_facts(a_user(userType=user_type)).is_guest is is_guest


@pytest.mark.parametrize(("enabled", "is_blocked"), [(False, True), (True, False), (None, False), (0, False)])
def test_only_who_is_said_not_to_be_enabled_is_blocked(enabled: Any, is_blocked: bool) -> None:
    assert user_facts(a_user(accountEnabled=enabled)).is_blocked is is_blocked


@pytest.mark.parametrize(
    ("states", "assigned", "held"),
    [
        ([state(E3)], [E3], [Held(E3, True, False)]),
        ([state(E3, "group")], [E3], [Held(E3, False, True)]),
        ([state(E3, "group"), state(E3), state(E3, "other")], [E3], [Held(E3, True, True)]),
        ([state(E3.upper(), "")], [E3.upper()], [Held(E3, True, False)]),
        ([state(E3, status="Disabled")], [], [Held(E3, True, False)]),
        ([state(E3, "group", "ActiveWithError")], [E3], [Held(E3, False, True)]),
        ([state(E3, "group", "Error")], [], []),
        ([state(E3, "group", "Error"), state(E3)], [E3], [Held(E3, True, False)]),
        ([state(E3, "group", "Error")], [E3], [Held(E3, False, True)]),
        (None, [VISIO, E3, E3], [Held(E3, True, False), Held(VISIO, True, False)]),
        ([state(E3, "group")], [E3, VISIO], [Held(E3, False, True), Held(VISIO, True, False)]),
        ([None, {}, {"skuId": "no"}, state(E3)], "no", [Held(E3, True, False)]),
        ([{"skuId": E3}], None, [Held(E3, True, False)]),
    ],
)
def test_which_licenses_a_user_holds_and_how(states: Any, assigned: Any, held: list[Held]) -> None:
    licenses = [{"skuId": sku_id} for sku_id in assigned] if isinstance(assigned, list) else assigned
    facts = user_facts(a_user(licenseAssignmentStates=states, assignedLicenses=licenses))
    assert list(facts.held) == sorted(held)


def read(*pages: list[Any]) -> Mapping[str, UserFacts]:
    """The users of these pages, of a tenant whose changes are not tracked."""
    wanted = Wanted(tracks=False)
    first = Page(wanted.ask, {"value": pages[0]}, Reply(Answer(200, {}, b""), None))
    return read_users(Pages(*pages), wanted, first).users  # type: ignore[arg-type]


def test_of_a_user_on_two_pages_the_later_one_counts() -> None:
    found = read([a_user(jobTitle="Clerk")], [], [a_user(jobTitle="Head")])
    assert [facts.title for facts in found.values()] == ["Head"]


def test_empty_pages_are_no_end_but_pages_that_bring_nobody_new_are_given_up() -> None:
    others: list[list[Any]] = [[], [a_user(id=str(UUID(int=1)))]]
    assert len(read([a_user()], *others)) == 2
    with pytest.raises(BadAnswer, match="nobody new"):
        read(*[[a_user()]] * 100)


@pytest.mark.parametrize("skus", [["x" * 10_000_000], [E3, {}], [None, [], 7, E3.upper()]])
def test_a_sku_id_that_is_none_is_left_out(skus: list[Any]) -> None:
    facts = user_facts(a_user(assignedLicenses=[{"skuId": sku} for sku in skus]))
    assert [held.sku_id for held in facts.held] == ([E3] if len(skus) > 1 else [])


@pytest.mark.parametrize("text", ["\u3164", "\u0301\u0302", "\u2800 \u115f", "\u200b", "\u00a0", "\ue000"])
def test_a_name_of_nothing_to_see_counts_as_none(text: str) -> None:
    expected = one_line(text) or "Anna Berg"
    assert user_facts(a_user(displayName=text)).name == expected


@pytest.mark.parametrize(
    "text",
    ["Zoë  Åkesson", " 山田\u3000太郎 ", "a\u00a0b", "x\u2028y", "\ufdfa" * 60, "\u0430\u200d\u0431", "a\x85b", "é\tè"],
)
def test_text_of_any_script_becomes_one_line_as_everywhere(text: str) -> None:
    assert user_facts(a_user(displayName=text)).name == one_line(text)


def test_a_list_that_would_take_all_memory_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "_MOST_BYTES", 100_000)
    with pytest.raises(BadAnswer, match="MB of names"):
        read(*([a_user(id=str(UUID(int=page * 1000 + number))) for number in range(999)] for page in range(100)))


class _ListsNobody(Told):
    """A Graph client that tells of these changes, and whose list of users has nobody."""

    def whole_list(self, first: Page, max_pages: int) -> Iterator[Page]:
        yield Page(first.ask, {"value": []}, first.reply)


def changes(found: dict[str, Any] | None, *told: dict[str, Any]) -> UsersRead:
    wanted = Wanted(OLD_LINK, known=1)
    first = Page(wanted.ask, {"value": list(told)}, Reply(Answer(200, {}, b""), None))
    return read_users(Told(list(told), found), wanted, first)  # type: ignore[arg-type]


def test_who_is_told_of_and_not_found_is_told_of_again_the_next_time() -> None:
    complete = {**dict.fromkeys(USER_FIELDS.split(",")), **a_user(id=str(UUID(int=1)))}
    read = changes(None, {"id": ID, "jobTitle": "Head"}, complete)
    assert (list(read.users), read.removed, read.is_whole, read.link) == (
        [str(UUID(int=1))],
        frozenset(),
        False,
        OLD_LINK,
    )


@pytest.mark.parametrize("comes_back", [True, False])
def test_of_who_is_removed_and_comes_back_in_the_same_changes_the_last_counts(comes_back: bool) -> None:
    told: list[dict[str, Any]] = [{"id": ID, "jobTitle": "Head"}, {"id": ID, "@removed": {"reason": "changed"}}]
    if comes_back:
        told.append({"id": ID, "mobilePhone": "+1 555"})
    read = changes(a_user(jobTitle="Clerk"), *told)
    if comes_back:
        assert (read.users[ID].title, read.users[ID].mobile, read.removed) == ("Clerk", "+1 555", frozenset())
    else:
        assert (list(read.users), read.removed) == ([], frozenset({ID}))


def test_what_a_change_told_counts_where_a_server_that_lags_behind_gives_what_was_before() -> None:
    assert changes(a_user(jobTitle="Clerk"), {"id": ID, "jobTitle": "Head"}).users[ID].title == "Head"


def test_who_is_removed_counts_among_the_changes_beyond_which_everybody_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(users, "_MOST_CHANGES", 2)
    gone = [{"id": str(UUID(int=number)), "@removed": {"reason": "changed"}} for number in range(3)]
    wanted = Wanted(OLD_LINK, known=3)
    for told, is_whole in ((gone[:2], False), (gone, True)):
        first = Page(wanted.ask, {}, Reply(Answer(200, {}, b""), None))
        listed = _ListsNobody(told, None)
        assert read_users(listed, wanted, first).is_whole == is_whole  # type: ignore[arg-type]


def test_a_link_of_changes_that_is_too_long_to_be_kept_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "_LONGEST_LINK", 10)
    assert changes(a_user(), {"id": ID, "jobTitle": "Head"}).is_whole


def test_an_annotation_of_nothing_removes_nobody() -> None:
    read = changes(a_user(), {"id": ID, "@removed": None, "jobTitle": "Head"})
    assert (read.users[ID].title, read.removed) == ("Head", frozenset())
    assert read.link == "/users/delta?$deltatoken=new"


def test_changes_that_take_more_room_than_the_list_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "_MOST_BYTES_OF_CHANGES", 1000)
    wanted = Wanted(OLD_LINK, known=1)
    complete = {**dict.fromkeys(USER_FIELDS.split(",")), **a_user()}
    for size, is_whole in ((1000, False), (1001, True)):
        first = Page(wanted.ask, {}, Reply(Answer(200, {}, b"x" * size), None))
        found = read_users(Told([complete], None), wanted, first)  # type: ignore[arg-type]
        assert (list(found.users), found.is_whole) == ([ID], is_whole)


@pytest.mark.parametrize("found", [a_user(id=str(UUID(int=9))), {"error": {"code": "notFound"}}])
def test_where_somebody_else_is_found_everybody_is_read(found: dict[str, Any]) -> None:
    assert changes(found, {"id": ID, "jobTitle": "Head"}).is_whole
