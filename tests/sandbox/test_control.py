"""The control API: tenants change while it runs, and requests are recorded."""

from __future__ import annotations

import time
from dataclasses import replace
from email.utils import parsedate_to_datetime

import pytest
import requests

from sandbox import ControlError, Fault, Sandbox, Sku, Tenant, generate
from tests.sandbox.client import Client


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
def test_control_needs_its_token(client: Client, headers: dict[str, str]) -> None:
    answer = client.session.get(f"{client.url}/_sandbox/tenants", headers=headers, timeout=10)
    assert answer.status_code == 401
    assert "control token" in answer.json()["error"]


def test_a_graph_token_opens_no_control(client: Client, token: str) -> None:
    answer = client.session.get(
        f"{client.url}/_sandbox/requests", headers={"Authorization": f"Bearer {token}"}, timeout=10
    )
    assert answer.status_code == 401


def test_a_tenant_comes_back_as_it_was_put(service: Sandbox, tenant: Tenant) -> None:
    assert service.tenant(tenant.tenant_id) == tenant
    assert tenant in service.tenants()


def test_a_tenant_can_be_replaced(service: Sandbox, client: Client, tenant: Tenant, token: str) -> None:
    service.put_tenant(replace(tenant, display_name="Renamed & Co", domains=("renamed.onmicrosoft.com",)))
    assert client.graph(token, "organization").json()["value"][0]["displayName"] == "Renamed & Co"
    assert client.openid("renamed.onmicrosoft.com").status_code == 200
    assert client.openid(tenant.domains[0]).status_code == 400


def test_seats_can_change(service: Sandbox, client: Client, tenant: Tenant, token: str) -> None:
    service.patch_tenant(tenant.tenant_id, skus=[Sku.of("SPE_E3", 30, 29)])
    (sku,) = client.graph(token, "subscribedSkus").json()["value"]
    assert (sku["prepaidUnits"]["enabled"], sku["consumedUnits"]) == (30, 29)


def test_a_new_secret_replaces_the_old_one(service: Sandbox, client: Client, tenant: Tenant) -> None:
    changed = service.patch_tenant(tenant.tenant_id, secret="rotated")
    assert client.sign_in(tenant).json()["error_codes"] == [7000215]
    assert client.sign_in(changed).status_code == 200


def test_a_patch_keeps_the_counts_of_faults(service: Sandbox, client: Client, tenant: Tenant, token: str) -> None:
    service.faults(tenant.tenant_id, Fault(on="graph", kind="server_error", times=1))
    client.graph(token, "organization")
    service.patch_tenant(tenant.tenant_id, display_name="Other")
    assert client.graph(token, "organization").status_code == 200


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"colour": "red"}, "unknown field 'colour'"),
        ({"display_name": 5}, "tenant.display_name: expected text"),
        ({"page_size": True}, "tenant.page_size: expected a whole number"),
        ({"page_size": -1}, "page_size cannot be negative"),
        ({"skus": "many"}, "tenant.skus: expected a list"),
        ({"skus": [{"sku_id": "x"}]}, "tenant.skus[0]: field 'part_number' is missing"),
        ({"skus": [{"sku_id": "x", "part_number": "X", "capability_status": "Odd"}]}, "capability_status is one of"),
        ({"faults": [{"on": "any", "kind": "earthquake"}]}, "tenant.faults[0]: kind 'earthquake' is none of"),
        ({"domains": []}, "domains needs at least"),
        ({"domains": ["contoso.onmicrosoft.com"]}, "belongs to the tenant 84841066"),
        ({"tenant_id": "00000000-0000-0000-0000-000000000001"}, "tenant_id cannot change"),
    ],
)
def test_a_wrong_change_is_refused_with_the_reason_and_changes_nothing(
    service: Sandbox, tenant: Tenant, changes: dict[str, object], reason: str
) -> None:
    with pytest.raises(ControlError) as refused:
        service.patch_tenant(tenant.tenant_id, **changes)
    assert reason in str(refused.value)
    assert service.tenant(tenant.tenant_id) == tenant


def test_what_is_not_there_is_said_to_be_missing(service: Sandbox) -> None:
    missing = generate(777, 1)[0].tenant_id
    with pytest.raises(ControlError, match="There is no tenant"):
        service.tenant(missing)
    with pytest.raises(ControlError, match="There is no tenant"):
        service.faults(missing)


def test_requests_are_counted_by_path_and_status(service: Sandbox, client: Client, tenant: Tenant, token: str) -> None:
    service.reset_requests(tenant.tenant_id)
    service.faults(tenant.tenant_id, Fault(on="subscribedSkus", kind="unavailable", times=1))
    for path in ("subscribedSkus", "subscribedSkus?$select=skuId", "organization"):
        client.graph(token, path)

    record = service.requests(tenant.domains[0])

    assert record["total"] == 3
    assert {(item["path"], item["status"]): item["count"] for item in record["counts"]} == {
        ("/v1.0/subscribedSkus", 503): 1,
        ("/v1.0/subscribedSkus", 200): 1,
        ("/v1.0/organization", 200): 1,
    }
    second = record["requests"][1]
    assert (second["route"], second["method"], second["query"]) == ("subscribedSkus", "GET", "$select=skuId")
    assert second["tenant"] == tenant.tenant_id


def test_resetting_one_tenants_requests_keeps_the_others(service: Sandbox, client: Client, tenant: Tenant) -> None:
    other = replace(generate(778, 1)[0], domains=("reset.onmicrosoft.com",))
    service.put_tenant(other)
    client.openid(tenant.tenant_id)
    client.openid(other.tenant_id)
    service.reset_requests(tenant.tenant_id)
    assert service.requests(tenant.tenant_id)["total"] == 0
    assert service.requests(other.tenant_id)["total"] == 1


def wait_as_told(answer: requests.Response) -> None:
    told = answer.headers["Retry-After"]
    until = time.time() + int(told) if told.isdigit() else parsedate_to_datetime(told).timestamp()
    time.sleep(max(0.0, until - time.time()) + 0.01)


@pytest.mark.parametrize("as_date", [False, True])
def test_a_request_before_retry_after_has_passed_is_early_and_one_after_it_is_not(
    service: Sandbox, client: Client, tenant: Tenant, token: str, as_date: bool
) -> None:
    service.faults(
        tenant.tenant_id, Fault(on="subscribedSkus", kind="throttle", times=1, retry_after=4, as_date=as_date)
    )
    service.reset_requests(tenant.tenant_id)

    throttled = client.graph(token, "subscribedSkus")
    client.graph(token, "organization")
    wait_as_told(throttled)
    client.graph(token, "subscribedSkus")

    record = service.requests(tenant.tenant_id)
    assert [item["early"] for item in record["requests"]] == [False, True, False]
    assert record["early"] == 1


def test_waiting_for_graph_does_not_make_a_token_request_early(
    service: Sandbox, client: Client, tenant: Tenant, token: str
) -> None:
    service.faults(tenant.tenant_id, Fault(on="subscribedSkus", kind="throttle", times=1, retry_after=60))
    client.graph(token, "subscribedSkus")
    client.sign_in(tenant)
    assert service.requests(tenant.tenant_id)["early"] == 0
