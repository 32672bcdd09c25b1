"""How fast Microsoft may be asked, by all workers together.

Sources: Graph, "Microsoft Graph service-specific throttling limits": the global limit, and under "Identity and access
service limits" those by resource units. The requests of a batch count each for itself ("Microsoft Graph throttling
guidance").

Waits that Microsoft asked for, and what was asked in the current second, are in Redis, by its clock. Each process also
remembers what it heard itself. Where Redis is away, or was emptied, stored waits are looked up.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import lru_cache
from threading import Lock

from limits.storage import MemoryStorage
from redis import Redis
from redis.client import Pipeline

from webapp.models import Problem

from . import shared
from .errors import HeldBack, Throttled
from .retry_after import LONGEST_SECONDS

# All requests of an app, in whatever tenants: the global limit, and that of what it reads here, in resource units.
APP_REQUESTS, APP_REQUESTS_SECONDS = 130_000, 10
APP_UNITS, APP_UNITS_SECONDS = 150_000, 20
# Those of an app in one tenant: what holds for the smallest ones, with less than 50 users.
TENANT_UNITS, TENANT_UNITS_SECONDS = 3_500, 10
# The most that a request here costs: subscribedSkus, 3 units, less 1 since it has $select.
UNITS_A_REQUEST = 2
# After a wait of the whole app its tenants come back spread over so long.
SPREAD_SECONDS = 10.0

_PREFIX = "seatledger:pace"
# It is there where Redis was told all stored waits, and nobody emptied it since. It does not last, as it may be untrue:
# a Redis may come back with what it had some time ago, and who stored a wait may not have reached Redis to tell it.
_COMPLETE = f"{_PREFIX}:complete"
_COMPLETE_SECONDS = 60
# What is counted together. A limit of ten seconds is kept by a tenth of it each second; and as ten seconds touch eleven
# such windows, which begin with a request and not with the clock, it is an eleventh.
_WINDOW_SECONDS = 1
_APP_WINDOW = min(APP_REQUESTS // (APP_REQUESTS_SECONDS + 1), APP_UNITS // (APP_UNITS_SECONDS + 1))
_TENANT_WINDOW = TENANT_UNITS // (TENANT_UNITS_SECONDS + 1)

# Redis ends a key at a moment by its clock on the wall. Where that was set back since, no count is kept for longer than
# its window all the same, and no wait for longer than was told: it would be hours, in which nobody is asked anything.
_COUNT = """
local left = redis.call('PTTL', KEYS[1])
if left < 0 or left > tonumber(ARGV[1]) then
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[1])
    return tonumber(ARGV[2])
end
return redis.call('INCRBY', KEYS[1], ARGV[2])
"""
# A version before this one stored a 1, whatever it was told.
_LEFT = """
local left, told = redis.call('PTTL', KEYS[1]), tonumber(redis.call('GET', KEYS[1]) or '')
if told and told > 1 and left > told then
    redis.call('PEXPIRE', KEYS[1], told)
    return told
