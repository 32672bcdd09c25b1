"""The Redis of the jobs, and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from flask import current_app
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry


class QueueUnavailable(Exception):
    """Redis cannot be reached. The message says what to do."""

    def __init__(self) -> None:
        super().__init__(
            "The job queue cannot be reached. Start Seatledger with `make run`, or check that the Redis that "
            "REDIS_URL names is running."
        )


def connection() -> Redis:
    """The Redis of the current app's settings."""
    return _connect(current_app.config["SETTINGS"].redis_url)


def connection_of_a_worker() -> Redis:
    """One more such Redis, for RQ's worker: whoever has it in common with that waits for each answer as long as it does
    for a job."""
    return _new(current_app.config["SETTINGS"].redis_url, tries=1)


def _new(url: str, tries: int) -> Redis:
    again = Retry(NoBackoff(), tries - 1)
    return Redis.from_url(url, socket_connect_timeout=2, socket_timeout=5, health_check_interval=30, retry=again)


@lru_cache
def _connect(url: str) -> Redis:
    # Twice: a connection from before an outage may only turn out to be dead when it is used.
    return _new(url, tries=2)


def is_reachable() -> bool:
    try:
        return bool(connection().ping())
    except RedisError:
        return False


def redis_now() -> float:
    """By the clock of Redis, which is the same for all machines: seconds since 1970."""
    seconds, microseconds = connection().time()
    return float(seconds + microseconds / 1e6)


@dataclass(frozen=True)
class ServerFacts:
    """What Redis says of itself: its version, its clock in seconds since 1970, whether it may throw away keys."""

    version: str
    time: float
    may_evict: bool


def server_facts() -> ServerFacts:
    """Raises `QueueUnavailable`."""
    try:
        about, now = connection().info(), redis_now()
    except RedisError as error:
        raise QueueUnavailable from error
    policy = about.get("maxmemory_policy", "noeviction")
    return ServerFacts(
        str(about["redis_version"]),
        now,
        bool(about.get("maxmemory")) and policy != "noeviction",
    )
