"""The Redis connection, the queues, and one function to enqueue each job.

This is all of `jobs` that the web application imports. Jobs are named as strings, so that no page loads the code
that talks to Microsoft. Redis holds no state that the database does not: all of it may be lost at any time.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any

from flask import current_app
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import Job, JobStatus
from rq.utils import import_attribute

log = logging.getLogger(__name__)

# Somebody waits before the screen; the upkeep is short; what was started by hand goes ahead of what was scheduled.
INTERACTIVE, UPKEEP, SYNC = "interactive", "upkeep", "sync"
QUEUES = (INTERACTIVE, UPKEEP, SYNC)

# Tenants synced by one job: enough that a job's cost does not count, few enough that runs take turns.
GROUP_SIZE = 10

WORKERS_KEY = "seatledger:workers"
# A worker reports every few seconds; one that was not heard of for this long is not there.
WORKER_SILENCE_SECONDS = 15

_PICK_UP_SECONDS = 10
_ANSWER_SECONDS = 100
# A job is bounded by its requests' deadlines and its leases; this only ends one that hangs beyond both.
_SYNC_JOB_SECONDS = 3600


class QueueUnavailable(Exception):
    """Redis cannot be reached. The message says what to do."""

    def __init__(self) -> None:
        super().__init__(
            "The job queue cannot be reached. Start Seatledger with `make run`, or check that the Redis that "
            "REDIS_URL names is running."
        )


class NoWorker(Exception):
    """No worker took the job up. The message says what to do."""

    def __init__(self) -> None:
        super().__init__(
            "No worker is running, so nothing can be asked of Microsoft. Start one: `make run` starts "
            "workers, and `python -m jobs.worker` starts one alone."
        )


class JobFailed(Exception):
    """The job that was waited for broke, or took too long. The worker's log has the cause."""


def connection() -> Redis:
    """The Redis of the current app's settings."""
    return _connect(current_app.config["SETTINGS"].redis_url)


@lru_cache
def _connect(url: str) -> Redis:
    # RQ's workers, which wait for jobs, raise the second of these for themselves.
    return Redis.from_url(url, socket_connect_timeout=2, socket_timeout=5, health_check_interval=30)


def is_reachable() -> bool:
    try:
        return bool(connection().ping())
    except RedisError:
        return False


def workers_alive() -> int:
    """How many workers reported within the last `WORKER_SILENCE_SECONDS`. Raises `QueueUnavailable`."""
    try:
        return int(connection().zcount(WORKERS_KEY, time.time() - WORKER_SILENCE_SECONDS, "+inf"))
    except RedisError as error:
        raise QueueUnavailable from error


def report_worker(name: str) -> None:
    """Note that this worker is alive, and forget those that have long been silent."""
    now = time.time()
    with connection().pipeline() as pipeline:
        pipeline.zadd(WORKERS_KEY, {name: now})
        pipeline.zremrangebyscore(WORKERS_KEY, "-inf", now - 3600)
        pipeline.execute()


def forget_worker(name: str) -> None:
    connection().zrem(WORKERS_KEY, name)


def sync(run_id: int) -> None:
    """Begin a run, or take it up again. Call it after the commit that recorded the run. Raises `QueueUnavailable`.

    Where it raises, nothing is lost: the run stays queued and is found by the next sweep.
    """
    _enqueue_once(SYNC, "jobs.sync.begin", {f"run-{run_id}": (run_id,)})


def sync_parts(run_id: int, part_ids: Sequence[int]) -> None:
    """Sync these parts of a run, a group to a job. Raises `QueueUnavailable`."""
    # The groups' bounds are the same whichever parts are left, so that one that waits already is known again.
    groups = [list(group) for _, group in groupby(sorted(part_ids), key=lambda part_id: part_id // GROUP_SIZE)]
    calls = {f"parts-{run_id}-{'-'.join(map(str, group))}": (run_id, group) for group in groups}
    _enqueue_once(SYNC, "jobs.sync.work", calls)


def check_connection(credentials: str) -> dict[str, Any]:
    """Sign in with these credentials and read the tenant; return what `jobs.connect.check` returns.

    The credentials are encrypted by `webapp.extensions.vault`, since Redis keeps a job's arguments. Raises
    `QueueUnavailable`, `NoWorker` or `JobFailed`.
    """
    return _answer("jobs.connect.check", credentials)


def discover(integration_id: int) -> dict[str, Any]:
    """Find the tenants that an integration reaches; return what `jobs.connect.discover` returns. Raises as above."""
    return _answer("jobs.connect.discover", integration_id)


def run_here(name: str, *args: Any) -> dict[str, Any]:
    """Do a job in this process: for a command where no worker runs."""
    answer: dict[str, Any] = import_attribute(name)(*args)
    return answer


def _enqueue_once(queue_name: str, function: str, calls: Mapping[str, tuple[Any, ...]]) -> None:
    """Enqueue these calls, each under a name, but not one that waits in the queue by the same name already.

    A job's id is its name and something random: RQ removes what it knows under an id when the job ends, and that
    would lose a second one that was enqueued under the same id while the first was worked on.
    """
    try:
        queue = Queue(queue_name, connection=connection())
        waiting = {job_id.rpartition("_")[0] for job_id in queue.get_job_ids()}
        for name, args in calls.items():
            if name not in waiting:
                # The result is in the database; a failure is in the log and is found by the sweep.
                queue.enqueue_call(
                    function,
                    args=args,
                    job_id=f"{name}_{secrets.token_hex(4)}",
                    timeout=_SYNC_JOB_SECONDS,
                    result_ttl=0,
                    failure_ttl=3600,
                )
    except RedisError as error:
        raise QueueUnavailable from error


def _answer(function: str, *args: Any) -> dict[str, Any]:
    """Enqueue a job that somebody waits for, and wait for its answer."""
    if not workers_alive():
        raise NoWorker
    try:
        queue = Queue(INTERACTIVE, connection=connection())
        job = queue.enqueue_call(
            function, args=args, timeout=_ANSWER_SECONDS, ttl=_ANSWER_SECONDS, result_ttl=60, failure_ttl=60
        )
        return _wait(job)
    except (NoSuchJobError, InvalidJobOperation) as error:
        raise JobFailed from error  # Redis lost it
    except RedisError as error:
        raise QueueUnavailable from error


def _wait(job: Job) -> dict[str, Any]:
    began = time.monotonic()
    while (waited := time.monotonic() - began) < _ANSWER_SECONDS:
        result = job.latest_result(timeout=1)
        if result is not None:
            if result.type is result.Type.SUCCESSFUL:
                return dict(result.return_value or {})
            raise JobFailed
        if waited > _PICK_UP_SECONDS and job.get_status() == JobStatus.QUEUED and not workers_alive():
            job.delete()
            raise NoWorker
    job.delete()
    raise JobFailed
