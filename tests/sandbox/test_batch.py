"""$batch: several requests in one, each answered as if it had come by itself."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
import requests

from sandbox import Fault, Sandbox, Tenant
from sandbox.journal import GRACE_SECONDS
from tests.sandbox.client import Client
from tests.support.waiting import eventually


def asked(*urls: str, **more: Any) -> list[dict[str, Any]]:
    """GET requests with the ids 0, 1, …"""
    return [{"id": str(place), "method": "GET", "url": url, **more} for place, url in enumerate(urls)]


def post(client: Client, token: str, payload: Any, **options: Any) -> requests.Response:
    return client.graph(token, "$batch", "POST", json=payload, allow_redirects=False, **options)


def answers(client: Client, token: str, *items: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The answers in a batch by their ids."""
    answer = post(client, token, {"requests": list(items)})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    return {item["id"]: item for item in answer.json()["responses"]}


def test_each_request_gets_the_answer_that_it_would_get_alone(client: Client, tenant: Tenant, token: str) -> None:
    paths = ["subscribedSkus", "/organization?$select=id,displayName", "users?$top=5&$select=id", "/nothing", "users/x"]
    found = answers(client, token, *asked(*paths))
    for place, path in enumerate(paths):
        alone = client.graph(token, path.lstrip("/"))
        inside = found[str(place)]
        assert inside["status"] == alone.status_code
        assert inside["headers"]["Content-Type"] == alone.headers["Content-Type"]
        if alone.ok:
            assert inside["body"] == alone.json()
        else:
            assert inside["body"]["error"]["code"] == alone.json()["error"]["code"]


def test_each_answer_has_a_request_id_of_its_own(client: Client, token: str) -> None:
    answer = post(client, token, {"requests": asked("organization", "subscribedSkus")})
    ids = {item["headers"]["request-id"] for item in answer.json()["responses"]}
    assert len(ids | {answer.headers["request-id"]}) == 3


@pytest.mark.parametrize("count", [2, 3, 20])
def test_the_answers_come_in_another_order_which_is_always_the_same(client: Client, token: str, count: int) -> None:
    batch = {"requests": asked(*["organization"] * count)}
    first, second = ([item["id"] for item in post(client, token, batch).json()["responses"]] for _ in range(2))
    assert first == second != [item["id"] for item in batch["requests"]]
    assert sorted(first) == sorted(item["id"] for item in batch["requests"])


