"""GET /users (api/user-list.md, api/user-get.md)."""

from __future__ import annotations

from collections.abc import Callable, Collection

from sandbox import odata
from sandbox.encoded_users import encoder_of
from sandbox.graph_errors import resource_not_found
from sandbox.messages import Answer
from sandbox.route import Call, Route
from sandbox.user_resource import DEFAULT_PROPERTIES, user_resource
from sandbox.users import User

READ_USERS = frozenset({"User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"})
# The page names $count, $expand, $filter, $orderby and $search, too; nobody here asks for them.
_OPTIONS = frozenset({"$select", "$top"})
_PAGE = 100


def list_users(call: Call) -> Answer:
    return odata.paged(call, "users", "user", call.directory.page, _SHAPE, _OPTIONS, page_size=_PAGE)


def get_user(call: Call) -> Answer:
    one = call.directory.find(call.parameters["id"])
    if one is None:
        return resource_not_found(call.request, call.parameters["id"])
    is_selected = any(name.lower() == "$select" for name in call.request.query)
    names = user_resource(one) if is_selected else DEFAULT_PROPERTIES
    item = {name: value for name, value in user_resource(one).items() if name in names}
    return odata.entity(call, "users", "user", item, frozenset({"$select"}))


def _encoder(names: Collection[str]) -> Callable[[User], str]:
    return encoder_of(frozenset(names or DEFAULT_PROPERTIES))


_SHAPE = odata.Shape(user_resource, _encoder)

ROUTES = (
    Route("graph", "users", "GET", "/v1.0/users", list_users, READ_USERS),
    Route("graph", "users", "GET", "/v1.0/users/{id}", get_user, READ_USERS),
)
