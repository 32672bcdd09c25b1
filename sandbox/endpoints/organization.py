"""GET /organization (api/organization-list.md, api/organization-get.md, resources/organization.md)."""

from __future__ import annotations

from typing import Any

from sandbox import odata
from sandbox.graph_errors import resource_not_found
from sandbox.messages import Answer
from sandbox.route import Call, Route, remembered
from sandbox.tenants import Tenant

_PERMISSIONS = frozenset(
    {
        "Organization.Read.All",
        "Organization.ReadWrite.All",
        "Directory.Read.All",
        "Directory.ReadWrite.All",
    }
)
_OPTIONS = frozenset({"$select", "$top"})


@remembered
def list_organizations(call: Call) -> Answer:
    """A collection of one: the tenant itself."""
    return odata.collection(call, "organization", "organization", [organization(call.tenant)], _OPTIONS)


def get_organization(call: Call) -> Answer:
    if call.parameters["id"].lower() != call.tenant.tenant_id:
        return resource_not_found(call.request, call.parameters["id"])
    return odata.entity(call, "organization", "organization", organization(call.tenant), _OPTIONS)


def organization(tenant: Tenant) -> dict[str, Any]:
    """The organization resource, with the properties and the order of the documented example."""
    documented: dict[str, Any] = {
        "id": tenant.tenant_id,
        "deletedDateTime": None,
        "businessPhones": [],
        "city": None,
        "country": None,
        "countryLetterCode": None,
        "createdDateTime": None,
        "defaultUsageLocation": None,
        "displayName": tenant.display_name,
        "isMultipleDataLocationsForServicesEnabled": None,
        "marketingNotificationEmails": [],
        "onPremisesLastSyncDateTime": None,
        "onPremisesSyncEnabled": None,
        "partnerTenantType": None,
        "postalCode": None,
        "preferredLanguage": "en",
        "securityComplianceNotificationMails": [],
        "securityComplianceNotificationPhones": [],
        "state": None,
        "street": None,
        "technicalNotificationMails": [],
        "tenantType": "AAD",
        "directorySizeQuota": {"used": 0, "total": 300000},
        "assignedPlans": [],
        "privacyProfile": None,
        "provisionedPlans": [],
        "verifiedDomains": [
            {
                "capabilities": "Email, OfficeCommunicationsOnline",
                "isDefault": index == len(tenant.domains) - 1,
                "isInitial": index == 0,
                "name": domain,
                "type": "Managed",
            }
            for index, domain in enumerate(tenant.domains)
        ],
    }
    return {**documented, **tenant.organization}


ROUTES = (
    Route("graph", "organization", "GET", "/v1.0/organization", list_organizations, _PERMISSIONS),
    Route("graph", "organization", "GET", "/v1.0/organization/{id}", get_organization, _PERMISSIONS),
)
