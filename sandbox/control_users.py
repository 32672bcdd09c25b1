"""The control API's part for users: who is in a tenant, who comes, changes and goes, how long delta tokens are good."""

from __future__ import annotations

import dataclasses
import json
from typing import get_args

from sandbox.control_action import Action, Do, RefusedError
from sandbox.directory import Directory, Reason
from sandbox.graph_errors import StateLoss
from sandbox.messages import Answer, json_answer
from sandbox.shapes import build
from sandbox.users import User


def _directory(action: Action) -> Directory:
    return action.world.directory(action.tenant().tenant_id)


def _user(action: Action) -> User:
    found = _directory(action).find(action.item)
    if found is None:
        raise RefusedError(404, f"There is no user {action.item} in the tenant {action.name}.")
    return found


def _list_users(action: Action) -> Answer:
    return json_answer(200, {"users": [dataclasses.asdict(one) for one in _directory(action).everyone()]})


def _get_user(action: Action) -> Answer:
    return json_answer(200, dataclasses.asdict(_user(action)))


def _put_users(action: Action) -> Answer:
    """Adds users, or replaces those with their ids."""
    sent = action.sent()
    if not isinstance(sent, list):
        raise RefusedError(400, "The body is not a JSON list of users.")
    users = [build(User, item, f"users[{index}]") for index, item in enumerate(sent)]
    _directory(action).put(*users)
    return Answer(204)


def _patch_user(action: Action) -> Answer:
    """Replaces the fields sent."""
    before, changes = _user(action), action.sent()
    if not isinstance(changes, dict):
        raise RefusedError(400, "The body is not a JSON object.")
    after = build(User, json.loads(json.dumps({**dataclasses.asdict(before), **changes})), "user")
    if after.user_id != before.user_id:
        raise RefusedError(400, "A user's user_id cannot change.")
    _directory(action).put(after)
    return json_answer(200, dataclasses.asdict(after))


def _delete_user(action: Action) -> Answer:
    """`reason` is that of Graph's @removed."""
    reason = action.request.query.get("reason", "changed")
    if reason not in get_args(Reason):
        raise RefusedError(400, f"reason is one of {', '.join(get_args(Reason))}.")
    _directory(action).remove(_user(action).user_id, reason="deleted" if reason == "deleted" else "changed")
    return Answer(204)


def _expire_delta_tokens(action: Action) -> Answer:
    sent = action.sent()
    how = sent.get("how") if isinstance(sent, dict) else None
    ways: dict[object, StateLoss] = {way: way for way in get_args(StateLoss)}
    if how not in ways:
        raise RefusedError(400, f"how is one of {', '.join(get_args(StateLoss))}.")
    action.world.expire_delta_tokens(action.tenant().tenant_id, ways[how])
    return Answer(204)


ACTIONS: dict[tuple[str, str], Do] = {
    ("GET", "tenants/{id}/users"): _list_users,
    ("POST", "tenants/{id}/users"): _put_users,
    ("GET", "tenants/{id}/users/{item}"): _get_user,
    ("PATCH", "tenants/{id}/users/{item}"): _patch_user,
    ("DELETE", "tenants/{id}/users/{item}"): _delete_user,
    ("POST", "tenants/{id}/delta-expiry"): _expire_delta_tokens,
}
