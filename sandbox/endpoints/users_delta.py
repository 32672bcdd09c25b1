"""GET /users/delta (api/user-delta.md, concepts/delta-query-overview.md, concepts/delta-query-users.md)."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from typing import Any

from sandbox import odata
from sandbox.directory import Change, selected_part, tracked_properties
from sandbox.endpoints.users import READ_USERS
from sandbox.graph_errors import state_lost
from sandbox.messages import Answer, json_bytes
from sandbox.route import Call, Route
from sandbox.user_resource import DEFAULT_PROPERTIES, user_resource
from sandbox.users import User

_OPTIONS = frozenset({"$select", "$deltatoken"})
_PAGE = 200
_NOBODY = User("00000000-0000-0000-0000-000000000000", None, "")


@dataclass(frozen=True)
class _State:
    """What a token says: changes since a version (None: everyone), until another, from a place on, of what."""

    epoch: str
    selected: tuple[str, ...]
    since: int | None
    until: int
    start: int = 0


class _LostError(Exception):
    """The token is none that can be gone on with."""


def delta(call: Call) -> Answer:
    try:
        answer = odata.answered(call.request, lambda: json_bytes(_round(call)))
    except _LostError:
        return state_lost(call.request, call.world.state_loss(call.tenant.tenant_id))
    if answer.status == 200 and _is_minimal(call):
        return replace(answer, headers={**answer.headers, "Preference-Applied": "return=minimal"})
    return answer


def _round(call: Call) -> dict[str, Any]:
    """One page. The round ends with a link from which the next one begins, at the version of its own beginning."""
    query = odata.checked_options(call.request, _OPTIONS)
    skip, since = query.get("$skiptoken", ""), query.get("$deltatoken", "")
    chosen = _selected(query)
    version, epoch = call.directory.version, call.directory.epoch
    if since.lower() == "latest":
        state = _State(epoch, chosen, version, version)
        return _payload(call, state, [], None)
    if skip and chosen:
        raise odata.QueryError("BadRequest", "$select cannot be combined with $skiptoken.")
    if skip:
        state = _read(call, skip)
    elif since:
        known = _read(call, since)
        state = _State(epoch, chosen or known.selected, known.until, version)
    else:
        state = _State(epoch, chosen, None, version)
    items, following = _page(call, state)
    if following is not None:
        return _payload(call, state, items, replace(state, start=following))
    return _payload(call, state, items, None)


def _page(call: Call, state: _State) -> tuple[list[dict[str, Any]], int | None]:
    size, directory = call.tenant.page_size or _PAGE, call.directory
    names = state.selected or DEFAULT_PROPERTIES
    if state.since is None:
        users, following = directory.page(state.start, size)
        return [_whole(one, names, directory.ever_changed(one.user_id)) for one in users], following
    # Without a selection all properties are tracked, though only some are returned.
    tracked = tracked_properties(state.selected or user_resource(_NOBODY))
    changes, following = directory.changes(state.since, state.start, size, tracked)
    return [_item(change, names, _is_minimal(call)) for change in changes], following


def _item(change: Change, names: tuple[str, ...], is_minimal: bool) -> dict[str, Any]:
    if change.user is None:
        return {"id": change.user_id, "@removed": {"reason": change.reason}}
    if is_minimal and not change.is_new:
        return selected_part(user_resource(change.user), change.changed & set(names))
    return _whole(change.user, names, change.ever_changed)


def _whole(one: User, names: tuple[str, ...], ever_changed: frozenset[str]) -> dict[str, Any]:
    """The properties selected, but for those that have never been set."""
    resource = selected_part(user_resource(one), names)
    return {name: value for name, value in resource.items() if value not in (None, []) or name in ever_changed}


def _selected(query: dict[str, str]) -> tuple[str, ...]:
    names = odata.known_names(odata.selected_names(query), "user", user_resource(_NOBODY))
    return tuple(dict.fromkeys(names))


def _is_minimal(call: Call) -> bool:
    return "return=minimal" in call.request.headers.get("prefer", "").replace(" ", "").lower()


def _payload(call: Call, state: _State, items: list[dict[str, Any]], following: _State | None) -> dict[str, Any]:
    selection = f"({','.join(state.selected)})" if state.selected else ""
    base = f"{call.request.base_url}{call.request.path}"
    payload: dict[str, Any] = {"@odata.context": odata.context_of("users", selection)}
    if following is not None:
        payload["@odata.nextLink"] = f"{base}?$skiptoken={_token(following)}"
    else:
        payload["@odata.deltaLink"] = f"{base}?$deltatoken={_token(replace(state, since=None, start=0))}"
    payload["value"] = items
    return payload


def _token(state: _State) -> str:
    content = [state.epoch, ",".join(state.selected), state.since, state.until, state.start]
    return base64.urlsafe_b64encode(json.dumps(content, separators=(",", ":")).encode()).decode().rstrip("=")


def _read(call: Call, token: str) -> _State:
    """What a token of ours says. Raises QueryError for one that is not, _LostError for one that is too old."""
    try:
        epoch, selected, since, until, start = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        state = _State(epoch, tuple(selected.split(",")) if selected else (), since, int(until), int(start))
    except (ValueError, TypeError, AttributeError) as error:
        raise odata.QueryError("BadRequest", "Badly formed token.") from error
    if state.epoch != call.directory.epoch or not call.directory.remembers(state.until):
        raise _LostError
    return state


_PATHS = ("delta", "delta()", "microsoft.graph.delta", "microsoft.graph.delta()")
ROUTES = tuple(Route("graph", "usersDelta", "GET", f"/v1.0/users/{name}", delta, READ_USERS) for name in _PATHS)
