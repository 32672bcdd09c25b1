"""What happens to Seatledger's own processes and databases in the midst of a run.

Each is a function that lets it happen; what is to be started again afterwards, `World.restore` starts.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from random import Random

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from sqlalchemy import select, text

from jobs import queue
from tests.support.waiting import eventually
from webapp.database import declare_writing
from webapp.extensions import db
from webapp.models import SyncPart, SyncRun

from .world import World

Disaster = Callable[[World, Random, int], None]


def nothing(world: World, dice: Random, run_id: int) -> None:
    """Only Microsoft has trouble."""


def a_worker_is_killed(world: World, dice: Random, run_id: int) -> None:
    dice.choice(world.workers).kill()


def all_workers_are_killed(world: World, dice: Random, run_id: int) -> None:
    for worker in (*world.workers, world.attendant):
        worker.kill()


def the_web_is_killed(world: World, dice: Random, run_id: int) -> None:
    world.web.kill()


def a_web_worker_is_killed(world: World, dice: Random, run_id: int) -> None:
    dice.choice(world.web.children()).kill()


def the_schedule_is_killed(world: World, dice: Random, run_id: int) -> None:
    world.schedule.kill()


def redis_is_killed_and_keeps_its_data(world: World, dice: Random, run_id: int) -> None:
    world.redis.kill_with_its_data()


def redis_is_killed_and_loses_its_data(world: World, dice: Random, run_id: int) -> None:
    world.redis.kill_without_its_data()


def redis_is_emptied(world: World, dice: Random, run_id: int) -> None:
    world.redis.flush()


def redis_is_frozen(world: World, dice: Random, run_id: int) -> None:
    """Nobody gets an answer for a while; then all that was asked is answered."""
    world.redis.freeze()
    try:
        _wait(dice.uniform(2, 8))
    finally:
        world.redis.thaw()


def redis_is_full(world: World, dice: Random, run_id: int) -> None:
    """For a while it takes nothing that is written to it, and is read as ever."""
    world.redis.client.config_set("maxmemory", "1")
    _wait(dice.uniform(2, 6))
    world.redis.client.config_set("maxmemory", "0")


def the_database_is_killed(world: World, dice: Random, run_id: int) -> None:
    """SQLite has no process: there, somebody holds its one lock for a while."""
    if world.postgresql is not None:
        world.postgresql.kill()
    else:
        _hold_the_database(world, dice.uniform(0.5, 3))


def the_database_may_only_be_read(world: World, dice: Random, run_id: int) -> None:
    """For a while, as where the primary became a standby. With SQLite somebody holds its lock."""
    if world.postgresql is None:
        _hold_the_database(world, dice.uniform(2, 6))
        return
    world.postgresql.let_be_read_only(True)
    _wait(dice.uniform(2, 6))
    world.postgresql.let_be_read_only(False)


def connections_are_dropped(world: World, dice: Random, run_id: int) -> None:
    """Those to the database, again and again; with SQLite those to Redis."""
    for _ in range(dice.randint(1, 3)):
        if world.postgresql is not None:
            world.postgresql.drop_connections()
        else:
            _drop_clients(world.redis.client)


def everything_is_killed(world: World, dice: Random, run_id: int) -> None:
    programs = [*world.programs]
    dice.shuffle(programs)
    for program in programs:
        program.kill()
    kill_redis = dice.choice((world.redis.kill_with_its_data, world.redis.kill_without_its_data))
    kill_redis()
    if world.postgresql is not None:
        world.postgresql.kill()


def a_worker_is_frozen_beyond_its_lease(world: World, dice: Random, run_id: int) -> None:
    """It wakes up when others have taken over what it had in hand, or would have."""
    worker = dice.choice(world.workers)
    worker.freeze()
    try:
        # Frozen in the midst of a transaction, it may hold what others wait for: then nobody can take over.
        with suppress(AssertionError):
            eventually(lambda: _has_ended(world, run_id), 2 * world.lease_seconds)
    finally:
        worker.thaw()


def a_worker_is_told_to_stop(world: World, dice: Random, run_id: int) -> None:
    """It ends in time, and says that all is well."""
    assert dice.choice(world.workers).tell_to_stop() == 0


def a_worker_is_told_twice_to_stop(world: World, dice: Random, run_id: int) -> None:
    """It gives back at once what it has in hand. Told at its very end, it ends by that."""
    assert dice.choice(world.workers).tell_to_stop(again_after=1.2) in {0, -signal.SIGTERM}


def every_job_comes_twice(world: World, dice: Random, run_id: int) -> None:
    """All that is left of the run is enqueued twice, past what keeps one from being enqueued twice."""
    with world.looking():
        parts = select(SyncPart.id).where(SyncPart.run_id == run_id, SyncPart.finished_at.is_(None))
        part_ids = list(db.session.scalars(parts.order_by(SyncPart.id)))
        waiting = Queue(queue.SYNC, connection=queue.connection())
        for _ in range(2):
            waiting.enqueue_call("jobs.sync.begin", args=(run_id,), result_ttl=0)
            waiting.enqueue_call("jobs.sync.work", args=(run_id, part_ids), result_ttl=0)


# All of these come in turn, in an order that the seed gives.
DISASTERS: tuple[Disaster, ...] = (
    nothing,
    a_worker_is_killed,
    all_workers_are_killed,
    the_web_is_killed,
    a_web_worker_is_killed,
    the_schedule_is_killed,
    redis_is_killed_and_keeps_its_data,
    redis_is_killed_and_loses_its_data,
    redis_is_emptied,
    redis_is_frozen,
    redis_is_full,
    the_database_is_killed,
    the_database_may_only_be_read,
    connections_are_dropped,
    everything_is_killed,
    a_worker_is_frozen_beyond_its_lease,
    a_worker_is_told_to_stop,
    a_worker_is_told_twice_to_stop,
    every_job_comes_twice,
)


def _hold_the_database(world: World, seconds: float) -> None:
    with world.looking():
        declare_writing()
        db.session.execute(text("SELECT 1"))
        _wait(seconds)


def _wait(seconds: float) -> None:
    threading.Event().wait(seconds)


def _drop_clients(client: Redis) -> None:
    with suppress(RedisError):
        client.client_kill_filter(_type="normal", skipme=True)


def _has_ended(world: World, run_id: int) -> bool:
    with world.looking():
        state = db.session.scalar(select(SyncRun.state).where(SyncRun.id == run_id))
        return state is not None and not state.is_active
