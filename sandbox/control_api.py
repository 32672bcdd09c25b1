"""The control API under /_sandbox/: tenants, faults and the record of requests. No part of Microsoft's protocol."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.faults import Fault
from sandbox.messages import Answer, Request, json_answer
from sandbox.shapes import ShapeError, build
from sandbox.tenants import Tenant, tenant_from_json, tenant_to_json
from sandbox.world import DomainTakenError, World

PREFIX = "/_sandbox/"


class _RefusedError(Exception):
    """The status and the sentence that the caller gets."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class _Action:
    world: World
    request: Request
    tenant_id: str

    def tenant(self) -> Tenant:
        tenant = self.world.tenant(self.tenant_id)
        if tenant is None:
            raise _RefusedError(404, f"There is no tenant {self.tenant_id}.")
        return tenant

    def sent(self) -> object:
        try:
            return json.loads(self.request.body)
        except ValueError as error:
            raise _RefusedError(400, f"The body is not JSON: {error}.") from error


def answer(world: World, control_token: str, request: Request) -> Answer:
    """Does what the request says; needs `control_token` as its bearer token."""
    try:
        if not hmac.compare_digest(request.bearer.encode(), control_token.encode()):
            raise _RefusedError(401, "This needs the control token that stands in sandbox.json, as a bearer token.")
        action, do = _find(world, request)
        return do(action)
    except _RefusedError as refused:
        return json_answer(refused.status, {"error": str(refused)})
    except (ShapeError, DomainTakenError) as error:
        return json_answer(400, {"error": f"{error}."})


def _find(world: World, request: Request) -> tuple[_Action, Callable[[_Action], Answer]]:
    segments = request.path.removeprefix(PREFIX).strip("/").split("/")
    tenant_id = segments[1] if segments[0] == "tenants" and len(segments) > 1 else ""
    pattern = "/".join("{id}" if index == 1 and tenant_id else segment for index, segment in enumerate(segments))
    methods = {method: do for (method, path), do in _ACTIONS.items() if path == pattern}
    if not methods:
        raise _RefusedError(404, f"There is nothing at {request.path}.")
    if request.method not in methods:
        raise _RefusedError(405, f"{request.path} takes {', '.join(methods)}.")
    return _Action(world, request, tenant_id), methods[request.method]


def _list_tenants(action: _Action) -> Answer:
    return json_answer(200, {"tenants": [tenant_to_json(tenant) for tenant in action.world.tenants()]})


def _get_tenant(action: _Action) -> Answer:
    return json_answer(200, tenant_to_json(action.tenant()))


def _put_tenant(action: _Action) -> Answer:
    tenant = tenant_from_json(action.sent())
    if tenant.tenant_id != action.tenant_id.lower():
        raise _RefusedError(
            400, f"The tenant's tenant_id is {tenant.tenant_id}, and the address names {action.tenant_id}."
        )
    return json_answer(201 if action.world.put(tenant) else 200, tenant_to_json(tenant))


def _patch_tenant(action: _Action) -> Answer:
    """Replaces the fields sent. Faults keep their counts unless they are among them."""
    before, changes = tenant_to_json(action.tenant()), action.sent()
    if not isinstance(changes, dict):
        raise _RefusedError(400, "The body is not a JSON object.")
    # Through JSON, so that what stays is read in the same way as what changes.
    tenant = tenant_from_json(json.loads(json.dumps({**before, **changes})))
    if tenant.tenant_id != before["tenant_id"]:
        raise _RefusedError(400, "A tenant's tenant_id cannot change.")
    action.world.put(tenant, keep_faults="faults" not in changes)
    return json_answer(200, tenant_to_json(tenant))


def _delete_tenant(action: _Action) -> Answer:
    action.world.remove(action.tenant().tenant_id)
    return Answer(204)


def _put_faults(action: _Action) -> Answer:
    tenant, sent = action.tenant(), action.sent()
    if not isinstance(sent, list):
        raise _RefusedError(400, "The body is not a JSON list of faults.")
    faults = [build(Fault, item, f"faults[{index}]") for index, item in enumerate(sent)]
    action.world.set_faults(tenant, tuple(faults))
    return json_answer(200, {"faults": sent})


def _get_requests(action: _Action) -> Answer:
    return json_answer(200, action.world.journal.report(_asked_tenant(action)))


def _delete_requests(action: _Action) -> Answer:
    action.world.journal.clear(_asked_tenant(action))
    return Answer(204)


def _asked_tenant(action: _Action) -> str | None:
    name = action.request.query.get("tenant", "")
    if not name:
        return None
    tenant = action.world.tenant(name)
    return tenant.tenant_id if tenant else name.lower()


_ACTIONS: dict[tuple[str, str], Callable[[_Action], Answer]] = {
    ("GET", "tenants"): _list_tenants,
    ("GET", "tenants/{id}"): _get_tenant,
    ("PUT", "tenants/{id}"): _put_tenant,
    ("PATCH", "tenants/{id}"): _patch_tenant,
    ("DELETE", "tenants/{id}"): _delete_tenant,
    ("PUT", "tenants/{id}/faults"): _put_faults,
    ("GET", "requests"): _get_requests,
    ("DELETE", "requests"): _delete_requests,
}
