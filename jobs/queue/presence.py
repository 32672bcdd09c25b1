"""Which workers and schedules are there: what they report, and how long ago.

All of it is by the clock of Redis, since a process whose own clock is wrong is there all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from redis.client import Pipeline
from redis.exceptions import RedisError

from . import clock
from .belonging import is_ours, own_marks, signing_mark
from .names import QUEUES, SYNC
from .redis_server import QueueUnavailable, connection, redis_now, try_writing

# A worker reports every few seconds; one that was not heard of for this long is not there.
WORKER_SILENCE_SECONDS = 15
# A schedule does so each time it has enqueued what was due, also every few seconds, but in the thread that does it.
SCHEDULE_SILENCE_SECONDS = 30

# Where schedules report: a sorted set, as that of workers.
SCHEDULES_KEY = "seatledger:schedules"

# What a process that vanished said of itself is kept for so long, and so are its reports.
KEPT_SECONDS = 3600


def _believed(count: int) -> int:
    """That nobody reported is believed where somebody could have."""
    if not count:
        try_writing()
    return count


def workers_alive(queue_name: str = SYNC) -> int:
    """How many workers of this installation that take jobs of this queue reported lately. Raises `QueueUnavailable`.

    It does so, too, where Redis takes nothing that is written to it: no worker can report then, however many run.
    """
    return _alive(workers_key(queue_name), WORKER_SILENCE_SECONDS)


def _alive(key: str, silence: float) -> int:
    """How many that report under this key did so lately, and are of this installation. Raises as above."""
    try:
        names = names_of(key, silence)
        return _believed(len(ours_among(names)))
    except RedisError as error:
        raise QueueUnavailable from error


def workers_versions() -> dict[str, str]:
    """The versions of this installation's workers that reported lately, by their names. Raises `QueueUnavailable`."""
    try:
        ours = ours_among(workers_of())
        return {name: (version or b"").decode() for name, version in told_by(ours, _version_key)}
    except RedisError as error:
        raise QueueUnavailable from error


def workers_clocks() -> dict[str, float]:
    """How many seconds the clock of each worker that reported lately is ahead of Redis', or behind it, below 0.

    By the names of this installation's. Those of an older version do not tell. Raises `QueueUnavailable`.
    """
    try:
        return _clocks(ours_among(workers_of()))
    except RedisError as error:
        raise QueueUnavailable from error


def schedules_clocks() -> dict[str, float]:
    """The same of the schedules that reported lately. Raises `QueueUnavailable`."""
    try:
        return _clocks(ours_among(names_of(SCHEDULES_KEY, SCHEDULE_SILENCE_SECONDS)))
    except RedisError as error:
        raise QueueUnavailable from error


def strangers() -> list[str]:
    """The workers and schedules that reported lately and are another installation's, or have other `ENCRYPTION_KEYS`.

    Their names. Those of an older version do not tell. Raises `QueueUnavailable`.
    """
    try:
        return strangers_among(_processes())
    except RedisError as error:
        raise QueueUnavailable from error


def is_any_there_of(marks: Collection[str]) -> bool:
    """Whether a worker or schedule that has one of these marks reported lately. Raises `QueueUnavailable`."""
    try:
        told = told_by(_processes(), _marks_key)
    except RedisError as error:
        raise QueueUnavailable from error
    return any(not set(marks).isdisjoint((said or b"").decode().split()) for _, said in told)


def strangers_among(names: Sequence[str]) -> list[str]:
    return [name for name, marks in told_by(names, _marks_key) if not is_ours((marks or b"").decode().split())]


def ours_among(names: Sequence[str]) -> list[str]:
    return sorted(set(names).difference(strangers_among(names)))


def signing_otherwise() -> list[str]:
    """The workers and schedules of this installation that reported lately and have another `SECRET_KEY`.

    Their names. Those of an older version do not tell. Raises `QueueUnavailable`.
    """
    try:
        names, own = _processes(), signing_mark().encode()
        others = set(strangers_among(names))
        told = told_by(names, _signing_key)
    except RedisError as error:
        raise QueueUnavailable from error
    return [name for name, mark in told if mark not in (None, own) and name not in others]


def _clocks(names: Sequence[str]) -> dict[str, float]:
    return {name: float(off) for name, off in told_by(names, _clock_key) if off is not None}


def told_by(names: Sequence[str], key: Callable[[str], str]) -> list[tuple[str, bytes | None]]:
    """What each of these processes said of itself under its key; None where it said nothing."""
    told: list[Any] = connection().mget([key(name) for name in names]) if names else []
    return list(zip(names, told, strict=True))


