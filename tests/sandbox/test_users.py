"""Graph's users as the sandbox gives them, and believable ones made from a seed."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from dataclasses import replace

import pytest

from sandbox import Assigned, Sandbox, Sku, Tenant, User, generate, populated
from sandbox.encoded_users import encoder_of
from sandbox.user_resource import user_resource
from tests.sandbox.client import Client

ADAMS = User("6ea91a8d-e32e-41a1-b7bd-d2d185eed0e0", "Conf Room Adams", "Adams@contoso.com", mail="Adams@contoso.com")
ADMIN = User(
    "4562bcc8-c436-4f95-b7c0-4f8ce89dca5e",
    "MOD Administrator",
    "admin@contoso.com",
    given_name="MOD",
    surname="Administrator",
    mobile_phone="425-555-0101",
    business_phones=("425-555-0100",),
    properties={"preferredLanguage": "en-US"},
    licenses=(Assigned.of("SPE_E3", groups=("g",)), Assigned.of("VISIOCLIENT", state="Error", error="CountViolation")),
)


@pytest.fixture
def people(service: Sandbox, tenant: Tenant) -> Tenant:
    return service.patch_tenant(tenant.tenant_id, users=(ADAMS, ADMIN))


def test_by_default_users_have_the_properties_of_the_reference_page(client: Client, people: Tenant) -> None:
    answer = client.graph(client.token(people), "users").json()
    assert answer == {
        "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users",
        "value": [
            {
                "businessPhones": [],
                "displayName": "Conf Room Adams",
                "givenName": None,
                "jobTitle": None,
                "mail": "Adams@contoso.com",
                "mobilePhone": None,
                "officeLocation": None,
                "preferredLanguage": None,
                "surname": None,
                "userPrincipalName": "Adams@contoso.com",
                "id": "6ea91a8d-e32e-41a1-b7bd-d2d185eed0e0",
            },
            {
                "businessPhones": ["425-555-0100"],
                "displayName": "MOD Administrator",
                "givenName": "MOD",
                "jobTitle": None,
                "mail": None,
                "mobilePhone": "425-555-0101",
                "officeLocation": None,
                "preferredLanguage": "en-US",
                "surname": "Administrator",
                "userPrincipalName": "admin@contoso.com",
                "id": "4562bcc8-c436-4f95-b7c0-4f8ce89dca5e",
            },
        ],
    }


def test_select_gives_what_it_names_and_no_more(client: Client, people: Tenant) -> None:
    fields = "id,accountEnabled,userType,assignedLicenses,licenseAssignmentStates"
    admin = client.graph(client.token(people), f"users?$select={fields}").json()["value"][1]
    assert set(admin) == set(fields.split(","))
    e3, visio = ADMIN.licenses[0].sku_id, ADMIN.licenses[1].sku_id
    assert admin["assignedLicenses"] == [{"disabledPlans": [], "skuId": e3}]
    states = [(state["skuId"], state["assignedByGroup"], state["state"]) for state in admin["licenseAssignmentStates"]]
    assert states == [(e3, None, "Active"), (e3, "g", "Active"), (visio, None, "Error")]
    assert client.graph(client.token(people), "users?$select=id,salary").status_code == 400


def test_one_user_is_found_by_id_and_by_name(client: Client, people: Tenant) -> None:
    token = client.token(people)
    for name in (ADMIN.user_id, "ADMIN@contoso.com"):
        assert client.graph(token, f"users/{name}").json()["displayName"] == "MOD Administrator"
    assert client.graph(token, "users/nobody").status_code == 404


@pytest.mark.parametrize(
    ("query", "sizes"), [("", [100, 100, 50]), ("?$top=999", [250]), ("?$top=120", [120, 120, 10])]
)
def test_users_come_in_pages(client: Client, service: Sandbox, tenant: Tenant, query: str, sizes: list[int]) -> None:
    users = tuple(User(str(uuid.UUID(int=number)), f"User {number}", f"u{number}@x") for number in range(250))
    service.patch_tenant(tenant.tenant_id, users=users)
    token, path, found = client.token(tenant), f"users{query}", []
    while path:
        page = client.graph(token, path).json()
        found.append([item["id"] for item in page["value"]])
        path = page.get("@odata.nextLink", "").rpartition("/v1.0/")[2]
    assert [len(page) for page in found] == sizes
    assert [user_id for page in found for user_id in page] == [user.user_id for user in users]


@pytest.mark.parametrize("query", ["?$top=1000", "?$top=0", "?$skip=5"])
def test_a_page_larger_than_graph_gives_is_refused(client: Client, people: Tenant, query: str) -> None:
    assert client.graph(client.token(people), f"users{query}").status_code == 400


def test_users_need_their_permission(client: Client, service: Sandbox, people: Tenant) -> None:
    service.patch_tenant(people.tenant_id, permissions=("Organization.Read.All",))
    assert client.graph(client.token(people), "users").status_code == 403


def test_a_tenant_is_populated_with_as_many_holders_as_units_are_consumed() -> None:
    tenant = replace(generate(3, 1)[0], skus=(Sku.of("SPE_E3", 400, 321), Sku.of("VISIOCLIENT", 30, 12)))
    people = populated(tenant)
    assert people == populated(tenant)
    holders = Counter(
        assigned.sku_id for user in people.users for assigned in user.licenses if assigned.state != "Error"
    )
    assert [holders[sku.sku_id] for sku in tenant.skus] == [321, 12]
    assert len({user.user_id for user in people.users}) == len(people.users)
    names = Counter((user.given_name, user.surname) for user in people.users)
    shared = Counter(alias for user in people.users for alias in user.proxy_addresses)
    assert max(names.values()) > 1
    assert max(shared.values()) > 1
    assert any(not user.surname for user in people.users)
    assert any(not user.account_enabled and user.licenses for user in people.users)
    assert {user.user_type for user in people.users} == {"Member", "Guest"}
    assert any(assigned.groups for user in people.users for assigned in user.licenses)
    assert len(populated(tenant, most=10).users) == 13


@pytest.mark.parametrize(
    "names", [["id"], ["displayName", "mail", "licenseAssignmentStates"], list(user_resource(ADMIN))]
)
def test_a_user_is_written_as_its_resource_is(names: list[str]) -> None:
    waiting = replace(ADMIN, properties={}, display_name='Zoë "Z" \\ \x01', other_mails=("a", "b"))
    loose = replace(ADAMS, licenses=(Assigned.of("SPE_E3", is_direct=False), Assigned.of("SPE_E5", groups=("a", "b"))))
    for one in (ADAMS, ADMIN, waiting, loose):
        written = json.loads(encoder_of(frozenset(names))(one))
        assert list(written.items()) == [(key, value) for key, value in user_resource(one).items() if key in names]


def test_a_tenant_without_licenses_in_use_gets_few_users() -> None:
    assert len(populated(replace(generate(3, 1)[0], skus=())).users) == 3
