"""What Graph allows an app: so many requests in ten seconds, and none at all for a while.

https://learn.microsoft.com/graph/throttling-limits, "Identity and access service limits".
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal

WINDOW_SECONDS = 10.0

_COSTS = {"subscribedSkus": 3, "contracts": 3, "users": 2}


@dataclass(frozen=True)
class Limits:
    """Resource units in ten seconds for one app in all tenants, and in each; 0 is no limit."""

    app: int = 0
    tenant: int = 0

    def __post_init__(self) -> None:
        if min(self.app, self.tenant) < 0:
            raise ValueError("a limit cannot be negative")


@dataclass(frozen=True)
class Refusal:
    """Whom a request was too much for, and until when (a Unix time) it will be."""

    scope: Literal["tenant", "app"]
    until: float
    as_date: bool = False


class Pace:
    """The limits with what was used of them. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._limits = Limits()
        self._window = 0.0
        self._used: dict[tuple[str, str], int] = {}
        self._throttled: dict[str, Refusal] = {}

    def limit(self, limits: Limits) -> None:
        """These limits hold from now on."""
        with self._lock:
            self._limits = limits
            self._used.clear()

    def throttle_app(self, client_id: str, until: float, *, as_date: bool = False) -> None:
        """Nothing is answered to the app before that moment, in whichever tenant."""
        with self._lock:
            self._throttled[client_id] = Refusal("app", until, as_date)

    def refusal(self, client_id: str, tenant_id: str, cost: int, now: float) -> Refusal | None:
        """Why a request of this cost is not answered now; otherwise it has been charged."""
        if not self._throttled and not self._limits.app and not self._limits.tenant:
            return None
        with self._lock:
            throttled = self._throttled.get(client_id)
            if throttled and now < throttled.until:
                return throttled
            if now >= self._window + WINDOW_SECONDS:
                self._window = now - now % WINDOW_SECONDS
                self._used.clear()
            ends = self._window + WINDOW_SECONDS
            whole, here = (client_id, ""), (client_id, tenant_id)
            if self._limits.app and self._used.get(whole, 0) + cost > self._limits.app:
                return Refusal("app", ends)
            if self._limits.tenant and self._used.get(here, 0) + cost > self._limits.tenant:
                return Refusal("tenant", ends)
            for key in (whole, here):
                self._used[key] = self._used.get(key, 0) + cost
            return None


def cost_of(route: str, selects: bool) -> int:
    """The resource units that a request costs; a batch costs what is in it."""
    if route == "batch":
        return 0
    return max(1, _COSTS.get(route, 1) - selects)
