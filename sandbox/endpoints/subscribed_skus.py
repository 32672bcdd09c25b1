"""GET /subscribedSkus (api/subscribedsku-list.md, api/subscribedsku-get.md, resources/subscribedsku.md)."""

from __future__ import annotations

from typing import Any

from sandbox import odata
from sandbox.graph_errors import resource_not_found
from sandbox.messages import Answer
from sandbox.route import Call, Route, remembered
from sandbox.tenants import Sku, Tenant

_PERMISSIONS = frozenset(
    {
        "LicenseAssignment.Read.All",
        "LicenseAssignment.ReadWrite.All",
        "Organization.Read.All",
        "Organization.ReadWrite.All",
        "Directory.Read.All",
        "Directory.ReadWrite.All",
    }
)
# The page says that only $select is supported.
_OPTIONS = frozenset({"$select"})


@remembered
def list_subscribed_skus(call: Call) -> Answer:
    items = [subscribed_sku(call.tenant, sku) for sku in call.tenant.skus]
    return odata.collection(call, "subscribedSkus", "subscribedSku", items, _OPTIONS)


def get_subscribed_sku(call: Call) -> Answer:
    for sku in call.tenant.skus:
        item = subscribed_sku(call.tenant, sku)
        if item["id"].lower() == call.parameters["id"].lower():
            return odata.entity(call, "subscribedSkus", "subscribedSku", item, _OPTIONS)
    return resource_not_found(call.request, call.parameters["id"])


def subscribed_sku(tenant: Tenant, sku: Sku) -> dict[str, Any]:
    """The subscribedSku resource, with the properties and the order of the documented example."""
    return {
        "accountName": sku.account_name or tenant.domains[0].split(".")[0],
        "accountId": sku.account_id or tenant.tenant_id,
        "appliesTo": sku.applies_to,
        "capabilityStatus": sku.capability_status,
        "consumedUnits": sku.consumed,
        "id": sku.id or f"{tenant.tenant_id}_{sku.sku_id}",
        "prepaidUnits": {
            "enabled": sku.enabled,
            "lockedOut": sku.locked_out,
            "suspended": sku.suspended,
            "warning": sku.warning,
        },
        "servicePlans": [
            {
                "servicePlanId": plan.service_plan_id,
                "servicePlanName": plan.name,
                "provisioningStatus": plan.provisioning_status,
                "appliesTo": plan.applies_to,
            }
            for plan in sku.service_plans
        ],
        "skuId": sku.sku_id,
        "skuPartNumber": sku.part_number,
        "subscriptionIds": list(tenant.subscription_ids(sku)),
    }


ROUTES = (
    Route("graph", "subscribedSkus", "GET", "/v1.0/subscribedSkus", list_subscribed_skus, _PERMISSIONS),
    Route("graph", "subscribedSkus", "GET", "/v1.0/subscribedSkus/{id}", get_subscribed_sku, _PERMISSIONS),
)
