"""Graph: the documented answers to the letter, $select, pages, headers and errors."""

from __future__ import annotations

import ssl
import uuid
from contextlib import closing
from http.client import HTTPSConnection
from urllib.parse import urlsplit

import jwt
import pytest
import requests

from sandbox import Sandbox, Tenant, documented_tenant
from tests.sandbox.client import Client


def assert_graph_error(answer: requests.Response, status: int, code: str, message: str = "") -> None:
    error = answer.json()["error"]
    assert answer.status_code == status
    assert error["code"] == code
    assert message in error["message"]
    assert error["innerError"]["request-id"] == answer.headers["request-id"]
    assert error["innerError"]["client-request-id"] == answer.headers["client-request-id"]
    assert "T" in error["innerError"]["date"]


def test_subscribed_skus_of_the_documented_tenant_are_those_of_the_reference_page(client: Client) -> None:
    answer = client.graph(client.token(documented_tenant()), "subscribedSkus")
    assert answer.json() == {
        "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#subscribedSkus",
        "value": [
            {
                "accountName": "Sample account One",
                "accountId": "f97aeefc-af85-414d-8ae4-b457f90efc40",
                "appliesTo": "User",
                "capabilityStatus": "Enabled",
                "consumedUnits": 14,
                "id": "48a80680-7326-48cd-9935-b556b81d3a4e_c7df2760-2c81-4ef7-b578-5b5392b571df",
                "prepaidUnits": {"enabled": 25, "lockedOut": 0, "suspended": 0, "warning": 0},
                "servicePlans": [
                    {
                        "servicePlanId": "8c098270-9dd4-4350-9b30-ba4703f3b36b",
                        "servicePlanName": "ADALLOM_S_O365",
                        "provisioningStatus": "Success",
                        "appliesTo": "Company",
                    }
                ],
                "skuId": "c7df2760-2c81-4ef7-b578-5b5392b571df",
                "skuPartNumber": "ENTERPRISEPREMIUM",
                "subscriptionIds": ["43d26afe-cb98-48b9-acc4-ae3ef2ac6c51"],
            },
            {
                "accountName": "Sample account Two",
                "accountId": "ee045480-0260-4c1e-b946-55842502229c",
                "appliesTo": "User",
                "capabilityStatus": "Suspended",
                "consumedUnits": 14,
                "id": "48a80680-7326-48cd-9935-b556b81d3a4e_d17b27af-3f49-4822-99f9-56a661538792",
                "prepaidUnits": {"enabled": 0, "lockedOut": 0, "suspended": 25, "warning": 0},
                "servicePlans": [
                    {
                        "servicePlanId": "f9646fb2-e3b2-4309-95de-dc4833737456",
                        "servicePlanName": "CRMSTANDARD",
                        "provisioningStatus": "Disabled",
                        "appliesTo": "User",
                    }
                ],
                "skuId": "d17b27af-3f49-4822-99f9-56a661538792",
                "skuPartNumber": "CRMSTANDARD",
                "subscriptionIds": ["15c301e0-c769-4f12-bab1-1e8519a7a6f1"],
            },
        ],
    }


def test_organization_of_the_documented_tenant_is_that_of_the_reference_page(client: Client) -> None:
    body = client.graph(client.token(documented_tenant()), "organization").json()
    organization = body["value"][0]
    assert body["@odata.context"] == "https://graph.microsoft.com/v1.0/$metadata#organization"
    assert len(body["value"]) == 1
    assert organization["id"] == "84841066-274d-4ec0-a5c1-276be684bdd3"
    assert organization["displayName"] == "Contoso"
    assert organization["countryLetterCode"] == "NL"
    assert organization["partnerTenantType"] == "ResellerPartnerDelegatedAdmin"
    assert organization["directorySizeQuota"] == {"used": 698, "total": 50000}
    assert organization["verifiedDomains"] == [
        {
            "capabilities": "Email, OfficeCommunicationsOnline",
            "isDefault": True,
            "isInitial": True,
            "name": "Contoso.onmicrosoft.com",
            "type": "Managed",
        }
    ]
    assert list(organization) == [
        "id",
        "deletedDateTime",
        "businessPhones",
        "city",
        "country",
        "countryLetterCode",
        "createdDateTime",
        "defaultUsageLocation",
        "displayName",
        "isMultipleDataLocationsForServicesEnabled",
        "marketingNotificationEmails",
        "onPremisesLastSyncDateTime",
        "onPremisesSyncEnabled",
        "partnerTenantType",
        "postalCode",
        "preferredLanguage",
        "securityComplianceNotificationMails",
        "securityComplianceNotificationPhones",
        "state",
        "street",
        "technicalNotificationMails",
        "tenantType",
        "directorySizeQuota",
        "assignedPlans",
        "privacyProfile",
        "provisionedPlans",
        "verifiedDomains",
    ]


