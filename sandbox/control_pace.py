"""The control API's part for requests: which there were, how many, and how many Graph allows."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sandbox.control_action import Action, Do, RefusedError
from sandbox.messages import Answer, json_answer
from sandbox.pace import Limits
from sandbox.shapes import build


@dataclass(frozen=True)
class _Throttle:
    seconds: float
    as_date: bool = False


def _get_requests(action: Action) -> Answer:
    _check_journal(action)
    return json_answer(200, action.world.journal.report(_asked_tenant(action)))


def _delete_requests(action: Action) -> Answer:
    _check_journal(action)
    action.world.journal.clear(_asked_tenant(action))
    return Answer(204)


def _check_journal(action: Action) -> None:
    if not action.world.journal.keeps_entries:
        raise RefusedError(409, "Single requests are not recorded with --journal 0 or several processes: see counts.")


def _asked_tenant(action: Action) -> str | None:
    name = action.request.query.get("tenant", "")
    if not name:
        return None
    tenant = action.world.tenant(name)
    return tenant.tenant_id if tenant else name.lower()


def _get_counts(action: Action) -> Answer:
    return json_answer(200, action.world.counters.report())


def _delete_counts(action: Action) -> Answer:
    action.world.counters.reset()
    return Answer(204)


def _throttle_app(action: Action) -> Answer:
    told = build(_Throttle, action.sent(), "throttle")
    action.world.pace.throttle_app(action.name, time.time() + told.seconds, as_date=told.as_date)
    return Answer(204)


def _put_limits(action: Action) -> Answer:
    action.world.pace.limit(build(Limits, action.sent(), "limits"))
    return Answer(204)


ACTIONS: dict[tuple[str, str], Do] = {
    ("GET", "requests"): _get_requests,
    ("DELETE", "requests"): _delete_requests,
    ("GET", "counts"): _get_counts,
    ("DELETE", "counts"): _delete_counts,
    ("POST", "apps/{id}/throttle"): _throttle_app,
    ("PUT", "limits"): _put_limits,
}
