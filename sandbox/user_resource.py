"""From a user to Graph's user resource (resources/user.md, resources/licenseassignmentstate.md)."""

from __future__ import annotations

from typing import Any

from sandbox.users import Assigned, User

DEFAULT_PROPERTIES = (
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
    "id",
)
"""What is returned where $select does not say, in the order of the documented example."""

_ASSIGNED_AT = "2024-02-29T08:30:00Z"


def user_resource(one: User) -> dict[str, Any]:
    """The user resource with all the properties that the sandbox has."""
    working = [assigned for assigned in one.licenses if assigned.state != "Error"]
    documented: dict[str, Any] = {
        "businessPhones": list(one.business_phones),
        "displayName": one.display_name,
        "givenName": one.given_name,
        "jobTitle": one.job_title,
        "mail": one.mail,
        "mobilePhone": one.mobile_phone,
        "officeLocation": None,
        "preferredLanguage": None,
        "surname": one.surname,
        "userPrincipalName": one.user_principal_name,
        "id": one.user_id,
        "accountEnabled": one.account_enabled,
        "assignedLicenses": [assigned_license(assigned) for assigned in working],
        "department": None,
        "licenseAssignmentStates": [state for assigned in one.licenses for state in assignment_states(assigned)],
        "otherMails": list(one.other_mails),
        "proxyAddresses": list(one.proxy_addresses),
        "usageLocation": None,
        "userType": one.user_type,
    }
    return {**documented, **one.properties}


def assigned_license(assigned: Assigned) -> dict[str, Any]:
    """Graph's assignedLicense (resources/assignedlicense.md)."""
    return {"disabledPlans": [], "skuId": assigned.sku_id}


def assignment_states(assigned: Assigned) -> list[dict[str, Any]]:
    """Graph's licenseAssignmentState for each way in which the license came."""
    ways: list[str | None] = [*([None] if assigned.is_direct else []), *assigned.groups]
    return [
        {
            "assignedByGroup": group,
            "disabledPlans": [],
            "error": assigned.error,
            "lastUpdatedDateTime": _ASSIGNED_AT,
            "skuId": assigned.sku_id,
            "state": assigned.state,
        }
        for group in ways
    ]
