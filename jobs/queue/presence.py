"""Which workers and schedules are there: what they report, and how long ago."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.exceptions import RedisError
from rq.cron import CronScheduler

from .names import QUEUES, SYNC
from .redis_server import QueueUnavailable, connection, redis_now, try_writing

# A worker reports every few seconds; one that was not heard of for this long is not there.
WORKER_SILENCE_SECONDS = 15


def _believed(count: int) -> int:
    """That nobody reported is believed where somebody could have."""
    if not count:
        try_writing()
    return count


def workers_alive(queue_name: str = SYNC) -> int:
    """How many workers that take jobs of this queue reported lately. Raises `QueueUnavailable`.

    It does so, too, where Redis takes nothing that is written to it: no worker can report then, however many run.
    """
    try:
        return _believed(int(connection().zcount(workers_key(queue_name), *_alive_since())))
    except RedisError as error:
        raise QueueUnavailable from error


def workers_versions() -> dict[str, str]:
    """The versions of the workers that reported lately, by their names. Raises `QueueUnavailable`."""
    try:
        bounds = _alive_since()
        found: list[Any] = [connection().zrangebyscore(workers_key(name), *bounds) for name in QUEUES]
        names = sorted({name.decode() for some in found for name in some})
        versions: list[Any] = connection().mget([_version_key(name) for name in names]) if names else []
        return {name: (version or b"").decode() for name, version in zip(names, versions, strict=True)}
    except RedisError as error:
        raise QueueUnavailable from error


def _alive_since() -> tuple[float, float]:
    now = redis_now()
    # One that reported later than now did so before the clock was set back.
    return now - WORKER_SILENCE_SECONDS, now + WORKER_SILENCE_SECONDS


def schedules_alive() -> int:
    """How many schedule processes reported lately. Raises `QueueUnavailable`, as above."""
    try:
        return _believed(len(CronScheduler.all(connection())))
    except RedisError as error:
        raise QueueUnavailable from error


def report_worker(name: str, queues: Sequence[str] = QUEUES, version: str = "") -> None:
    """Note that this worker of these queues is alive, and its version; forget those that have long been silent."""
    now = redis_now()
    with connection().pipeline() as pipeline:
        pipeline.set(_version_key(name), version, ex=3600)
        for queue_name in queues:
            pipeline.zadd(workers_key(queue_name), {name: now})
            pipeline.zremrangebyscore(workers_key(queue_name), "-inf", now - 3600)
            pipeline.zremrangebyscore(workers_key(queue_name), now + 3600, "+inf")
        pipeline.execute()


def forget_worker(name: str, queues: Sequence[str] = QUEUES) -> None:
    with connection().pipeline() as pipeline:
        pipeline.delete(_version_key(name))
        for queue_name in queues:
            pipeline.zrem(workers_key(queue_name), name)
        pipeline.execute()


def workers_key(queue_name: str) -> str:
    """Where the workers of a queue report: a sorted set of their names by the time of the last report."""
    return f"seatledger:workers:{queue_name}"


def _version_key(worker: str) -> str:
    return f"seatledger:worker:{worker}:version"
