"""The control API under /_sandbox/: tenants and faults. No part of Microsoft's protocol.

What changes users is in `control_users`, what counts requests and holds them back in `control_pace`.
"""

from __future__ import annotations

import hmac
import json
from urllib.parse import unquote

from sandbox import control_pace, control_users
from sandbox.control_action import Action, Do, RefusedError
from sandbox.faults import Fault
from sandbox.messages import Answer, Request, json_answer
from sandbox.route import split
from sandbox.shapes import ShapeError, build
from sandbox.tenants import tenant_from_json, tenant_to_json
from sandbox.world import DomainTakenError, World

PREFIX = "/_sandbox/"


def answer(world: World, control_token: str, request: Request) -> Answer:
    """Does what the request says; needs `control_token` as its bearer token."""
    try:
        if not hmac.compare_digest(request.bearer.encode(), control_token.encode()):
            raise RefusedError(401, "This needs the control token that stands in sandbox.json, as a bearer token.")
        action, do = _find(world, request)
        if world.processes > 1 and (request.method, request.path) not in _WITH_PROCESSES and request.method != "GET":
            raise RefusedError(409, f"This changes one of {world.processes} processes only: start with --processes 1.")
        return do(action)
    except RefusedError as refused:
        return json_answer(refused.status, {"error": str(refused)})
    except (ShapeError, DomainTakenError) as error:
        return json_answer(400, {"error": f"{error}."})


def _find(world: World, request: Request) -> tuple[Action, Do]:
    given = split(request.path.removeprefix(PREFIX))
    methods: dict[str, tuple[Action, Do]] = {}
    for (method, pattern), do in _ACTIONS.items():
        names = split(pattern)
        values = {name: value for name, value in zip(names, given, strict=False) if name.startswith("{") and value}
        if len(names) == len(given) and [values.get(name, name) for name in names] == given:
            named = (unquote(values.get("{id}", "")), unquote(values.get("{item}", "")))
            methods.setdefault(method, (Action(world, request, *named), do))
    if not methods:
        raise RefusedError(404, f"There is nothing at {request.path}.")
    if request.method not in methods:
        raise RefusedError(405, f"{request.path} takes {', '.join(methods)}.")
    return methods[request.method]


def _list_tenants(action: Action) -> Answer:
    return json_answer(200, {"tenants": [tenant_to_json(tenant) for tenant in action.world.tenants()]})


def _get_tenant(action: Action) -> Answer:
    return json_answer(200, tenant_to_json(action.tenant()))


def _put_tenant(action: Action) -> Answer:
    tenant = tenant_from_json(action.sent())
    if tenant.tenant_id != action.name.lower():
        raise RefusedError(400, f"The tenant's tenant_id is {tenant.tenant_id}, and the address names {action.name}.")
    return json_answer(201 if action.world.put(tenant) else 200, tenant_to_json(tenant))


def _patch_tenant(action: Action) -> Answer:
    """Replaces the fields sent. Faults keep their counts unless they are among them."""
    before, changes = tenant_to_json(action.tenant()), action.sent()
    if not isinstance(changes, dict):
        raise RefusedError(400, "The body is not a JSON object.")
    # Through JSON, so that what stays is read in the same way as what changes.
    tenant = tenant_from_json(json.loads(json.dumps({**before, **changes})))
    if tenant.tenant_id != before["tenant_id"]:
        raise RefusedError(400, "A tenant's tenant_id cannot change.")
    action.world.put(tenant, keep_faults="faults" not in changes)
    return json_answer(200, tenant_to_json(tenant))


def _delete_tenant(action: Action) -> Answer:
    action.world.remove(action.tenant().tenant_id)
    return Answer(204)


def _put_faults(action: Action) -> Answer:
    tenant, sent = action.tenant(), action.sent()
    if not isinstance(sent, list):
        raise RefusedError(400, "The body is not a JSON list of faults.")
    faults = [build(Fault, item, f"faults[{index}]") for index, item in enumerate(sent)]
    action.world.set_faults(tenant, tuple(faults))
    return json_answer(200, {"faults": sent})


_ACTIONS: dict[tuple[str, str], Do] = {
    ("GET", "tenants"): _list_tenants,
    ("GET", "tenants/{id}"): _get_tenant,
    ("PUT", "tenants/{id}"): _put_tenant,
    ("PATCH", "tenants/{id}"): _patch_tenant,
    ("DELETE", "tenants/{id}"): _delete_tenant,
    ("PUT", "tenants/{id}/faults"): _put_faults,
    **control_users.ACTIONS,
    **control_pace.ACTIONS,
}
_WITH_PROCESSES = {("DELETE", f"{PREFIX}counts")}
"""What can be done though there are several processes."""
