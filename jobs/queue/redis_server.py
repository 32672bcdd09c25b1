"""The Redis of the jobs, and what it says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flask import current_app
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError, RedisError, ResponseError
from redis.retry import Retry

# What tells whether Redis takes what is written to it. A cluster has them in two places.
_WRITTEN, _WRITTEN_BESIDE = "seatledger:written", "rq:written"


class QueueUnavailable(Exception):
    """Redis cannot be reached, or refuses what it is told. The message says what to do; the cause, what Redis said."""

    def __init__(self) -> None:
        super().__init__(
            "The job queue cannot be reached. Start Seatledger with `make run`, or check that the Redis that "
            "REDIS_URL names is running and takes what is written to it: `flask doctor` says what is wrong."
        )

    @property
    def is_refusal(self) -> bool:
        """Whether Redis is there and answered that it does not do this: it is full, a replica, or the user may not."""
        return isinstance(self.__cause__, ResponseError)

    @property
    def reason(self) -> str:
        """What went wrong, in one line, for whoever runs this: it may name the address, and holds no secret."""
        return " ".join(str(self.__cause__ or self).split())


def connection() -> Redis:
    """The Redis of the current app's settings."""
    return _connect(current_app.config["SETTINGS"].redis_url)


def connection_of_a_worker() -> Redis:
    """One more such Redis, for RQ's worker only.

    RQ lets it wait for each answer as long as it waits for a job, and whoever shared it would wait as long.
    """
    return _new(current_app.config["SETTINGS"].redis_url, tries=1)


def _new(url: str, tries: int) -> Redis:
    again = Retry(NoBackoff(), tries - 1)
    return Redis.from_url(url, socket_connect_timeout=2, socket_timeout=5, retry=again)


@lru_cache
def _connect(url: str) -> Redis:
    # Twice: a connection from before an outage may only turn out to be dead when it is used. So no health check, which
    # redis-py tries as often for each try, needs to find that out: of a Redis that hangs it makes four waits of two.
    return _new(url, tries=2)


def is_reachable() -> bool:
    """Whether Redis answers."""
    try:
        return bool(connection().ping())
    except RedisError:
        return False


def try_writing() -> None:
    """Raise Redis' error where it takes nothing that is written to it, or not several keys at once, as RQ has them."""
    connection().set(_WRITTEN, 1, px=1000)
    connection().delete(_WRITTEN, _WRITTEN_BESIDE)


def redis_now() -> float:
    """By the clock of Redis, which is the same for all machines: seconds since 1970."""
    seconds, microseconds = connection().time()
    return float(seconds + microseconds / 1e6)


@dataclass(frozen=True)
class ServerFacts:
    """What Redis says of itself: its version, its clock in seconds since 1970, whether it may throw away keys.

    The version is empty where this user may not ask for it; then nothing is known of keys either.
    """

    version: str
    time: float
    may_evict: bool


def server_facts() -> ServerFacts:
    """Raises `QueueUnavailable`, also where Redis takes nothing that is written to it."""
    try:
        try_writing()
        about, now = _info(), redis_now()
    except RedisError as error:
        raise QueueUnavailable from error
    policy = about.get("maxmemory_policy", "noeviction")
    return ServerFacts(
        str(about.get("redis_version", "")),
        now,
        bool(about.get("maxmemory")) and policy != "noeviction",
    )


def _info() -> Mapping[str, Any]:
    """Empty where this user may not ask: who offers Redis as a service may allow nobody to, and no work needs it."""
    try:
        return connection().info()
    except NoPermissionError:
        return {}
