"""The tenant of the examples in Graph's reference pages, so that they can be asked for and compared."""

from __future__ import annotations

from sandbox.tenants import ServicePlan, Sku, Tenant

_ENTERPRISEPREMIUM = Sku(
    sku_id="c7df2760-2c81-4ef7-b578-5b5392b571df",
    part_number="ENTERPRISEPREMIUM",
    enabled=25,
    consumed=14,
    service_plans=(
        ServicePlan("8c098270-9dd4-4350-9b30-ba4703f3b36b", "ADALLOM_S_O365", "Success", applies_to="Company"),
    ),
    subscription_ids=("43d26afe-cb98-48b9-acc4-ae3ef2ac6c51",),
    account_id="f97aeefc-af85-414d-8ae4-b457f90efc40",
    account_name="Sample account One",
    id="48a80680-7326-48cd-9935-b556b81d3a4e_c7df2760-2c81-4ef7-b578-5b5392b571df",
)

_CRMSTANDARD = Sku(
    sku_id="d17b27af-3f49-4822-99f9-56a661538792",
    part_number="CRMSTANDARD",
    consumed=14,
    suspended=25,
    capability_status="Suspended",
    service_plans=(ServicePlan("f9646fb2-e3b2-4309-95de-dc4833737456", "CRMSTANDARD", "Disabled"),),
    subscription_ids=("15c301e0-c769-4f12-bab1-1e8519a7a6f1",),
    account_id="ee045480-0260-4c1e-b946-55842502229c",
    account_name="Sample account Two",
    id="48a80680-7326-48cd-9935-b556b81d3a4e_d17b27af-3f49-4822-99f9-56a661538792",
)

_ORGANIZATION = {
    "businessPhones": ["425-555-0100"],
    "countryLetterCode": "NL",
    "createdDateTime": "2021-08-02T10:30:06Z",
    "defaultUsageLocation": "String",
    "partnerTenantType": "ResellerPartnerDelegatedAdmin",
    "technicalNotificationMails": ["admin@contoso.com"],
    "directorySizeQuota": {"used": 698, "total": 50000},
    "assignedPlans": [
        {
            "assignedDateTime": "2022-04-03T02:46:42Z",
            "capabilityStatus": "Deleted",
            "service": "Adallom",
            "servicePlanId": "932ad362-64a8-4783-9106-97849a1a30b9",
        },
        {
            "assignedDateTime": "2022-04-03T02:46:42Z",
            "capabilityStatus": "Deleted",
            "service": "MultiFactorService",
            "servicePlanId": "8a256a2b-b617-496d-b51b-e76466e88db0",
        },
        {
            "assignedDateTime": "2021-08-02T10:36:57Z",
            "capabilityStatus": "Enabled",
            "service": "exchange",
            "servicePlanId": "113feb6c-3fe4-4440-bddc-54d774bf0318",
        },
        {
            "assignedDateTime": "2021-08-02T10:36:02Z",
            "capabilityStatus": "Deleted",
            "service": "SCO",
            "servicePlanId": "882e1d05-acd1-4ccb-8708-6ee03664b117",
        },
    ],
    "privacyProfile": {"contactEmail": "", "statementUrl": ""},
    "provisionedPlans": [
        {"capabilityStatus": "Deleted", "provisioningStatus": "Success", "service": "Adallom"},
        {"capabilityStatus": "Enabled", "provisioningStatus": "Success", "service": "exchange"},
    ],
    "verifiedDomains": [
        {
            "capabilities": "Email, OfficeCommunicationsOnline",
            "isDefault": True,
            "isInitial": True,
            "name": "Contoso.onmicrosoft.com",
            "type": "Managed",
        }
    ],
}


def documented_tenant() -> Tenant:
    """Contoso, whose answers are those of api/subscribedsku-list.md and api/organization-list.md to the letter."""
    return Tenant(
        tenant_id="84841066-274d-4ec0-a5c1-276be684bdd3",
        display_name="Contoso",
        domains=("Contoso.onmicrosoft.com",),
        client_id="00001111-aaaa-2222-bbbb-3333cccc4444",
        secret="documented-tenant-secret",
        skus=(_ENTERPRISEPREMIUM, _CRMSTANDARD),
        organization=_ORGANIZATION,
    )
