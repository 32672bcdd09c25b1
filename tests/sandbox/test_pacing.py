"""What Graph allows an app, and whether the app waits as it is told."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace

import pytest
import requests

from sandbox import ControlError, Fault, Sandbox, Tenant, generate
from sandbox.journal import GRACE_SECONDS, Journal
from sandbox.pace import Limits, Pace, cost_of
from tests.sandbox.client import Client


@pytest.fixture
def sister(service: Sandbox, tenant: Tenant) -> Tenant:
    """Another tenant that has the same app."""
    name = f"{uuid.uuid4()}.example"
    made = replace(generate(31_000, 1)[0], tenant_id=str(uuid.uuid4()), domains=(name,), client_id=tenant.client_id)
    service.put_tenant(made)
    return made


def test_an_app_that_is_throttled_is_so_in_all_its_tenants(
    service: Sandbox, client: Client, tenant: Tenant, sister: Tenant, token: str
) -> None:
    service.faults(tenant.tenant_id, Fault(on="organization", kind="throttle_app", retry_after=60, times=1))
    answers = [
        client.graph(client.token(sister), "organization"),
        client.graph(token, "organization"),
        client.graph(client.token(sister), "organization"),
    ]
    assert [answer.status_code for answer in answers] == [200, 429, 429]
    for answer in answers[1:]:
        assert answer.headers["x-ms-throttle-scope"].startswith(f"Application/ReadWrite/{tenant.client_id}/")
        assert 30 <= int(answer.headers["Retry-After"]) <= 60
    service.throttle_app(tenant.client_id, 0)
    assert client.graph(client.token(sister), "organization").status_code == 200


def test_one_tenants_throttling_is_not_its_apps(
    service: Sandbox, client: Client, tenant: Tenant, sister: Tenant, token: str
) -> None:
    service.faults(tenant.tenant_id, Fault(on="organization", kind="throttle", retry_after=60, times=1))
    assert client.graph(token, "organization").headers["x-ms-throttle-scope"].startswith("Tenant_Application/")
    assert client.graph(client.token(sister), "organization").status_code == 200
    assert service.requests(sister.tenant_id)["early"] == 0


def test_whoever_asks_for_a_throttled_app_is_early_after_the_grace(
    service: Sandbox, client: Client, tenant: Tenant, sister: Tenant, token: str
) -> None:
    service.throttle_app(tenant.client_id, 60, as_date=True)
    assert client.graph(token, "organization").headers["Retry-After"].endswith("GMT")
    time.sleep(GRACE_SECONDS + 0.05)
    client.graph(client.token(sister), "organization")
    assert service.requests(tenant.tenant_id)["early"] == 0
    assert service.requests(sister.tenant_id)["early"] == 1


def test_a_request_under_way_is_not_early_and_one_over_the_same_connection_is() -> None:
    journal = Journal(latency=0.1)
    journal.pause("tenant", "one", told=100.0, until=110.0)
    grace = GRACE_SECONDS + 0.1
    assert not journal.is_early("tenant", "other", 100.0 + grace)
    assert journal.is_early("tenant", "other", 100.1 + grace)
    assert journal.is_early("tenant", "one", 100.01)
    assert not journal.is_early("tenant", "one", 99.9)
    assert not journal.is_early("tenant", "one", 110.0)
    assert not journal.is_early("another", "one", 105.0)


def test_limits_hold_for_ten_seconds_in_a_tenant_and_in_all() -> None:
    pace = Pace()
    pace.limit(Limits(app=5, tenant=3))
    assert pace.refusal("app", "a", 3, now=101.0) is None
    refused = pace.refusal("app", "a", 1, now=102.0)
    assert refused is not None
    assert (refused.scope, refused.until) == ("tenant", 110.0)
    assert pace.refusal("app", "b", 2, now=103.0) is None
    refused = pace.refusal("app", "c", 1, now=104.0)
    assert refused is not None
    assert refused.scope == "app"
    assert pace.refusal("other", "c", 1, now=104.0) is None
    assert pace.refusal("app", "a", 3, now=110.0) is None


@pytest.mark.parametrize(
    ("route", "selects", "cost"),
    [("subscribedSkus", False, 3), ("users", True, 1), ("organization", True, 1), ("batch", False, 0)],
)
def test_requests_cost_what_the_page_on_limits_says(route: str, selects: bool, cost: int) -> None:
    assert cost_of(route, selects) == cost


def test_each_request_of_a_batch_counts_towards_the_limits(client: Client, service: Sandbox, tenant: Tenant) -> None:
    token = client.token(tenant)
    batch = {"requests": [{"id": str(place), "method": "GET", "url": "/organization"} for place in range(6)]}
    service.limits(tenant=2)
    try:
        answer = client.graph(token, "$batch", "POST", json=batch).json()["responses"]
    finally:
        service.limits()
    throttled = [item for item in answer if item["status"] == 429]
    # A window may end in between, also after one of them, or before the last.
    assert len(throttled) in (2, 3, 4)
    assert all(0 <= int(item["headers"]["Retry-After"]) <= 10 for item in throttled)


def test_requests_are_counted_by_endpoint(service: Sandbox, client: Client, tenant: Tenant, token: str) -> None:
    service.reset_counts()
    batch = {"requests": [{"id": str(place), "method": "GET", "url": "/users/none"} for place in range(3)]}
    client.graph(token, "organization")
    client.graph(token, "$batch", "POST", json=batch)
    service.faults(tenant.tenant_id, Fault(on="organization", kind="drop"))
    with pytest.raises(requests.ConnectionError):
        client.graph(token, "organization")
    counts = service.counts()
    assert (counts["http"], counts["inner"], counts["early"]) == (3, 3, 0)
    assert {(row["endpoint"], row["status"], row["in_batch"]): row["count"] for row in counts["counts"]} == {
        ("organization", 200, False): 1,
        ("organization", None, False): 1,
        ("batch", 200, False): 1,
        ("users", 404, True): 3,
    }
    service.reset_counts()
    assert service.counts()["http"] == 0


def test_what_makes_no_sense_is_refused_with_the_reason(service: Sandbox, tenant: Tenant) -> None:
    with pytest.raises(ControlError, match="cannot be negative"):
        service.limits(app=-1)
    with pytest.raises(ControlError, match="There is no user nobody"):
        service.user(tenant.tenant_id, "nobody")
    with pytest.raises(ValueError, match="throttle_app needs retry_after"):
        Fault(on="any", kind="throttle_app")