end
return left
"""

# Redis counts whole milliseconds, and a key is there until its last one is over.
_GRACE_SECONDS = 0.002

LATER = "Nothing needs to be done: syncs take this up again by themselves. For anything else, try again after that."


@dataclass(frozen=True)
class StoredWait:
    """For so many seconds more the app is not to ask; in one tenant only, where `tenant` is not empty."""

    client_id: str
    tenant: str
    seconds: float

    @property
    def name(self) -> str:
        return name_of(self.client_id, self.tenant)


@dataclass(frozen=True)
class _Seen:
    """For how long the app and the tenant are told to wait, and how much was asked in this second.

    Where it is not complete, there may be waits that are not seen.
    """

    app_seconds: float
    tenant_seconds: float
    app_units: int
    tenant_units: int
    is_complete: bool


class Pace:
    """The pace of one app in one tenant. Each thread may have one of its own; they know of each other's requests.

    `stored` finds all waits that outlast Redis. It is called where Redis cannot be relied on to know them.
    """

    def __init__(
        self, redis_url: str, client_id: str, tenant: str, stored: Callable[[], Collection[StoredWait]] = lambda: ()
    ) -> None:
        self._redis_url = redis_url
        self._app = name_of(client_id)
        self._tenant = name_of(client_id, tenant)
        self._stored = stored

    def before(self, requests: int = 1) -> None:
        """Count requests that are about to be sent to Graph. Raises `HeldBack` where they must not be sent now."""
        units = requests * UNITS_A_REQUEST
        _obey(_heard.left(self._app), _heard.left(self._tenant))
        seen = shared.ask(self._redis_url, lambda redis: self._look(redis, units)) or self._count_here(units)
        if not seen.is_complete:
            seen = self._with_stored(seen)
        _obey(seen.app_seconds, seen.tenant_seconds)
        if seen.app_units > _APP_WINDOW:
            raise _too_fast(_WINDOW_SECONDS + _GRACE_SECONDS + spread(), is_of_app=True)
        if seen.tenant_units > _TENANT_WINDOW:
            raise _too_fast(_WINDOW_SECONDS + _GRACE_SECONDS, is_of_app=False)

    def obey(self) -> None:
        """Raise `HeldBack` where a wait that Redis or this process knows of is not over. Nothing is counted."""
        app_seconds, tenant_seconds = shared.ask(self._redis_url, self._left) or (0.0, 0.0)
        _obey(max(app_seconds, _heard.left(self._app)), max(tenant_seconds, _heard.left(self._tenant)))

    def told(self, error: Throttled) -> None:
        """Hold back everybody whom this answer of Microsoft concerns, from now on; one that says no time, nobody."""
        if error.seconds is None or isinstance(error, HeldBack):
            return
        seconds = min(error.seconds, LONGEST_SECONDS)
        name = self._app if error.is_of_app else self._tenant
        _heard.add(name, seconds)
        shared.ask(self._redis_url, lambda redis: _tell(redis, name, seconds))

    def _left(self, redis: Redis) -> tuple[float, float]:
        """The seconds that Redis knows the app, and the tenant, to be told to wait."""
        with redis.pipeline(transaction=False) as pipeline:
            self._ask_for_waits(pipeline)
            app_wait, tenant_wait = map(_whole, pipeline.execute(raise_on_error=False))
        return app_wait / 1000, tenant_wait / 1000

    def _ask_for_waits(self, pipeline: Pipeline) -> None:
        # The scripts themselves each time: what only names one asks first, in a round trip, whether it is known.
        for name in (self._app, self._tenant):
            pipeline.eval(_LEFT, 1, _wait_key(name))

    def _look(self, redis: Redis, units: int) -> _Seen:
        with redis.pipeline(transaction=False) as pipeline:
            self._ask_for_waits(pipeline)
            for name in (self._app, self._tenant):
                pipeline.eval(_COUNT, 1, f"{_PREFIX}:{name}", _WINDOW_SECONDS * 1000, units)
            pipeline.exists(_COMPLETE)
            found = pipeline.execute(raise_on_error=False)
        # What somebody else put under a name says nothing.
        app_wait, tenant_wait, app_units, tenant_units, is_complete = map(_whole, found)
        return _Seen(app_wait / 1000, tenant_wait / 1000, app_units, tenant_units, bool(is_complete))

    def _count_here(self, units: int) -> _Seen:
        app, tenant = (_counted_here().incr(name, _WINDOW_SECONDS, units) for name in (self._app, self._tenant))
        return _Seen(0.0, 0.0, app, tenant, is_complete=False)

    def _with_stored(self, seen: _Seen) -> _Seen:
        """What is seen together with the stored waits, which are looked up, and of which Redis is told."""
        waits = self._stored()

        def tell_all(redis: Redis) -> None:
            with redis.pipeline(transaction=False) as pipeline:
                for wait in waits:
                    _tell(pipeline, wait.name, wait.seconds)
                pipeline.set(_COMPLETE, 1, ex=_COMPLETE_SECONDS)
                pipeline.execute()

        shared.ask(self._redis_url, tell_all)
        return replace(
            seen,
            app_seconds=max([seen.app_seconds, *(wait.seconds for wait in waits if wait.name == self._app)]),
            tenant_seconds=max([seen.tenant_seconds, *(wait.seconds for wait in waits if wait.name == self._tenant)]),
        )


def spread() -> float:
    """A few seconds, by lot, to wait beyond a wait of the whole app."""
    return random.uniform(0, SPREAD_SECONDS)  # noqa: S311


class _Heard:
    """The waits that this process was told of, by whom they concern."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._lock = Lock()

    def add(self, name: str, seconds: float) -> None:
        now = time.monotonic()
        with self._lock:
            self._until = {known: until for known, until in self._until.items() if until > now}
            self._until[name] = max(now + seconds, self._until.get(name, 0.0))

    def left(self, name: str) -> float:
        """The seconds that are left to wait."""
        return max(0.0, self._until.get(name, 0.0) - time.monotonic())


_heard = _Heard()


@lru_cache
def _counted_here() -> MemoryStorage:
    return MemoryStorage()


def name_of(client_id: str, tenant: str = "") -> str:
    """What is counted or waited for together: an app, or an app in one tenant. An app is in one cloud only."""
    return (f"{client_id}:{tenant}" if tenant else client_id).lower()


def _wait_key(name: str) -> str:
    return f"{_PREFIX}:wait:{name}"


# In one step, since two may be told at the same time.
_LENGTHEN = """
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[1])
end
"""


def _tell(redis: Redis, name: str, seconds: float) -> None:
    """Tell Redis, or a pipeline, of a wait. One that is longer stays."""
    redis.eval(_LENGTHEN, 1, _wait_key(name), str(math.ceil((seconds + _GRACE_SECONDS) * 1000)))


def _whole(value: object) -> int:
    return max(0, value) if isinstance(value, int) else 0


def _obey(app_seconds: float, tenant_seconds: float) -> None:
    """Raise `HeldBack` where the app, or the app in the tenant, is told to wait."""
    if app_seconds or tenant_seconds:
        raise _told_to_wait(app_seconds, tenant_seconds)


def _told_to_wait(app_seconds: float, tenant_seconds: float) -> HeldBack:
    seconds = min(max(app_seconds, tenant_seconds), LONGEST_SECONDS)
    is_of_app = app_seconds >= tenant_seconds
    what = "the app" if is_of_app else "the app in this tenant"
    reason = (
        f"Seatledger holds back: Microsoft asked to hear nothing of {what} for {math.ceil(seconds):,} seconds more."
    )
    return _held_back(reason, seconds + (spread() if is_of_app else 0.0), is_of_app)


def _too_fast(seconds: float, *, is_of_app: bool) -> HeldBack:
    whom = "this app" if is_of_app else "an app in one tenant"
    reason = f"Seatledger holds back, so that Microsoft is asked no faster than it allows {whom}."
    return _held_back(reason, seconds, is_of_app)


def _held_back(reason: str, seconds: float, is_of_app: bool) -> HeldBack:
    return HeldBack(Problem(reason, LATER, "held_back"), seconds, is_of_app=is_of_app)
