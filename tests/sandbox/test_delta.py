"""Delta queries of users: what is told of whom, and how tracking goes on and ends."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from sandbox import Assigned, Fault, Sandbox, Sku, Tenant, User
from tests.sandbox.client import Client

ANN = User(str(uuid.UUID(int=1)), "Ann", "ann@contoso.com", given_name="Ann", job_title="Nurse")
BOB = User(str(uuid.UUID(int=2)), "Bob", "bob@contoso.com", licenses=(Assigned.of("SPE_E3"),))
CAT = User(str(uuid.UUID(int=3)), "Cat", "cat@contoso.com")
LATEST = "$deltatoken=latest&$select=displayName,jobTitle,assignedLicenses,licenseAssignmentStates"


class Tracker:
    """Follows the users of one tenant."""

    def __init__(self, client: Client, tenant: Tenant) -> None:
        self.tenant_id = tenant.tenant_id
        self._client = client
        self._token = client.token(tenant)
        self.link = ""

    def begin(self, query: str = "") -> list[dict[str, Any]]:
        """A whole round from a query of users/delta; its items."""
        return self.follow(f"{self._client.url}/v1.0/users/delta{'?' if query else ''}{query}")

    def follow(self, link: str = "", **headers: str) -> list[dict[str, Any]]:
        return [item for page in self.pages(link or self.link, **headers) for item in page["value"]]

    def pages(self, link: str, **headers: str) -> Iterator[dict[str, Any]]:
        while link:
            page = self.get(link, **headers).json()
            yield page
            link = page.get("@odata.nextLink", "")
            assert bool(link) != bool(page.get("@odata.deltaLink"))
            self.link = page.get("@odata.deltaLink", "")

    def get(self, link: str, **headers: str) -> requests.Response:
        return self._client.session.get(link, headers={"Authorization": f"Bearer {self._token}", **headers}, timeout=10)


@pytest.fixture
def people(service: Sandbox, tenant: Tenant) -> Tenant:
    return service.patch_tenant(tenant.tenant_id, users=(ANN, BOB))


@pytest.fixture
def tracker(client: Client, people: Tenant) -> Tracker:
    return Tracker(client, people)


def test_the_first_round_has_everyone_with_what_is_set(tracker: Tracker) -> None:
    assert tracker.begin("$select=displayName,jobTitle,mail,businessPhones") == [
        {"displayName": "Ann", "jobTitle": "Nurse", "id": ANN.user_id},
        {"displayName": "Bob", "id": BOB.user_id},
    ]
    assert tracker.follow() == []


def test_a_link_has_one_parameter_in_which_the_selection_is(tracker: Tracker) -> None:
    tracker.begin(LATEST)
    assert tracker.link.count("=") == 1
    assert "$deltatoken=" in tracker.link
    page = tracker.get(tracker.link).json()
    context = "https://graph.microsoft.com/v1.0/$metadata#users"
    assert page["@odata.context"] == f"{context}(displayName,jobTitle,assignedLicenses,licenseAssignmentStates)"


def test_from_now_on_means_nobody_until_something_changes(service: Sandbox, tracker: Tracker) -> None:
    assert tracker.begin(LATEST) == []
    service.patch_user(tracker.tenant_id, BOB.user_id, job_title="Nurse")
    assert [item["id"] for item in tracker.follow()] == [BOB.user_id]
    assert tracker.follow() == []


def test_a_change_comes_with_all_that_is_selected(service: Sandbox, tracker: Tracker) -> None:
    tracker.begin("$select=displayName,jobTitle,mail")
    service.patch_user(tracker.tenant_id, "ann@contoso.com", job_title=None)
    assert tracker.follow() == [{"displayName": "Ann", "jobTitle": None, "id": ANN.user_id}]


def test_the_minimum_is_what_changed(service: Sandbox, tracker: Tracker) -> None:
    tracker.begin("$select=displayName,jobTitle,mail")
    service.patch_user(tracker.tenant_id, ANN.user_id, job_title=None, given_name="Anne")
    service.put_users(tracker.tenant_id, CAT)
    assert tracker.follow(Prefer="return=minimal") == [
        {"jobTitle": None, "id": ANN.user_id},
        {"displayName": "Cat", "id": CAT.user_id},
    ]


def test_what_is_not_selected_changes_unseen(service: Sandbox, tracker: Tracker) -> None:
    tracker.begin(LATEST)
    service.patch_user(tracker.tenant_id, ANN.user_id, given_name="Anne")
    assert tracker.follow() == []


def test_without_a_selection_everything_is_seen(service: Sandbox, tracker: Tracker) -> None:
    tracker.begin("$deltatoken=latest")
    service.patch_user(tracker.tenant_id, ANN.user_id, account_enabled=False)
    assert [item["id"] for item in tracker.follow()] == [ANN.user_id]


def test_a_license_is_seen_and_the_way_of_its_assignment_is_not(service: Sandbox, tracker: Tracker) -> None:
    tracker.begin(LATEST)
    service.patch_user(tracker.tenant_id, BOB.user_id, licenses=[Assigned.of("SPE_E3", groups=("g",))])
    assert tracker.follow() == []
    service.patch_user(tracker.tenant_id, ANN.user_id, licenses=[Assigned.of("SPE_E3")])
    (ann,) = tracker.follow()
    assert len(ann["assignedLicenses"]) == len(ann["licenseAssignmentStates"]) == 1
    service.patch_user(tracker.tenant_id, ANN.user_id, licenses=[])
    assert tracker.follow()[0]["assignedLicenses"] == []


def test_who_comes_and_goes(service: Sandbox, tracker: Tracker) -> None:
    tracker.begin(LATEST)
    service.put_users(tracker.tenant_id, CAT)
    service.remove_user(tracker.tenant_id, ANN.user_id)
    service.remove_user(tracker.tenant_id, BOB.user_id, reason="deleted")
    assert tracker.follow() == [
        {"id": ANN.user_id, "@removed": {"reason": "changed"}},
        {"id": BOB.user_id, "@removed": {"reason": "deleted"}},
        {"displayName": "Cat", "id": CAT.user_id},
    ]
    service.put_users(tracker.tenant_id, ANN)
    assert [item.get("displayName") for item in tracker.follow()] == ["Ann"]
    assert [user.display_name for user in service.users(tracker.tenant_id)] == ["Ann", "Cat"]


def test_a_patched_list_of_users_is_a_change_of_those_that_differ(service: Sandbox, tracker: Tracker) -> None:
    tracker.begin(LATEST)
    service.patch_tenant(tracker.tenant_id, users=(BOB, CAT))
    assert {item["id"]: "@removed" in item for item in tracker.follow()} == {ANN.user_id: True, CAT.user_id: False}
    service.faults(tracker.tenant_id)
    assert tracker.follow() == []


def test_an_old_link_tells_everything_since_it_was_given(service: Sandbox, tracker: Tracker) -> None:
    tracker.begin(LATEST)
    old = tracker.link
    service.patch_user(tracker.tenant_id, ANN.user_id, job_title="Doctor")
    tracker.follow()
    service.patch_user(tracker.tenant_id, BOB.user_id, job_title="Nurse")
    assert len(tracker.follow(old)) == 2


def test_rounds_come_in_pages_that_survive_changes_between_them(service: Sandbox, tracker: Tracker) -> None:
    users = tuple(User(str(uuid.UUID(int=number)), f"User {number}", f"u{number}@x") for number in range(10, 17))
    service.patch_tenant(tracker.tenant_id, users=users, page_size=3)
    seen, pages = [], tracker.pages(f"{service.url}/v1.0/users/delta?$select=displayName")
    for page in pages:
        seen += [item["displayName"] for item in page["value"]]
        if len(seen) == 3:
            service.remove_user(tracker.tenant_id, users[0].user_id)
            service.patch_user(tracker.tenant_id, users[1].user_id, display_name="Other")
    assert seen == [user.display_name for user in users]
    changed = list(tracker.pages(tracker.link))
    assert [len(page["value"]) for page in changed] == [2]
    assert changed[0]["value"][1]["displayName"] == "Other"
    for user in users[1:]:
        service.patch_user(tracker.tenant_id, user.user_id, display_name="All")
    assert [len(page["value"]) for page in tracker.pages(tracker.link)] == [3, 3]


@pytest.mark.parametrize("name", ["users/delta()", "users/microsoft.graph.delta", "Users/Delta"])
def test_it_has_several_names(client: Client, tracker: Tracker, name: str) -> None:
    assert len(tracker.follow(f"{client.url}/v1.0/{name}")) == 2


@pytest.mark.parametrize(
    "query", ["$top=10", "$orderby=id", "$expand=manager", "$select=salary", "$deltatoken=nonsense", "$skiptoken=WzFd"]
)
def test_what_it_does_not_take_is_refused(client: Client, tracker: Tracker, query: str) -> None:
    assert tracker.get(f"{client.url}/v1.0/users/delta?{query}").status_code == 400


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [
        ("gone", 410, "syncStateNotFound"),
        ("resync", 410, "resyncRequired"),
        ("expired", 400, "syncStateNotFound"),
    ],
)
def test_tokens_can_be_made_to_expire(service: Sandbox, tracker: Tracker, how: Any, status: int, code: str) -> None:
    tracker.begin(LATEST)
    service.expire_delta_tokens(tracker.tenant_id, how)
    lost = tracker.get(tracker.link)
    assert (lost.status_code, lost.json()["error"]["code"]) == (status, code)
    if status == 410:
        assert len(tracker.follow(lost.headers["Location"])) == 2
    tracker.begin(LATEST)
    assert tracker.follow() == []


@pytest.mark.parametrize("kind", ["delta_gone", "delta_resync", "delta_expired"])
def test_a_token_can_be_refused_once_and_a_beginning_is_not(service: Sandbox, tracker: Tracker, kind: str) -> None:
    service.faults(tracker.tenant_id, Fault(on="usersDelta", kind=kind, times=1))
    tracker.begin(LATEST)
    assert tracker.get(tracker.link).status_code in (400, 410)
    assert tracker.get(tracker.link).status_code == 200


def test_a_deployment_can_be_without_delta(service: Sandbox, client: Client, people: Tenant) -> None:
    service.faults(people.tenant_id, Fault(on="usersDelta", kind="not_supported"))
    token = client.token(people)
    assert client.graph(token, "users/delta").status_code == 501
    assert client.graph(token, "users").status_code == 200


def test_a_fault_can_be_set_on_the_list_alone(service: Sandbox, client: Client, people: Tenant) -> None:
    service.faults(people.tenant_id, Fault(on="usersList", kind="forbidden"))
    token = client.token(people)
    assert client.graph(token, "users/delta").status_code == 200
    assert client.graph(token, "users").status_code == 403


def test_a_user_can_come_twice(service: Sandbox, tracker: Tracker) -> None:
    service.faults(tracker.tenant_id, Fault(on="usersDelta", kind="repeat_item"))
    assert [item["displayName"] for item in tracker.begin()] == ["Ann", "Bob", "Ann"]


def test_a_token_of_another_tenant_is_no_good(service: Sandbox, client: Client, tracker: Tracker) -> None:
    tracker.begin(LATEST)
    other = Tenant(str(uuid.uuid4()), "Other", (f"{uuid.uuid4()}.example",), "app", "secret", skus=(Sku.of("SPB"),))
    service.put_tenant(other)
    assert Tracker(client, other).get(tracker.link).status_code == 410


def test_a_crowd_is_read_and_tracked_like_any_users(service: Sandbox, client: Client, tenant: Tenant) -> None:
    service.patch_tenant(tenant.tenant_id, crowd=2_500, users=(ANN,))
    tracker = Tracker(client, tenant)
    everyone = tracker.begin("$select=displayName,assignedLicenses")
    assert len({item["id"] for item in everyone}) == 2_501
    assert sum("assignedLicenses" in item for item in everyone) == 20
    someone, gone = everyone[1_234]["id"], everyone[99]["id"]
    service.patch_user(tenant.tenant_id, someone, display_name="Known")
    service.remove_user(tenant.tenant_id, gone)
    assert [item.get("displayName") for item in tracker.follow()] == [None, "Known"]
    assert client.graph(client.token(tenant), f"users/{someone}").json()["displayName"] == "Known"
    assert client.graph(client.token(tenant), f"users/{gone}").status_code == 404
    assert len(service.users(tenant.tenant_id)) == 2_500


def test_a_round_can_be_endless(service: Sandbox, client: Client, tracker: Tracker) -> None:
    service.faults(tracker.tenant_id, Fault(on="usersDelta", kind="endless_pages"))
    pages = tracker.pages(f"{client.url}/v1.0/users/delta?$select=displayName")
    assert [len(next(pages)["value"]) for _ in range(5)] == [2] * 5


def test_the_next_round_can_lead_elsewhere(service: Sandbox, tracker: Tracker) -> None:
    service.faults(tracker.tenant_id, Fault(on="usersDelta", kind="foreign_delta_link", host="elsewhere.example"))
    tracker.begin(LATEST)
    assert tracker.link.startswith("https://elsewhere.example/v1.0/users/delta?$deltatoken=")
