"""Which of Microsoft's hosts answer which workers, as these report: a worker learns by it that it alone is cut off."""

from __future__ import annotations

from collections.abc import Sequence

from redis.exceptions import RedisError

from .presence import KEPT_SECONDS, add_to, names_of, strangers_among, told_by, workers_key
from .redis_server import QueueUnavailable, connection, redis_now

# How long it is believed that a host of Microsoft's answers a worker.
ANSWERED_SECONDS = 30


def report_reached(name: str, answered: Sequence[str], missed: Sequence[str]) -> None:
    """Note which of Microsoft's hosts answer this worker, and to which it got no connection just now.

    Raises the errors of redis-py.
    """
    now = redis_now()
    with connection().pipeline() as pipeline:
        for key in map(_answered_key, answered):
            add_to(pipeline, key, name, now)
            pipeline.expire(key, KEPT_SECONDS)
        pipeline.set(_missed_key(name), " ".join(missed), ex=ANSWERED_SECONDS)
        pipeline.execute()


def answers_others(name: str, host: str, queues: Sequence[str]) -> bool:
    """Whether the host lately answered another worker of this installation that takes jobs of one of these queues.

    Raises `QueueUnavailable`.
    """
    try:
        answered = set(names_of(_answered_key(host), ANSWERED_SECONDS))
        return bool(answered.intersection(_others(name, queues)))
    except RedisError as error:
        raise QueueUnavailable from error


def may_answer_others(name: str, host: str, queues: Sequence[str]) -> bool:
    """Whether there is another such worker which does not say that it got no connection to the host either.

    It may not have asked for long. Raises `QueueUnavailable`.
    """
    try:
        return any(host not in hosts for hosts in _missed(_others(name, queues)).values())
    except RedisError as error:
        raise QueueUnavailable from error


def _others(name: str, queues: Sequence[str]) -> list[str]:
    there = {other for queue_name in queues for other in names_of(workers_key(queue_name))}
    others = sorted(there - {name})
    return sorted(set(others).difference(strangers_among(others)))


def _missed(names: Sequence[str]) -> dict[str, list[str]]:
    return {name: (hosts or b"").decode().split() for name, hosts in told_by(names, _missed_key)}


def _answered_key(host: str) -> str:
    """Where workers report that the host answers them: a sorted set, as that of workers."""
    return f"seatledger:answered:{host}"


def _missed_key(worker: str) -> str:
    return f"seatledger:worker:{worker}:missed"
