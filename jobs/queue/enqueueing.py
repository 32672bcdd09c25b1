"""How a job gets into a queue: once, or waited for."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from redis.exceptions import RedisError
from rq import Queue
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import Job, JobStatus

from .belonging import names_of_ours, new_job_id, whose
from .names import INTERACTIVE, QUEUES
from .presence import workers_alive
from .reached import workers_by_queue
from .redis_server import QueueUnavailable, connection

# What an answer has where another worker may have a better one.
MAY_BE_LEFT = "may_be_left"

_PICK_UP_SECONDS = 10
_ANSWER_SECONDS = 100
# So long others may try what one could not do: whoever waits is not to wait for all of them in vain.
_OTHERS_SECONDS = 30
# A mail server has so long for a mail; one that nobody took up is not sent long after somebody asked for it.
_MAIL_SECONDS = 40
_MAIL_WAITS_SECONDS = 3600
# As far as one looks for the first job in a queue that has not expired.
_EXPIRED_AT_MOST = 10
# A job is bounded by its requests' deadlines and its leases; this only ends one that hangs beyond both.
_SYNC_JOB_SECONDS = 3600


class NoWorker(Exception):
    """No worker took the job up. The message says what to do."""

    _MESSAGE = (
        "No worker is running, so nothing can be asked of Microsoft. Start one: `make run` starts "
        "workers, and `python -m jobs.worker` starts one alone."
    )

    def __init__(self) -> None:
        super().__init__(self._MESSAGE)


class WorkersCutOff(NoWorker):
    """Workers run, and the database or Microsoft does not answer any of them. The message says what to do."""

    _MESSAGE = (
        "All workers are cut off from the database or from Microsoft, so nothing can be asked now. `flask doctor` "
        "names them and says what to do."
    )


class WorkersBusy(Exception):
    """Workers run, but none took the job up in time. The message says what to do."""

    def __init__(self) -> None:
        super().__init__("All workers are busy syncing. Try again in a minute, or start more workers.")


class JobFailed(Exception):
    """The job that was waited for broke, or took too long. The worker's log has the cause."""


def waiting() -> dict[str, tuple[int, float]]:
    """By queue, how many jobs wait in it, and for how many seconds the oldest. Raises `QueueUnavailable`."""
    try:
        queues = {name: Queue(name, connection=connection()) for name in QUEUES}
        return {name: (found.count, _oldest_seconds(found)) for name, found in queues.items()}
    except RedisError as error:
        raise QueueUnavailable from error


def _oldest_seconds(found: Queue) -> float:
    # Of those that expired only the names are left, until the schedule takes them out.
    first = found.get_jobs(0, _EXPIRED_AT_MOST)
    since = first[0].enqueued_at if first else None
    return max(0.0, time.time() - since.timestamp()) if since is not None else 0.0


def names_waiting(*queue_names: str) -> set[str]:
    """The names of the jobs of this installation that wait in these queues. Raises `QueueUnavailable`."""
    try:
        return set().union(*(names_of_ours(Queue(name, connection=connection()).get_job_ids()) for name in queue_names))
    except RedisError as error:
        raise QueueUnavailable from error


def enqueue_once(queue_name: str, function: str, calls: Mapping[str, tuple[Any, ...]]) -> None:
    """Enqueue these calls, each under a name, but not one that waits in the queue by the same name already.

    Raises `QueueUnavailable`.
    """
    try:
        queue = Queue(queue_name, connection=connection())
        waiting = names_waiting(queue_name)
        for name, args in calls.items():
            if name not in waiting:
                # The result is in the database; a failure is in the log and is found by the sweep.
                _enqueue(
                    queue,
                    function,
                    args,
                    job_id=new_job_id(name),
                    timeout=_SYNC_JOB_SECONDS,
                    result_ttl=0,
                    failure_ttl=3600,
                )
    except RedisError as error:
        raise QueueUnavailable from error


def enqueue_mail(function: str, sealed: str) -> None:
    """Enqueue a job that sends a mail; `sealed` is its argument, encrypted. Raises `QueueUnavailable`."""
    try:
        queue = Queue(INTERACTIVE, connection=connection())
        _enqueue(
            queue,
            function,
            (sealed,),
            timeout=_MAIL_SECONDS,
            ttl=_MAIL_WAITS_SECONDS,
            result_ttl=0,
            failure_ttl=60,
        )
    except RedisError as error:
        raise QueueUnavailable from error


def answer_of(function: str, *args: Any) -> dict[str, Any]:
    """Enqueue a job that somebody waits for, and wait for its answer.

    Where a worker says that others may do what it could not, each of them may try, for some time; if none does it, its
    answer is the one.

    Raises `NoWorker`, `WorkersBusy`, `JobFailed` and `QueueUnavailable`.
    """
    if not workers_alive(INTERACTIVE):
        raise NoWorker
    deadline = time.monotonic() + _ANSWER_SECONDS
    try:
        answer = _wait(enqueue_awaited(function, *args), deadline)
        deadline = min(deadline, time.monotonic() + _OTHERS_SECONDS)
        # So often at the most: what the first one missed is forgotten before many have tried.
        for _ in range(workers_alive(INTERACTIVE)):
            if answer.pop(MAY_BE_LEFT, False) and time.monotonic() < deadline:
                with suppress(NoWorker, WorkersBusy, JobFailed):
                    answer = _wait(enqueue_awaited(function, *args), deadline)
        answer.pop(MAY_BE_LEFT, None)
        return answer
    except (NoSuchJobError, InvalidJobOperation) as error:
        raise JobFailed from error  # Redis lost it
    except RedisError as error:
        raise QueueUnavailable from error


def enqueue_awaited(function: str, *args: Any) -> Job:
    """Enqueue a job that somebody waits for, before all syncs. Raises the errors of redis-py."""
    queue = Queue(INTERACTIVE, connection=connection())
    seconds = _ANSWER_SECONDS
    return _enqueue(queue, function, args, timeout=seconds, ttl=seconds + 60, result_ttl=60, failure_ttl=60)


def _enqueue(queue: Queue, function: str, args: tuple[Any, ...], **options: Any) -> Job:
    """What all jobs have in common: each tells whose it is."""
    return queue.enqueue_call(function, args=args, meta=whose(), **options)


def _wait(job: Job, deadline: float) -> dict[str, Any]:
    began = time.monotonic()
    while (now := time.monotonic()) < deadline:
        result = job.latest_result(timeout=1)
        if result is not None:
            if result.type is result.Type.SUCCESSFUL:
                return dict(result.return_value or {})
            raise JobFailed
        if now - began > _PICK_UP_SECONDS and job.get_status() == JobStatus.QUEUED:
            workers = workers_by_queue()[INTERACTIVE]
            if not workers.alive or workers.are_all_cut_off:
                job.delete()
                raise WorkersCutOff if workers.alive else NoWorker
    was_begun = job.get_status() != JobStatus.QUEUED
    job.delete()
    raise JobFailed if was_begun else WorkersBusy