def test_a_sku_and_an_organization_can_be_got_by_id(client: Client, tenant: Tenant, token: str) -> None:
    first = client.graph(token, "subscribedSkus").json()["value"][0]
    sku = client.graph(token, f"subscribedSkus/{first['id']}").json()
    organization = client.graph(token, f"organization/{tenant.tenant_id}").json()
    assert sku == {"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#subscribedSkus/$entity", **first}
    assert organization["displayName"] == tenant.display_name


def test_select_cuts_resources_down(client: Client, tenant: Tenant, token: str) -> None:
    skus = client.graph(token, "subscribedSkus", params={"$select": "skuId,consumedUnits"}).json()
    organization = client.graph(token, "organization?$select=displayname").json()
    assert skus["@odata.context"].endswith("#subscribedSkus(skuId,consumedUnits)")
    assert [set(item) for item in skus["value"]] == [{"skuId", "consumedUnits"}] * 3
    assert organization["value"] == [{"displayName": tenant.display_name}]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("subscribedSkus?$select=skuId,price", "BadRequest"),
        ("subscribedSkus?$top=1", "Request_UnsupportedQuery"),
        ("subscribedSkus?$filter=consumedUnits%20eq%201", "Request_UnsupportedQuery"),
        ("organization?$top=0", "Request_BadRequest"),
        ("subscribedSkus?$skiptoken=bm90LW91cnM", "Directory_ExpiredPageToken"),
        ("subscribedSkus?$skiptoken=%FF%FE", "Directory_ExpiredPageToken"),
        ("groups", "BadRequest"),
    ],
)
def test_a_query_that_graph_does_not_serve_is_a_bad_request(client: Client, token: str, path: str, code: str) -> None:
    assert_graph_error(client.graph(token, path), 400, code)


def test_pages_are_linked_by_absolute_addresses_that_keep_the_query(
    service: Sandbox, client: Client, tenant: Tenant, token: str
) -> None:
    service.patch_tenant(tenant.tenant_id, page_size=2)

    first = client.graph(token, "subscribedSkus?$select=skuPartNumber").json()
    link = first["@odata.nextLink"]
    second = client.session.get(link, headers={"Authorization": f"Bearer {token}"}, timeout=10).json()

    assert link.startswith(f"{client.url}/v1.0/subscribedSkus?$select=skuPartNumber&$skiptoken=")
    assert "@odata.nextLink" not in second
    assert [item["skuPartNumber"] for item in first["value"] + second["value"]] == [
        "SPE_E3",
        "VISIOCLIENT",
        "FLOW_FREE",
    ]


def test_the_ids_of_a_request_come_back_in_headers(client: Client, token: str) -> None:
    answer = client.graph(token, "organization", headers={"client-request-id": "my-own-id"})
    assert answer.headers["client-request-id"] == "my-own-id"
    assert uuid.UUID(answer.headers["request-id"])
    assert "ServerInfo" in answer.headers["x-ms-ags-diagnostic"]
    assert answer.headers["Date"].endswith("GMT")


def test_a_connection_is_kept_for_the_next_request(service: Sandbox, token: str) -> None:
    context = ssl.create_default_context(cafile=str(service.ca_bundle))
    connection = HTTPSConnection(urlsplit(service.url).netloc, context=context, timeout=60)
    with closing(connection):
        sockets = set()
        for path in ("/v1.0/organization", "/v1.0/unknown", "/v1.0/subscribedSkus"):
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            connection.getresponse().read()
            sockets.add(connection.sock)
    assert len(sockets) == 1
    assert None not in sockets