@pytest.mark.parametrize(
    "payload",
    [
        b"{",
        b"[]",
        b"{}",
        b'{"requests": []}',
        b'{"requests": {}}',
        b'{"requests": [1]}',
        b'{"requests": [{"id": "1", "method": "GET"}]}',
        b'{"requests": [{"id": 1, "method": "GET", "url": "/users"}]}',
        b'{"requests": [{"method": "GET", "url": "/users"}]}',
        b'{"requests": [{"id": "a", "method": "GET", "url": "/x"}, {"id": "A", "method": "GET", "url": "/x"}]}',
        b'{"requests": [{"id": "1", "method": "GET", "url": "/users", "dependsOn": ["2"]}]}',
        b'{"requests": [{"id": "1", "method": "POST", "url": "/users", "body": {}}]}',
        json.dumps({"requests": asked(*["/organization"] * 21)}).encode(),
    ],
)
def test_a_malformed_batch_is_refused_as_a_whole(client: Client, token: str, payload: bytes) -> None:
    answer = client.graph(token, "$batch", "POST", data=payload, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "BadRequest"


def test_a_batch_is_posted_with_a_token(client: Client, token: str) -> None:
    assert client.graph(token, "$batch").status_code == 405
    assert post(client, "x.y.z", {"requests": asked("organization")}).status_code == 401


def test_what_depends_on_a_failure_fails_and_what_depends_on_a_success_does_not(client: Client, token: str) -> None:
    good, bad, after_good, after_bad, last = asked("organization", "users/nobody", *["organization"] * 3)
    after_good["dependsOn"], after_bad["dependsOn"], last["dependsOn"] = ["0"], ["1", "0"], ["3"]
    found = answers(client, token, last, after_bad, after_good, good, bad)
    assert [found[str(place)]["status"] for place in range(5)] == [200, 404, 200, 424, 424]


def test_permissions_hold_for_each_request(service: Sandbox, client: Client, tenant: Tenant) -> None:
    service.patch_tenant(tenant.tenant_id, permissions=("Organization.Read.All",))
    found = answers(client, client.token(tenant), *asked("users", "organization", "users/delta"))
    assert [found[str(place)]["status"] for place in range(3)] == [403, 200, 403]


def test_a_fault_on_an_endpoint_strikes_inside_the_batch_only_there(
    service: Sandbox, client: Client, tenant: Tenant, token: str
) -> None:
    service.faults(tenant.tenant_id, Fault(on="users", kind="throttle", retry_after=7, times=1))
    found = answers(client, token, *asked("subscribedSkus", "users"))
    assert found["0"]["status"] == 200
    assert (found["1"]["status"], found["1"]["headers"]["Retry-After"]) == (429, "7")


@pytest.mark.parametrize(
    ("kind", "status"),
    [("throttle", 429), ("not_found", 404), ("not_supported", 501), ("bad_request", 400), ("unavailable", 503)],
)
def test_a_fault_on_the_batch_strikes_all_of_it(
    service: Sandbox, client: Client, tenant: Tenant, token: str, kind: str, status: int
) -> None:
    service.faults(tenant.tenant_id, Fault(on="batch", kind=kind))
    assert post(client, token, {"requests": asked("organization")}).status_code == status
    assert client.graph(token, "organization").status_code == 200


def test_the_whole_answer_can_be_lost_or_garbage(service: Sandbox, client: Client, tenant: Tenant, token: str) -> None:
    service.faults(
        tenant.tenant_id, Fault(on="batch", kind="drop", times=1), Fault(on="batch", kind="bad_json", times=1)
    )
    with pytest.raises(requests.ConnectionError):
        post(client, token, {"requests": asked("organization")})
    with pytest.raises(requests.JSONDecodeError):
        post(client, token, {"requests": asked("organization")}).json()


def test_one_answer_can_be_missing(service: Sandbox, client: Client, tenant: Tenant, token: str) -> None:
    service.faults(tenant.tenant_id, Fault(on="batch", kind="missing_answer", times=1))
    assert len(answers(client, token, *asked("organization", "subscribedSkus", "users"))) == 2


def test_bodies_can_come_as_base64(service: Sandbox, client: Client, tenant: Tenant, token: str) -> None:
    service.faults(tenant.tenant_id, Fault(on="batch", kind="base64_bodies"))
    body = answers(client, token, *asked("organization"))["0"]["body"]
    assert json.loads(base64.b64decode(body))["value"][0]["id"] == tenant.tenant_id


@pytest.mark.parametrize(("kind", "status"), [("not_json", 200), ("bad_json", 200), ("drop", 504), ("hang_body", 504)])
def test_what_breaks_inside_leaves_the_rest_readable(
    service: Sandbox, client: Client, tenant: Tenant, token: str, kind: str, status: int
) -> None:
    service.faults(tenant.tenant_id, Fault(on="users", kind=kind, seconds=0))
    found = answers(client, token, *asked("users", "organization"))
    assert found["0"]["status"] == status
    assert isinstance(found["0"]["body"], str if status == 200 else dict)
    assert found["1"]["body"]["value"][0]["id"] == tenant.tenant_id


def test_something_huge_inside_is_streamed(service: Sandbox, client: Client, tenant: Tenant, token: str) -> None:
    service.faults(tenant.tenant_id, Fault(on="users", kind="huge", megabytes=3))
    answer = post(client, token, {"requests": asked("users", "organization")})
    assert len(answer.content) > 2_900_000
    found = {item["id"]: item["body"] for item in answer.json()["responses"]}
    assert found["1"]["value"][0]["id"] == tenant.tenant_id


def test_links_lead_on_outside_the_batch(service: Sandbox, client: Client, tenant: Tenant, token: str) -> None:
    service.faults(tenant.tenant_id, Fault(on="subscribedSkus", kind="endless_pages"))
    link = answers(client, token, *asked("subscribedSkus"))["0"]["body"]["@odata.nextLink"]
    assert client.session.get(link, headers={"Authorization": f"Bearer {token}"}, timeout=10).status_code == 200


def test_a_batch_is_one_request_and_what_is_in_it_is_recorded_too(
    service: Sandbox, client: Client, tenant: Tenant, token: str
) -> None:
    service.reset_requests(tenant.tenant_id)
    answers(client, token, *asked("organization", "/users?$select=id"))
    record = service.requests(tenant.tenant_id)
    assert (record["total"], record["inner"]) == (1, 2)
    assert [(item["route"], item["in_batch"]) for item in record["requests"]] == [
        ("organization", True),
        ("users", True),
        ("batch", False),
    ]
    assert {item["path"] for item in record["counts"]} == {"/v1.0/organization", "/v1.0/users", "/v1.0/$batch"}


def test_an_early_batch_is_early_once(service: Sandbox, client: Client, tenant: Tenant, token: str) -> None:
    service.faults(tenant.tenant_id, Fault(on="users", kind="throttle", retry_after=60, times=1))
    service.reset_requests(tenant.tenant_id)
    answers(client, token, *asked("users", "organization"))
    assert service.requests(tenant.tenant_id)["early"] == 0
    answers(client, token, *asked("users", "organization"))
    assert service.requests(tenant.tenant_id)["early"] == 1


@pytest.mark.parametrize("kind", ["missing_answer", "bad_json", "wrong_item"])
def test_who_was_not_told_to_wait_is_not_early(
    service: Sandbox, client: Client, tenant: Tenant, token: str, kind: str
) -> None:
    service.faults(
        tenant.tenant_id,
        Fault(on="users", kind="throttle", retry_after=60, times=1),
        Fault(on="batch", kind=kind, times=1),
    )
    service.reset_requests(tenant.tenant_id)
    post(client, token, {"requests": asked("users")})
    assert client.graph(token, "users").status_code == 200
    assert service.requests(tenant.tenant_id)["early"] == 0


def test_who_had_left_before_the_answer_came_was_not_told_to_wait(
    service: Sandbox, client: Client, tenant: Tenant, token: str
) -> None:
    service.faults(
        tenant.tenant_id,
        Fault(on="users", kind="throttle", retry_after=60, times=1),
        Fault(on="batch", kind="slow", seconds=2, times=1),
    )
    service.reset_requests(tenant.tenant_id)
    with pytest.raises(requests.Timeout):
        post(client, token, {"requests": asked("users")}, timeout=(10, 0.1))
    eventually(lambda: service.requests(tenant.tenant_id)["total"] == 1)
    time.sleep(GRACE_SECONDS + 0.05)
    assert client.graph(token, "users").status_code == 200
    assert service.requests(tenant.tenant_id)["early"] == 0


def test_a_batch_in_a_batch_is_refused(client: Client, token: str) -> None:
    inner = {"id": "1", "method": "POST", "url": "/$batch", "headers": {"Content-Type": "application/json"}}
    assert answers(client, token, {**inner, "body": {"requests": asked("organization")}})["1"]["status"] == 400


def test_what_is_slow_in_a_batch_is_slow_at_the_same_time(
    service: Sandbox, client: Client, tenant: Tenant, token: str
) -> None:
    service.faults(tenant.tenant_id, Fault(on="organization", kind="slow", seconds=2))
    begun = time.monotonic()
    answers(client, token, *asked(*["organization"] * 10))
    # One after another they would take twenty.
    assert 2 <= time.monotonic() - begun < 18
