"""Faults: what goes wrong on purpose, where, how often, and after how many requests."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

ENDPOINTS = (
    "openid",
    "keys",
    "authorize",
    "token",
    "organization",
    "contracts",
    "delegatedAdminCustomers",
    "subscribedSkus",
    "users",
    "usersDelta",
    "batch",
)
"""The names of all routes."""

PLACES = ("any", "login", "graph", "usersList", *ENDPOINTS)
"""Where a fault can be set: everywhere, on one side, or on a route by its name.

`users` is all reading of users, `usersDelta` and `usersList` are one way of it. On a route it strikes single requests
as well as those in a batch; `batch` is the batch as a whole.
"""

KINDS = (
    "throttle",
    "throttle_app",
    "unavailable",
    "gateway_timeout",
    "server_error",
    "unauthorized",
    "forbidden",
    "bad_request",
    "not_found",
    "not_supported",
    "not_json",
    "bad_json",
    "wrong_shape",
    "wrong_item",
    "slow",
    "drop",
    "hang_body",
    "huge",
    "endless_pages",
    "foreign_next_link",
    "foreign_delta_link",
    "redirect",
    "repeat_item",
    "page_expired",
    "missing_answer",
    "base64_bodies",
    "delta_gone",
    "delta_resync",
    "delta_expired",
)

_TOKEN_KINDS = frozenset({"delta_gone", "delta_resync", "delta_expired"})


@dataclass(frozen=True)
class Fault:
    """One fault of a tenant.

    `on` is one of PLACES. `after` requests pass first, then `times` are hit (None: all). `retry_after` is in seconds
    (None: no header), sent as an HTTP date where `as_date`. `seconds` is for slow and hang_body, `megabytes` for huge,
    `host` for the foreign links and redirect. throttle_app throttles the tenant's app in all tenants for `retry_after`
    seconds. page_expired is meant for a later page. missing_answer and base64_bodies concern a batch, the kinds
    of delta_ only requests that come with a token.
    """

    on: str
    kind: str
    times: int | None = None
    after: int = 0
    retry_after: int | None = None
    as_date: bool = False
    seconds: float = 1.0
    megabytes: int = 8
    host: str = "graph.attacker.example"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r} is none of {', '.join(KINDS)}")
        if self.on not in PLACES:
            raise ValueError(f"on {self.on!r} is none of {', '.join(PLACES)}")
        if min(self.after, self.retry_after or 0, self.seconds, self.megabytes) < 0:
            raise ValueError("after, retry_after, seconds and megabytes cannot be negative")
        if self.as_date and self.retry_after is None:
            raise ValueError("as_date needs retry_after, the seconds from now to the date")
        if self.kind == "throttle_app" and self.retry_after is None:
            raise ValueError("throttle_app needs retry_after, the seconds for which the app is throttled")

    def covers(self, route: str, area: str, has_state_token: bool) -> bool:
        """Whether it is set where a request goes; `has_state_token` is that it goes on with a delta query."""
        if self.kind in _TOKEN_KINDS and not has_state_token:
            return False
        if self.on == "usersList":
            return route == "users"
        return self.on in ("any", area, route) or (self.on == "users" and route == "usersDelta")


class _Armed:
    """A fault and how many requests it has let pass and hit."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.passed = 0
        self.hits = 0

    @property
    def spent(self) -> bool:
        return self.fault.times is not None and self.hits >= self.fault.times

    def strikes(self) -> bool:
        if self.passed < self.fault.after:
            self.passed += 1
            return False
        self.hits += 1
        return True


class FaultBook:
    """The faults of every tenant with their counts. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: dict[str, list[_Armed]] = {}

    def set(self, tenant_id: str, faults: Iterable[Fault]) -> None:
        """Replaces the tenant's faults; their counts start anew."""
        with self._lock:
            self._armed[tenant_id] = [_Armed(fault) for fault in faults]

    def take(self, tenant_id: str, route: str, area: str, has_state_token: bool = False) -> Fault | None:
        """The fault that this request meets, or None. At most one strikes: the first of the list that still does."""
        if not self._armed.get(tenant_id):
            return None
        with self._lock:
            for armed in self._armed.get(tenant_id, []):
                if armed.fault.covers(route, area, has_state_token) and not armed.spent and armed.strikes():
                    return armed.fault
        return None
