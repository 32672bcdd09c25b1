"""Faults: what each kind does, where it strikes, and how often."""

from __future__ import annotations

import json
import time
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from sandbox import ControlError, Fault, Sandbox, Tenant
from sandbox.faults import KINDS, PLACES
from sandbox.routes import ROUTES
from tests.sandbox.client import Client


def skus_after(service: Sandbox, client: Client, tenant: Tenant, token: str, **fault: Any) -> requests.Response:
    """The answer to a request for the SKUs after this one fault has been set on them."""
    service.faults(tenant.tenant_id, {"on": "subscribedSkus", **fault})
    return client.graph(token, "subscribedSkus", allow_redirects=False)


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("throttle", 429, "TooManyRequests"),
        ("unavailable", 503, "serviceNotAvailable"),
        ("gateway_timeout", 504, "UnknownError"),
        ("server_error", 500, "generalException"),
        ("unauthorized", 401, "InvalidAuthenticationToken"),
        ("forbidden", 403, "Authorization_RequestDenied"),
    ],
)
def test_graph_fails_in_its_own_words(
    service: Sandbox, client: Client, tenant: Tenant, token: str, kind: str, status: int, code: str
) -> None:
    answer = skus_after(service, client, tenant, token, kind=kind)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code
    assert answer.json()["error"]["innerError"]["request-id"] == answer.headers["request-id"]
    assert "Retry-After" not in answer.headers


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("throttle", 429, 90055),
        ("unavailable", 503, 90033),
        ("server_error", 500, 50000),
        ("unauthorized", 401, 7000215),
        ("forbidden", 403, 53003),
    ],
)
@pytest.mark.parametrize("on", ["token", "openid"])
def test_entra_fails_in_its_own_words(
    service: Sandbox, client: Client, tenant: Tenant, on: str, kind: str, status: int, code: int
) -> None:
    service.faults(tenant.tenant_id, Fault(on=on, kind=kind, retry_after=7))
    answer = client.sign_in(tenant) if on == "token" else client.openid(tenant.tenant_id)
    assert answer.status_code == status
    assert answer.json()["error_codes"] == [code]
    assert answer.headers.get("Retry-After") == ("7" if status in (429, 503) else None)


def test_retry_after_is_in_seconds_or_a_date(service: Sandbox, client: Client, tenant: Tenant, token: str) -> None:
    seconds = skus_after(service, client, tenant, token, kind="throttle", retry_after=5)
    date = skus_after(service, client, tenant, token, kind="unavailable", retry_after=50, as_date=True)
    assert seconds.headers["Retry-After"] == "5"
    assert seconds.headers["x-ms-throttle-scope"].endswith(tenant.tenant_id)
    ahead = parsedate_to_datetime(date.headers["Retry-After"]).timestamp() - time.time()
    assert 45 < ahead <= 51


def test_a_fault_lets_requests_pass_and_ends(service: Sandbox, client: Client, tenant: Tenant, token: str) -> None:
    service.faults(tenant.tenant_id, Fault(on="subscribedSkus", kind="server_error", after=1, times=2))
    assert [client.graph(token, "subscribedSkus").status_code for _ in range(5)] == [200, 500, 500, 200, 200]


def test_faults_strike_in_their_order(service: Sandbox, client: Client, tenant: Tenant, token: str) -> None:
    service.faults(
        tenant.tenant_id,
        Fault(on="graph", kind="throttle", times=1),
        Fault(on="subscribedSkus", kind="unavailable", times=1),
    )
    assert [client.graph(token, "subscribedSkus").status_code for _ in range(3)] == [429, 503, 200]


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ("token", [200, 503, 200, 200]),
        ("openid", [503, 200, 200, 200]),
        ("login", [503, 503, 200, 200]),
        ("organization", [200, 200, 503, 200]),
        ("subscribedSkus", [200, 200, 200, 503]),
        ("graph", [200, 200, 503, 503]),
        ("any", [503, 503, 503, 503]),
    ],
)
def test_a_fault_strikes_only_where_it_is_set(
    service: Sandbox, client: Client, tenant: Tenant, token: str, on: str, expected: list[int]
) -> None:
    service.faults(tenant.tenant_id, Fault(on=on, kind="unavailable"))
    answers = [
        client.openid(tenant.tenant_id),
        client.sign_in(tenant),
        client.graph(token, "organization"),
        client.graph(token, "subscribedSkus"),
    ]
    assert [answer.status_code for answer in answers] == expected


