"""Which of Microsoft's hosts answer which workers, as these report: a worker learns by it that it alone is cut off."""

from __future__ import annotations

from collections.abc import Sequence

from redis.exceptions import RedisError

from .presence import KEPT_SECONDS, add_to, names_of, strangers_among, workers_key
from .redis_server import QueueUnavailable, connection, redis_now

# How long it is believed that a host of Microsoft's answers a worker.
ANSWERED_SECONDS = 30


def report_answered(name: str, hosts: Sequence[str]) -> None:
    """Note that these hosts of Microsoft's answer this worker. Raises the errors of redis-py."""
    now = redis_now()
    with connection().pipeline() as pipeline:
        for key in map(_answered_key, hosts):
            add_to(pipeline, key, name, now)
            pipeline.expire(key, KEPT_SECONDS)
        pipeline.execute()


def answers_others(name: str, host: str, queues: Sequence[str]) -> bool:
    """Whether the host lately answered another worker of this installation that takes jobs of one of these queues.

    Raises `QueueUnavailable`.
    """
    try:
        there = {other for queue_name in queues for other in names_of(workers_key(queue_name))}
        answered = names_of(_answered_key(host), ANSWERED_SECONDS)
        others = [other for other in answered if other in there and other != name]
        return len(others) > len(strangers_among(others))
    except RedisError as error:
        raise QueueUnavailable from error


def _answered_key(host: str) -> str:
    """Where workers report that the host answers them: a sorted set, as that of workers."""
    return f"seatledger:answered:{host}"