def _processes() -> list[str]:
    """The names of all that reported lately."""
    return [*workers_of(), *names_of(SCHEDULES_KEY, SCHEDULE_SILENCE_SECONDS)]


def workers_of(queues: Sequence[str] = QUEUES) -> list[str]:
    """The names of those that reported lately and take jobs of one of these queues, whosever they are."""
    return sorted({name for names in names_by_queue(queues).values() for name in names})


def names_by_queue(queues: Sequence[str] = QUEUES) -> dict[str, list[str]]:
    """The same by each of these queues."""
    return dict(zip(queues, _names_of([workers_key(queue_name) for queue_name in queues]), strict=True))


def names_of(key: str, silence: float) -> list[str]:
    return _names_of([key], silence)[0]


def _names_of(keys: Sequence[str], silence: float = WORKER_SILENCE_SECONDS) -> list[list[str]]:
    """The names of those that reported lately under each of these keys, as of one moment."""
    bounds = _alive_since(silence)
    with connection().pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.zrangebyscore(key, *bounds)
        return [sorted(name.decode() for name in found) for found in pipeline.execute()]


def _alive_since(silence: float) -> tuple[float, float]:
    now = redis_now()
    # One that reported later than now did so before the clock was set back.
    return now - silence, now + silence


def schedules_alive() -> int:
    """How many schedule processes of this installation reported lately. Raises `QueueUnavailable`, as above."""
    return _alive(SCHEDULES_KEY, SCHEDULE_SILENCE_SECONDS)


def report_worker(name: str, queues: Sequence[str] = QUEUES, version: str = "") -> None:
    """Note that this worker of these queues is alive, its version and its clock. Raises the errors of redis-py."""
    _report(name, [workers_key(queue_name) for queue_name in queues], {_version_key(name): version})


def report_schedule(name: str) -> None:
    """Note that this schedule is alive, and its clock. To be called by what enqueues: one that hangs must be silent.

    Raises the errors of redis-py.
    """
    _report(name, [SCHEDULES_KEY], {})


def _report(name: str, keys: Sequence[str], facts: Mapping[str, str]) -> None:
    """Note in each of these sets that it is alive, and what else is told; forget those that have long been silent."""
    now, ahead = clock.compare()
    with connection().pipeline() as pipeline:
        told = {
            **facts,
            _clock_key(name): f"{ahead:.3f}",
            _marks_key(name): " ".join(own_marks()),
            _signing_key(name): signing_mark(),
        }
        for fact, value in told.items():
            pipeline.set(fact, value, ex=KEPT_SECONDS)
        for key in keys:
            add_to(pipeline, key, name, now)
        pipeline.execute()


def add_to(pipeline: Pipeline, key: str, name: str, now: float) -> None:
    """Add the name to this set of those that report, and take out those that have long been silent."""
    pipeline.zadd(key, {name: now})
    pipeline.zremrangebyscore(key, "-inf", now - KEPT_SECONDS)
    pipeline.zremrangebyscore(key, now + KEPT_SECONDS, "+inf")


def forget_worker(name: str, queues: Sequence[str] = QUEUES) -> None:
    """Take back what this worker of these queues reported: it ends. Raises the errors of redis-py."""
    _forget(name, [workers_key(queue_name) for queue_name in queues], [_version_key(name)])


def forget_schedule(name: str) -> None:
    """Take back what this schedule reported: it ends. Raises the errors of redis-py."""
    _forget(name, [SCHEDULES_KEY], [])


def _forget(name: str, keys: Sequence[str], facts: Sequence[str]) -> None:
    with connection().pipeline() as pipeline:
        pipeline.delete(*facts, _clock_key(name), _marks_key(name), _signing_key(name))
        for key in keys:
            pipeline.zrem(key, name)
        pipeline.execute()


def workers_key(queue_name: str) -> str:
    """Where the workers of a queue report: a sorted set of their names by the time of the last report."""
    return f"seatledger:workers:{queue_name}"


def _version_key(worker: str) -> str:
    return f"seatledger:worker:{worker}:version"


def _clock_key(process: str) -> str:
    # Of workers and schedules alike: no two processes have the same name.
    return f"seatledger:process:{process}:clock"


def _signing_key(process: str) -> str:
    return f"seatledger:process:{process}:signing"


def _marks_key(process: str) -> str:
    return f"seatledger:process:{process}:marks"
