"""A partner's customers, as Graph lists them in two places."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sandbox import Sandbox, Tenant
from sandbox.tenants import DEFAULT_PERMISSIONS
from tests.sandbox.client import Client

CONTRACTS, DELEGATIONS = "contracts", "tenantRelationships/delegatedAdminCustomers"
UNKNOWN = "4fdbff88-9d6b-42e0-9713-45c922ba8001"


@pytest.fixture
def partner(service: Sandbox, tenant: Tenant) -> Tenant:
    """A partner that is its own customer, for want of another, and has one more that the sandbox does not hold."""
    permissions = (*DEFAULT_PERMISSIONS, "Directory.Read.All", "DelegatedAdminRelationship.Read.All")
    made = replace(tenant, permissions=permissions, customers=(tenant.tenant_id, UNKNOWN))
    service.put_tenant(made)
    return made


def test_contracts_have_the_documented_properties(client: Client, partner: Tenant) -> None:
    answer = client.graph(client.token(partner), CONTRACTS).json()
    assert answer["@odata.context"] == "https://graph.microsoft.com/v1.0/$metadata#contracts"
    own, unknown = answer["value"]
    assert list(own) == ["contractType", "customerId", "defaultDomainName", "displayName", "id"]
    assert (own["contractType"], own["customerId"]) == ("ResellerPartner", partner.tenant_id)
    assert (own["displayName"], own["defaultDomainName"]) == (partner.display_name, partner.domains[-1])
    assert unknown["customerId"] == UNKNOWN
    assert own["id"] != unknown["id"]


def test_delegated_admin_customers_have_the_documented_properties(client: Client, partner: Tenant) -> None:
    own, _ = client.graph(client.token(partner), DELEGATIONS).json()["value"]
    assert list(own) == ["@odata.type", "@odata.etag", "id", "tenantId", "displayName"]
    assert own["@odata.type"] == "#microsoft.graph.delegatedAdminCustomer"
    assert (own["id"], own["tenantId"], own["displayName"]) == (
        partner.tenant_id,
        partner.tenant_id,
        partner.display_name,
    )


@pytest.mark.parametrize("path", [CONTRACTS, DELEGATIONS])
def test_customers_come_in_pages(service: Sandbox, client: Client, partner: Tenant, path: str) -> None:
    service.patch_tenant(partner.tenant_id, page_size=1)
    token = client.token(partner)
    first = client.graph(token, path).json()
    assert len(first["value"]) == 1
    next_path = first["@odata.nextLink"].partition("/v1.0/")[2]
    second = client.graph(token, next_path).json()
    assert len(second["value"]) == 1
    assert "@odata.nextLink" not in second


@pytest.mark.parametrize(
    ("path", "permission"),
    [(CONTRACTS, "Directory.Read.All"), (DELEGATIONS, "DelegatedAdminRelationship.Read.All")],
)
def test_each_list_needs_its_own_permission(
    service: Sandbox, client: Client, partner: Tenant, path: str, permission: str
) -> None:
    service.patch_tenant(partner.tenant_id, permissions=[permission])
    assert client.graph(client.token(partner), path).status_code == 200
    other = [name for name in partner.permissions if name != permission and not name.startswith("Organization")]
    service.patch_tenant(partner.tenant_id, permissions=other)
    assert client.graph(client.token(partner), path).status_code == 403


def test_delegations_may_be_others_than_contracts(service: Sandbox, client: Client, partner: Tenant) -> None:
    service.patch_tenant(partner.tenant_id, delegated_customers=[])
    token = client.token(partner)
    assert client.graph(token, DELEGATIONS).json()["value"] == []
    assert len(client.graph(token, CONTRACTS).json()["value"]) == 2


def test_one_app_registration_signs_in_to_every_tenant_that_consented(
    service: Sandbox, client: Client, partner: Tenant
) -> None:
    customer = replace(
        partner,
        tenant_id=UNKNOWN,
        display_name="Contoso Inc",
        domains=("contoso-inc.onmicrosoft.com",),
        permissions=DEFAULT_PERMISSIONS,
        customers=(),
        consented=False,
    )
    service.put_tenant(customer)
    try:
        assert client.sign_in(customer).json()["error_codes"] == [65001]
        service.patch_tenant(UNKNOWN, consented=True)
        [organization] = client.graph(client.token(customer), "organization").json()["value"]
        assert organization["id"] == UNKNOWN
        [own] = client.graph(client.token(partner), "organization").json()["value"]
        assert own["id"] == partner.tenant_id
    finally:
        service.delete_tenant(UNKNOWN)