def test_a_fault_of_one_tenant_is_no_other_tenants(service: Sandbox, client: Client, tenant: Tenant) -> None:
    other = next(known for known in service.tenants() if known.tenant_id != tenant.tenant_id)
    service.faults(tenant.tenant_id, Fault(on="any", kind="throttle"))
    assert client.openid(other.tenant_id).status_code == 200


def test_faults_of_a_tenant_hold_from_its_start_and_can_be_taken_away(
    service: Sandbox, client: Client, tenant: Tenant, token: str
) -> None:
    service.patch_tenant(tenant.tenant_id, faults=[Fault(on="graph", kind="forbidden")])
    assert client.graph(token, "organization").status_code == 403
    service.faults(tenant.tenant_id)
    assert client.graph(token, "organization").status_code == 200


def test_a_page_comes_instead_of_json(service: Sandbox, client: Client, tenant: Tenant, token: str) -> None:
    answer = skus_after(service, client, tenant, token, kind="not_json")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")


def test_json_is_cut_off(service: Sandbox, client: Client, tenant: Tenant, token: str) -> None:
    answer = skus_after(service, client, tenant, token, kind="bad_json")
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.content)


def test_json_has_another_shape(service: Sandbox, client: Client, tenant: Tenant, token: str) -> None:
    assert skus_after(service, client, tenant, token, kind="wrong_shape").json() == {"value": "no"}


def test_one_item_is_wrong_and_the_others_are_right(
    service: Sandbox, client: Client, tenant: Tenant, token: str
) -> None:
    bad, good, _ = skus_after(service, client, tenant, token, kind="wrong_item").json()["value"]
    assert "skuId" not in bad
    assert bad["consumedUnits"] == "20 units"
    assert bad["prepaidUnits"]["enabled"] == "25 units"
    assert good["consumedUnits"] == 4


def test_a_token_answer_can_be_without_its_token(service: Sandbox, client: Client, tenant: Tenant) -> None:
    service.faults(tenant.tenant_id, Fault(on="token", kind="wrong_item"))
    assert "access_token" not in client.sign_in(tenant).json()


def test_a_slow_answer_is_a_right_one(service: Sandbox, client: Client, tenant: Tenant, token: str) -> None:
    begun = time.monotonic()
    answer = skus_after(service, client, tenant, token, kind="slow", seconds=0.4)
    assert time.monotonic() - begun >= 0.4
    assert len(answer.json()["value"]) == 3


def test_a_slow_tenant_holds_up_no_other(service: Sandbox, client: Client, tenant: Tenant, token: str) -> None:
    service.faults(tenant.tenant_id, Fault(on="subscribedSkus", kind="slow", seconds=60))
    with pytest.raises(requests.ReadTimeout):
        client.graph(token, "subscribedSkus", timeout=(10, 0.2))
    assert client.graph(token, "organization").status_code == 200


def test_a_dropped_connection_brings_no_answer(service: Sandbox, client: Client, tenant: Tenant, token: str) -> None:
    with pytest.raises(requests.ConnectionError):
        skus_after(service, client, tenant, token, kind="drop")
    assert service.requests(tenant.tenant_id)["requests"][-1]["status"] is None


