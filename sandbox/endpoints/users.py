"""GET /users (api/user-list.md, api/user-get.md, resources/user.md, resources/licenseassignmentstate.md)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, overload

from sandbox import odata
from sandbox.graph_errors import resource_not_found
from sandbox.messages import Answer
from sandbox.route import Call, Route
from sandbox.users import Assigned, User

_PERMISSIONS = frozenset({"User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"})
# The page names $count, $expand, $filter, $orderby and $search, too; nobody here asks for them.
_OPTIONS = frozenset({"$select", "$top"})
_PAGE = 100
_ASSIGNED_AT = "2024-02-29T08:30:00Z"

# What is returned where $select does not say, in the order of the documented example.
_DEFAULT = (
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


def list_users(call: Call) -> Answer:
    is_selected = any(name.lower() == "$select" and value.strip() for name, value in call.request.query.items())
    shape = user if is_selected else _default
    return odata.collection(call, "users", "user", _Shaped(call.tenant.users, shape), _OPTIONS, page_size=_PAGE)


def get_user(call: Call) -> Answer:
    wanted = call.parameters["id"].lower()
    for one in call.tenant.users:
        if wanted in {one.user_id, one.user_principal_name.lower()}:
            shape = user if "$select" in call.request.query else _default
            return odata.entity(call, "users", "user", shape(one), frozenset({"$select"}))
    return resource_not_found(call.request, call.parameters["id"])


def user(one: User) -> dict[str, Any]:
    """The user resource."""
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
        "assignedLicenses": [{"disabledPlans": [], "skuId": assigned.sku_id} for assigned in working],
        "department": None,
        "licenseAssignmentStates": [state for assigned in one.licenses for state in _states(assigned)],
        "otherMails": list(one.other_mails),
        "proxyAddresses": list(one.proxy_addresses),
        "usageLocation": None,
        "userType": one.user_type,
    }
    return {**documented, **one.properties}


def _default(one: User) -> dict[str, Any]:
    resource = user(one)
    return {name: resource[name] for name in _DEFAULT}


def _states(assigned: Assigned) -> list[dict[str, Any]]:
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


class _Shaped(Sequence[dict[str, Any]]):
    """The users as resources, each made when it is asked for: a page is a few of very many."""

    def __init__(self, users: Sequence[User], shape: Callable[[User], dict[str, Any]]) -> None:
        self._users = users
        self._shape = shape

    def __len__(self) -> int:
        return len(self._users)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        if isinstance(index, slice):
            return [self._shape(one) for one in self._users[index]]
        return self._shape(self._users[index])


ROUTES = (
    Route("graph", "users", "GET", "/v1.0/users", list_users, _PERMISSIONS),
    Route("graph", "users", "GET", "/v1.0/users/{id}", get_user, _PERMISSIONS),
)
