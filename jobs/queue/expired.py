"""Taking out of RQ's lists what expired. RQ's workers do that beside what ours leave undone (`jobs.worker`)."""

from __future__ import annotations

from typing import Any

from redis.exceptions import RedisError
from rq import Queue
from rq.job import Job, parse_job_id
from rq.registry import FailedJobRegistry, FinishedJobRegistry, StartedJobRegistry
from rq.worker_registration import clean_worker_registry

from .names import QUEUES
from .redis_server import QueueUnavailable, connection, redis_now

# Scores are by the clock of the machine that did the job.
_MARGIN_SECONDS = 24 * 3600


def forget_expired() -> None:
    """Forget the names of jobs, and of workers, of which nothing else is kept. Raises `QueueUnavailable`.

    So with jobs at which a worker was killed. Nobody looks at any of them; but they would be there for ever, in a Redis
    that refuses work once it is full.
    """
    redis = connection()
    try:
        before = redis_now() - _MARGIN_SECONDS
        for name in QUEUES:
            begun: list[Any] = redis.zrangebyscore(StartedJobRegistry(name, connection=redis).key, 0, before)
            for entry in begun:
                redis.delete(Job.key_for(parse_job_id(entry.decode())))
            for registry in (FinishedJobRegistry, FailedJobRegistry, StartedJobRegistry):
                redis.zremrangebyscore(registry(name, connection=redis).key, 0, before)
            clean_worker_registry(Queue(name, connection=redis))
    except RedisError as error:
        raise QueueUnavailable from error


def forget_what_nobody_took(queue_name: str) -> None:
    """Take the jobs out of a queue that expired while they waited in it. Raises the errors of redis-py.

    Of each its name would be left, be counted among what waits, and become ever more where nobody takes any.
    """
    redis, waiting = connection(), Queue(queue_name, connection=connection())
    names = waiting.get_job_ids()
    with redis.pipeline(transaction=False) as pipeline:
        for name in names:
            pipeline.exists(Job.key_for(name))
        are_there = pipeline.execute()
        for name, is_there in zip(names, are_there, strict=True):
            if not is_there:
                waiting.remove(name, pipeline=pipeline)
        pipeline.execute()
