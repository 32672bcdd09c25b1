"""The Redis connection, the queues, and one function to enqueue each job.

This is all of `jobs` that the web application imports. Jobs are named as strings, so that no page loads the code
that talks to Microsoft. Redis holds no state that the database does not: all of it may be lost at any time.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any

from flask import current_app
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.cron import CronScheduler
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import Job, JobStatus
from rq.utils import import_attribute

log = logging.getLogger(__name__)

# Somebody waits before the screen; the upkeep is short; what was started by hand goes ahead of what was scheduled.
INTERACTIVE, UPKEEP, SYNC, SCHEDULED = "interactive", "upkeep", "sync", "scheduled"
QUEUES = (INTERACTIVE, UPKEEP, SYNC, SCHEDULED)

# Tenants synced by one job: enough that a job's cost does not count, few enough that runs take turns.
GROUP_SIZE = 20

# A worker reports every few seconds; one that was not heard of for this long is not there.
WORKER_SILENCE_SECONDS = 15

_PICK_UP_SECONDS = 10
_ANSWER_SECONDS = 100
# A mail server has so long for a mail; one that nobody took up is not sent long after somebody asked for it.
_MAIL_SECONDS = 40
_MAIL_WAITS_SECONDS = 3600
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


class WorkersBusy(Exception):
    """Workers run, but none took the job up in time. The message says what to do."""

    def __init__(self) -> None:
        super().__init__("All workers are busy syncing. Try again in a minute, or start more workers.")


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


def workers_alive(queue_name: str = SYNC) -> int:
    """How many workers that take jobs of this queue reported lately. Raises `QueueUnavailable`."""
    try:
        return int(connection().zcount(workers_key(queue_name), *_alive_since()))
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
    now = _now()
    # One that reported later than now did so before the clock was set back.
    return now - WORKER_SILENCE_SECONDS, now + WORKER_SILENCE_SECONDS


def _now() -> float:
    """By the clock of Redis, which is the same for all machines."""
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
        about = connection().info()
        seconds, microseconds = connection().time()
    except RedisError as error:
        raise QueueUnavailable from error
    policy = about.get("maxmemory_policy", "noeviction")
    return ServerFacts(
        str(about["redis_version"]),
        seconds + microseconds / 1e6,
        bool(about.get("maxmemory")) and policy != "noeviction",
    )


def schedules_alive() -> int:
    """How many schedule processes reported lately. Raises `QueueUnavailable`."""
    try:
        return len(CronScheduler.all(connection()))
    except RedisError as error:
        raise QueueUnavailable from error


def waiting() -> dict[str, tuple[int, float]]:
    """By queue, how many jobs wait in it, and for how many seconds the oldest. Raises `QueueUnavailable`."""
    try:
        queues = {name: Queue(name, connection=connection()) for name in QUEUES}
        return {name: (found.count, _oldest_seconds(found)) for name, found in queues.items()}
    except RedisError as error:
        raise QueueUnavailable from error


def _oldest_seconds(found: Queue) -> float:
    first = found.get_jobs(0, 1)
    since = first[0].enqueued_at if first else None
    return max(0.0, time.time() - since.timestamp()) if since is not None else 0.0


def report_worker(name: str, queues: Sequence[str] = QUEUES, version: str = "") -> None:
    """Note that this worker of these queues is alive, and its version; forget those that have long been silent."""
    now = _now()
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


def sync(*run_ids: int, lane: str = SYNC) -> None:
    """Begin runs, or take them up again. Call it after the commit that recorded them. Raises `QueueUnavailable`.

    Where it raises, nothing is lost: the runs stay queued and are found by a later sweep.
    """
    _enqueue_once(lane, "jobs.sync.begin", {f"run-{run_id}": (run_id,) for run_id in run_ids})


def sync_parts(run_id: int, part_ids: Sequence[int], lane: str = SYNC) -> None:
    """Sync these parts of a run, a group to a job. Raises `QueueUnavailable`."""
    # The groups' bounds are the same whichever parts are left, so that one that waits already is known again.
    groups = [list(group) for _, group in groupby(sorted(part_ids), key=lambda part_id: part_id // GROUP_SIZE)]
    calls = {f"parts-{run_id}-{'-'.join(map(str, group))}": (run_id, group) for group in groups}
    _enqueue_once(lane, "jobs.sync.work", calls)


def remove(integration_id: int) -> None:
    """Delete the data of an integration that is being removed, or go on with it. Raises `QueueUnavailable`.

    Where it raises, nothing is lost: a later sweep finds it.
    """
    _enqueue_once(SYNC, "jobs.removal.remove", {f"removal-{integration_id}": (integration_id,)})


def add_tenants(addition_id: int) -> None:
    """Answer the lines of a list of tenants to add, or go on with it. Raises `QueueUnavailable`.

    Where it raises, nothing is lost: a later sweep finds it.
    """
    _enqueue_once(INTERACTIVE, "jobs.adding.add", {f"addition-{addition_id}": (addition_id,)})


def check_connection(credentials: str) -> dict[str, Any]:
    """Sign in with these credentials and read the tenant; return what `jobs.connect.check` returns.

    The credentials are encrypted by `webapp.extensions.vault`, since Redis keeps a job's arguments. Raises
    `QueueUnavailable`, `NoWorker`, `WorkersBusy` or `JobFailed`.
    """
    return _answer("jobs.connect.check", credentials)


def begin_sign_in(integration_id: int, redirect_uri: str) -> dict[str, Any]:
    """Begin a partner user's sign-in; return what `jobs.partner_sign_in.begin` returns. Raises as above."""
    return _answer("jobs.partner_sign_in.begin", integration_id, redirect_uri)