def test_a_body_stalls_halfway(service: Sandbox, client: Client, tenant: Tenant, token: str) -> None:
    service.faults(tenant.tenant_id, Fault(on="subscribedSkus", kind="hang_body", seconds=60))
    with client.graph(token, "subscribedSkus", stream=True, timeout=2) as answer:
        assert answer.status_code == 200
        announced = int(answer.headers["Content-Length"])
        assert len(answer.raw.read(announced // 2)) == announced // 2
        with pytest.raises(requests.ConnectionError):
            _ = answer.content


def test_a_stalled_body_ends_without_the_rest(service: Sandbox, client: Client, tenant: Tenant, token: str) -> None:
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        skus_after(service, client, tenant, token, kind="hang_body", seconds=0)


def test_a_huge_body_is_as_big_as_told_and_well_formed(
    service: Sandbox, client: Client, tenant: Tenant, token: str
) -> None:
    answer = skus_after(service, client, tenant, token, kind="huge", megabytes=3)
    assert "Content-Length" not in answer.headers
    assert 2_900_000 < len(answer.content) < 3_500_000
    assert isinstance(answer.json()["value"], list)


def test_pages_never_end(service: Sandbox, client: Client, tenant: Tenant, token: str) -> None:
    answer = skus_after(service, client, tenant, token, kind="endless_pages")
    links = set()
    for _ in range(5):
        link = answer.json()["@odata.nextLink"]
        assert len(answer.json()["value"]) == 3
        links.add(link)
        answer = client.session.get(link, headers={"Authorization": f"Bearer {token}"}, timeout=10)
    assert len(links) == 5


def test_the_next_link_leads_elsewhere(service: Sandbox, client: Client, tenant: Tenant, token: str) -> None:
    answer = skus_after(service, client, tenant, token, kind="foreign_next_link", host="elsewhere.example")
    assert answer.json()["@odata.nextLink"].startswith("https://elsewhere.example/v1.0/subscribedSkus?$skiptoken=")


def test_a_redirect_leads_elsewhere(service: Sandbox, client: Client, tenant: Tenant, token: str) -> None:
    answer = skus_after(service, client, tenant, token, kind="redirect", host="elsewhere.example")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "https://elsewhere.example/v1.0/subscribedSkus"


def test_a_fault_can_be_set_on_every_route() -> None:
    assert {route.name for route in ROUTES} <= set(PLACES)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"on": "any", "kind": "earthquake"}, "kind 'earthquake' is none of"),
        ({"on": "user", "kind": "slow"}, "on 'user' is none of"),
        ({"on": "any", "kind": "slow", "seconds": -1}, "cannot be negative"),
        ({"on": "any", "kind": "throttle", "as_date": True}, "as_date needs retry_after"),
        ({"on": "any", "kind": "throttle", "times": "twice"}, "faults[0].times: expected a whole number"),
        ({"kind": "throttle"}, "field 'on' is missing"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_with_the_reason(
    service: Sandbox, tenant: Tenant, fault: dict[str, object], reason: str
) -> None:
    with pytest.raises(ControlError) as refused:
        service.faults(tenant.tenant_id, fault)
    assert reason in str(refused.value)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("drop", "hang_body")])
@pytest.mark.parametrize("on", ["openid", "token", "organization", "subscribedSkus"])
def test_every_kind_works_everywhere(
    service: Sandbox, client: Client, tenant: Tenant, token: str, on: str, kind: str
) -> None:
    service.faults(tenant.tenant_id, Fault(on=on, kind=kind, retry_after=0, seconds=0, megabytes=0))
    ask = {
        "openid": lambda: client.session.get(
            f"{client.url}/{tenant.tenant_id}/v2.0/.well-known/openid-configuration", allow_redirects=False, timeout=10
        ),
        "token": lambda: client.session.post(
            f"{client.url}/{tenant.tenant_id}/oauth2/v2.0/token",
            {
                "grant_type": "client_credentials",
                "client_id": tenant.client_id,
                "client_secret": tenant.secret,
                "scope": "https://graph.microsoft.com/.default",
            },
            allow_redirects=False,
            timeout=10,
        ),
        "organization": lambda: client.graph(token, "organization", allow_redirects=False),
        "subscribedSkus": lambda: client.graph(token, "subscribedSkus", allow_redirects=False),
    }
    assert ask[on]().status_code in (200, 302, 400, 401, 403, 404, 429, 500, 501, 503, 504)
