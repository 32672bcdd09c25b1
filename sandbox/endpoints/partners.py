"""A partner's customers: GET /contracts (api/contract-list.md, resources/contract.md) and
GET /tenantRelationships/delegatedAdminCustomers (api/tenantrelationship-list-delegatedadmincustomers.md,
resources/delegatedadmincustomer.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from sandbox import odata
from sandbox.messages import Answer
from sandbox.route import Call, Route
from sandbox.tenants import Tenant

_READ_CONTRACTS = frozenset({"Directory.Read.All", "Directory.ReadWrite.All"})
_READ_DELEGATIONS = frozenset({"DelegatedAdminRelationship.Read.All", "DelegatedAdminRelationship.ReadWrite.All"})
_OPTIONS = frozenset({"$select", "$top"})


def list_contracts(call: Call) -> Answer:
    items = [contract(call.tenant, customer, known) for customer, known in _known(call, call.tenant.customers)]
    return odata.collection(call, "contracts", "contract", items, _OPTIONS)


def list_delegated_admin_customers(call: Call) -> Answer:
    tenant = call.tenant
    delegated = tenant.customers if tenant.delegated_customers is None else tenant.delegated_customers
    items = [delegated_admin_customer(customer, known) for customer, known in _known(call, delegated)]
    return odata.collection(
        call, "tenantRelationships/delegatedAdminCustomers", "delegatedAdminCustomer", items, _OPTIONS
    )


def contract(partner: Tenant, customer_id: str, customer: Tenant | None) -> dict[str, Any]:
    """The contract resource, with the properties and the order of the documented example."""
    return {
        "contractType": "ResellerPartner",
        "customerId": customer_id,
        "defaultDomainName": customer.domains[-1] if customer else f"{customer_id[:8]}.onmicrosoft.com",
        "displayName": _name(customer_id, customer),
        "id": str(uuid5(NAMESPACE_OID, f"{partner.tenant_id}/{customer_id}")),
    }


def delegated_admin_customer(customer_id: str, customer: Tenant | None) -> dict[str, Any]:
    """The delegatedAdminCustomer resource, as in the documented example."""
    return {
        "@odata.type": "#microsoft.graph.delegatedAdminCustomer",
        "@odata.etag": f'W/"{uuid5(NAMESPACE_OID, customer_id).hex}"',
        "id": customer_id,
        "tenantId": customer_id,
        "displayName": _name(customer_id, customer),
    }


def _known(call: Call, customer_ids: tuple[str, ...]) -> Iterator[tuple[str, Tenant | None]]:
    """Each customer with its tenant, where the sandbox holds that one, too."""
    for customer_id in customer_ids:
        yield customer_id, call.world.tenant(customer_id)


def _name(customer_id: str, customer: Tenant | None) -> str:
    return customer.display_name if customer else f"Customer {customer_id[:8]}"


ROUTES = (
    Route("graph", "contracts", "GET", "/v1.0/contracts", list_contracts, _READ_CONTRACTS),
    Route(
        "graph",
        "delegatedAdminCustomers",
        "GET",
        "/v1.0/tenantRelationships/delegatedAdminCustomers",
        list_delegated_admin_customers,
        _READ_DELEGATIONS,
    ),
)