def finish_sign_in(token: str) -> dict[str, Any]:
    """Redeem what the user came back with; return what `jobs.partner_sign_in.finish` returns. Raises as above."""
    return _answer("jobs.partner_sign_in.finish", token)


def discover(integration_id: int) -> dict[str, Any]:
    """Find the tenants that an integration reaches; return what `jobs.discovery.discover` returns. Raises as above."""
    return _answer("jobs.discovery.discover", integration_id)


def compare(tenant_row_id: int) -> dict[str, Any]:
    """Compare a tenant live with what is stored; return what `jobs.compare.compare` returns. Raises as above."""
    return _answer("jobs.compare.compare", tenant_row_id)


def mail_link(sealed: str) -> None:
    """Mail a link, as `webapp.auth.links` sealed it, once it is committed. Raises `QueueUnavailable`."""
    _enqueue_mail("jobs.mail.send_link", sealed)


def mail_reset(sealed: str) -> None:
    """Mail a link for a new password to an address, if there is a user of it. Raises `QueueUnavailable`."""
    _enqueue_mail("jobs.mail.answer_reset", sealed)


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


def _enqueue_mail(function: str, sealed: str) -> None:
    try:
        Queue(INTERACTIVE, connection=connection()).enqueue_call(
            function, args=(sealed,), timeout=_MAIL_SECONDS, ttl=_MAIL_WAITS_SECONDS, result_ttl=0, failure_ttl=60
        )
    except RedisError as error:
        raise QueueUnavailable from error


def _answer(function: str, *args: Any) -> dict[str, Any]:
    """Enqueue a job that somebody waits for, and wait for its answer."""
    if not workers_alive(INTERACTIVE):
        raise NoWorker
    try:
        queue = Queue(INTERACTIVE, connection=connection())
        job = queue.enqueue_call(
            function, args=args, timeout=_ANSWER_SECONDS, ttl=_ANSWER_SECONDS + 60, result_ttl=60, failure_ttl=60
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
        if waited > _PICK_UP_SECONDS and job.get_status() == JobStatus.QUEUED and not workers_alive(INTERACTIVE):
            job.delete()
            raise NoWorker
    was_begun = job.get_status() != JobStatus.QUEUED
    job.delete()
    raise JobFailed if was_begun else WorkersBusy
