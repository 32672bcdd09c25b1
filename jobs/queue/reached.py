"""What answers which workers, as these report: by it a worker, and whoever looks, learns that it alone is cut off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from redis.exceptions import RedisError

from .presence import KEPT_SECONDS, add_to, names_by_queue, names_of, ours_among, told_by, workers_of
from .redis_server import QueueUnavailable, connection, redis_now, try_writing

# How long it is believed that a host of Microsoft's answers a worker.
ANSWERED_SECONDS = 30

# Among what hinders a worker, beside hosts of Microsoft's.
DATABASE = "database"
_AWAY = "away"


@dataclass(frozen=True)
class Workers:
    """How many workers of this installation take jobs of a queue, and how many of these are cut off.

    Without the database are those who are cut off from it; the others are so from Microsoft alone.
    """

    alive: int
    cut_off: int = 0
    without_database: int = 0

    @property
    def are_all_cut_off(self) -> bool:
        """Whether there are some, and none that is not cut off."""
        return 0 < self.alive == self.cut_off

    @property
    def are_all_without_database(self) -> bool:
        """The same of the database alone: what asks nothing of Microsoft waits for no more."""
        return 0 < self.alive == self.without_database


def report_reached(name: str, answered: Sequence[str], missed: Sequence[str], *, has_database: bool = True) -> None:
    """Note which of Microsoft's hosts answer this worker, and to which it got no connection just now.

    And whether the database answers it. Raises the errors of redis-py.
    """
    now = redis_now()
    with connection().pipeline() as pipeline:
        for key in map(_answered_key, answered):
            add_to(pipeline, key, name, now)
            pipeline.expire(key, KEPT_SECONDS)
        told = {_missed_key(name): " ".join(missed), _database_key(name): "" if has_database else _AWAY}
        for key, value in told.items():
            pipeline.set(key, value, ex=ANSWERED_SECONDS)
        pipeline.execute()


def answers_others(name: str, host: str, queues: Sequence[str]) -> bool:
    """Whether the host lately answered another worker of this installation that takes jobs of one of these queues.

    Raises `QueueUnavailable`.
    """
    try:
        return bool(_reaching(host, _missed(_others(name, queues))))
    except RedisError as error:
        raise QueueUnavailable from error


def may_answer_others(name: str, host: str, queues: Sequence[str]) -> bool:
    """Whether there is such a worker on another machine which does not say that it got no connection to it either.

    It may not have asked for long. Those on the same machine have the same way there. Raises `QueueUnavailable`.
    """
    try:
        others = [other for other in _others(name, queues) if _machine(other) != _machine(name)]
        return any(host not in hosts for hosts in _missed(others).values())
    except RedisError as error:
        raise QueueUnavailable from error


def workers_hindered() -> dict[str, list[str]]:
    """The workers of this installation that reported lately and are cut off: their names, each with from what.

    That is the `DATABASE`, and hosts of Microsoft's that answer others. Raises `QueueUnavailable`.
    """
    try:
        return _hindered(ours_among(workers_of()))
    except RedisError as error:
        raise QueueUnavailable from error


def workers_by_queue() -> dict[str, Workers]:
    """The workers that reported lately, by each of the queues. Raises `QueueUnavailable`.

    It does so, too, where none reports and Redis takes nothing that is written to it, as `workers_alive`.
    """
    try:
        by_queue = names_by_queue()
        ours = set(ours_among(sorted({name for names in by_queue.values() for name in names})))
        hindered = _hindered(sorted(ours))
        found = {queue: ours.intersection(names) for queue, names in by_queue.items()}
        if not all(found.values()):
            try_writing()
    except RedisError as error:
        raise QueueUnavailable from error
    away = {name for name, lacks in hindered.items() if DATABASE in lacks}
    return {
        queue: Workers(len(names), len(names & hindered.keys()), len(names & away)) for queue, names in found.items()
    }


def _hindered(ours: Sequence[str]) -> dict[str, list[str]]:
    """Those of all workers of this installation that are cut off, each with from what. Raises redis-py's errors."""
    missed = _missed(ours)
    away = {name for name, told in told_by(ours, _database_key) if told == _AWAY.encode()}
    answered = {host for host in {host for hosts in missed.values() for host in hosts} if _reaching(host, missed)}
    lacking = {
        name: [DATABASE] * (name in away) + [host for host in hosts if host in answered]
        for name, hosts in missed.items()
    }
    return {name: lacks for name, lacks in lacking.items() if lacks}


def _reaching(host: str, missed: Mapping[str, Sequence[str]]) -> set[str]:
    """Those of these workers, each with the hosts that it misses, which this host answered lately.

    Who got no connection to it since is none of them: in an outage of all, each had an answer just before.
    """
    answered = names_of(_answered_key(host), ANSWERED_SECONDS)
    return {name for name in answered if name in missed and host not in missed[name]}


def _others(name: str, queues: Sequence[str]) -> list[str]:
    return ours_among([other for other in workers_of(queues) if other != name])


def _machine(worker: str) -> str:
    """As `jobs.worker.new_name` has it."""
    return worker.rsplit("-", 2)[0]


def _missed(names: Sequence[str]) -> dict[str, list[str]]:
    return {name: (hosts or b"").decode().split() for name, hosts in told_by(names, _missed_key)}


def _answered_key(host: str) -> str:
    """Where workers report that the host answers them: a sorted set, as that of workers."""
    return f"seatledger:answered:{host}"


def _database_key(worker: str) -> str:
    return f"seatledger:worker:{worker}:database"


def _missed_key(worker: str) -> str:
    return f"seatledger:worker:{worker}:missed"