@pytest.mark.parametrize("token", ["", "no-dots", "three.bad.parts"])
def test_a_token_that_is_none_is_refused(client: Client, token: str) -> None:
    answer = client.graph(token, "organization")
    assert_graph_error(answer, 401, "InvalidAuthenticationToken")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_a_request_without_authorization_is_refused(client: Client) -> None:
    answer = client.session.get(f"{client.url}/v1.0/organization", timeout=10)
    assert_graph_error(answer, 401, "InvalidAuthenticationToken", "Access token is empty.")


def test_a_token_of_another_issuer_is_refused(client: Client, tenant: Tenant) -> None:
    forged = jwt.encode({"tid": tenant.tenant_id, "roles": ["Directory.Read.All"]}, "x" * 32, algorithm="HS256")
    assert_graph_error(client.graph(forged, "organization"), 401, "InvalidAuthenticationToken")


def test_an_altered_token_is_refused(client: Client, tenant: Tenant, token: str) -> None:
    signature = client.token(tenant).rpartition(".")[2]
    altered = f"{token.rpartition('.')[0]}.{signature}"
    assert_graph_error(client.graph(altered, "organization"), 401, "InvalidAuthenticationToken", "Invalid signature")


def test_an_expired_token_is_refused(service: Sandbox, client: Client, tenant: Tenant) -> None:
    service.patch_tenant(tenant.tenant_id, token_lifetime=-1)
    answer = client.graph(client.token(tenant), "organization")
    assert_graph_error(answer, 401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.")


def test_a_token_of_a_tenant_that_is_gone_is_refused(
    service: Sandbox, client: Client, tenant: Tenant, token: str
) -> None:
    service.delete_tenant(tenant.tenant_id)
    assert_graph_error(client.graph(token, "organization"), 401, "InvalidAuthenticationToken")
    assert client.openid(tenant.domains[0]).json()["error_codes"] == [90002]


@pytest.mark.parametrize(
    ("permission", "skus", "organization"),
    [
        ("LicenseAssignment.Read.All", 200, 403),
        ("LicenseAssignment.ReadWrite.All", 200, 403),
        ("Organization.Read.All", 200, 200),
        ("Organization.ReadWrite.All", 200, 200),
        ("Directory.Read.All", 200, 200),
        ("Directory.ReadWrite.All", 200, 200),
        ("User.Read.All", 403, 403),
    ],
)
def test_each_permission_opens_what_its_page_says(
    service: Sandbox, client: Client, tenant: Tenant, permission: str, skus: int, organization: int
) -> None:
    service.patch_tenant(tenant.tenant_id, permissions=[permission])
    token = client.token(tenant)
    answers = [client.graph(token, "subscribedSkus"), client.graph(token, "organization")]
    assert [answer.status_code for answer in answers] == [skus, organization]
    for answer in answers:
        if answer.status_code == 403:
            message = "Insufficient privileges to complete the operation."
            assert_graph_error(answer, 403, "Authorization_RequestDenied", message)


def test_permissions_count_as_they_were_when_the_token_was_issued(
    service: Sandbox, client: Client, tenant: Tenant, token: str
) -> None:
    service.patch_tenant(tenant.tenant_id, permissions=[])
    assert client.graph(token, "subscribedSkus").status_code == 200
    assert client.graph(client.token(tenant), "subscribedSkus").status_code == 403


def test_an_unknown_id_is_not_found(client: Client, token: str) -> None:
    assert_graph_error(client.graph(token, "subscribedSkus/none"), 404, "Request_ResourceNotFound")
    assert_graph_error(client.graph(token, "organization/none"), 404, "Request_ResourceNotFound")


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_a_resource_that_can_only_be_read_takes_no_other_method(client: Client, token: str, method: str) -> None:
    answer = client.graph(token, "subscribedSkus", method=method)
    assert_graph_error(answer, 405, "Request_BadRequest")
    assert answer.headers["Allow"] == "GET"
