"""Faults: what goes wrong on purpose, where, how often, and after how many requests."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

PLACES = (
    "any",
    "login",
    "graph",
    "openid",
    "keys",
    "authorize",
    "token",
    "organization",
    "contracts",
    "delegatedAdminCustomers",
    "subscribedSkus",
    "users",
)
"""Where a fault can be set: everywhere, on one side, or on a route by its name."""

KINDS = (
    "throttle",
    "unavailable",
    "gateway_timeout",
    "server_error",
    "unauthorized",
    "forbidden",
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
    "redirect",
)


@dataclass(frozen=True)
class Fault:
    """One fault of a tenant.

    `on` is one of PLACES. `after` requests pass first, then `times` are hit (None: all). `retry_after` is in seconds
    (None: no header), sent as an HTTP date where `as_date`. `seconds` is for slow and hang_body, `megabytes` for huge,
    `host` for foreign_next_link and redirect.
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

    def covers(self, route: str, area: str) -> bool:
        return self.on in ("any", area, route)


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

    def take(self, tenant_id: str, route: str, area: str) -> Fault | None:
        """The fault that this request meets, or None. At most one strikes: the first of the list that still does."""
        with self._lock:
            for armed in self._armed.get(tenant_id, []):
                if armed.fault.covers(route, area) and not armed.spent and armed.strikes():
                    return armed.fault
        return None
