"""A worker: `python -m jobs.worker`. Start as many as are wanted, on as many machines as share Redis and database.

It works in one process, without forking for each job: connections to the database and to Microsoft stay warm. A
job that hurts the process is found again by its lease, and the supervisor starts another worker.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from types import FrameType
from typing import Any

from flask import Flask
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.exceptions import InvalidJobOperation, NoSuchJobError, StopRequested
from rq.job import Job

from logs import configure
from logs.outages import JOB_WITHOUT_DATABASE, JOB_WITHOUT_REDIS, REDIS_IS_AWAY
from webapp.background import in_background
from webapp.database import driver_s_words, is_away
from webapp.engines.postgresql import plan_once
from webapp.engines.sqlite import save_soon
from webapp.metrics.flushing import handing_over
from webapp.starting import app_or_end
from webapp.version import version

from . import crew, cut_off, queue, skew, told_to_stop
from .leaving import Leaving
from .queue.clock import compare

log = logging.getLogger(__name__)

REPORT_SECONDS = 5
# RQ waits for a job 15 seconds less than this at a time, and 5 seconds less for any answer of Redis. So long it takes a
# worker to notice that a host vanished, or that a firewall forgot a connection; RQ's own would be 7 minutes.
_RQ_SECONDS = 25

# New objects, and collections of each generation, before the collector looks at the next older one.
_COLLECT_AFTER = (20_000, 10, 20)
# The modules of the jobs that wait in the queues by their names.
_JOBS = (
    *("sync", "schedule", "prune", "removal", "unlinking", "adding"),
    *("connect", "partner_sign_in", "discovery", "compare", "mail"),
)
# As glibc's malloc.h has them.
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8


class Worker(SimpleWorker):
    """RQ's worker, which leaves some jobs to others, and ends none in its midst: `told_to_stop` sees to that."""

    # In seconds: a Redis that comes back is not left waiting, as by RQ for up to a minute.
    max_connection_wait_time = 10.0

    # The jobs that it does not do.
    leaving: Leaving
    # Called after a job that the database did not answer; returns once it answers, or the process was told to stop.
    wait_for_database: Callable[[], None]
    # Whether the job that was done last ended so.
    has_lost_database = False
    # Whether no job is taken any more, and what is in hand is ended: no error of RQ's must strike that.
    is_ending = False

    def execute_job(self, job: Job, queue: Queue) -> None:
        if self.leaving.is_left(job, queue):
            return
        super().execute_job(job, queue)
        self._stand_back()

    def _stand_back(self) -> None:
        """Take no job before the database answers again, where it did not.

        It may be this machine alone that is cut off. Each job would fail at once, and who is done so soon takes the
        jobs of all others.
        """
        if self.has_lost_database:
            self.has_lost_database = False
            self.wait_for_database()

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        # RQ notes the request in Redis. Where that is away, its error must not strike the job in hand.
        with suppress(RedisError):
            if not self.is_ending:
                super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def request_force_stop(self, signum: int, frame: FrameType | None) -> None:
        """Told to stop again: RQ would raise an error in the midst of what is in hand, which is given back instead."""

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Tell of an outage as of one: what the job left undone is found in the database, and done when it is over."""
        error = exc_info[1]
        if is_away(error):
            self.has_lost_database = True
            log.warning(JOB_WITHOUT_DATABASE, job.func_name, driver_s_words(error))
        elif isinstance(error, RedisError | queue.QueueUnavailable):
            log.warning(JOB_WITHOUT_REDIS, job.func_name, error.__cause__ or error)
        elif isinstance(error, NoSuchJobError | InvalidJobOperation):
            # RQ looks for it when it ends.
            log.warning("%s: Redis forgot it meanwhile, as one does that is emptied: %s", job.func_name, error)
        else:
            super().handle_exception(job, *exc_info)

    def clean_registries(self) -> None:
        """Give nothing up for lost: RQ does so by each machine's own clock, with a job that a worker is at, too.

        What was lost is found in the database; and what whoever waits for a job would hear is that it takes too long.
        """

    def subscribe(self) -> None:
        """Listen to no commands over Redis: signals stop a worker, and RQ's listener makes that take up to 1 s more."""


def new_name() -> str:
    """By which this worker reports, and others know on which machine it is (`queue.reached`)."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"


def work(app: Flask, queues: Sequence[str] = queue.QUEUES, burst: bool = False, **options: Any) -> None:
    """Take jobs of these queues until told to stop; with `burst`, until none is left."""
    name = new_name()
    with app.app_context():
        worker = Worker(
            queues,
            name=name,
            connection=queue.connection_of_a_worker(),
            worker_ttl=_RQ_SECONDS,
            log_job_description=False,
        )
        settings = app.config["SETTINGS"]
        with (
            cut_off.as_worker(name),
            in_background("report", partial(_report, app, name, queues)),
            crew.at_work(app, settings.sync_hands, settings.sync_tenants_at_once),
        ):
            worker.leaving = Leaving(worker.connection)
            worker.wait_for_database = partial(skew.wait_until_it_answers, app, crew.stopping)
            try:
                compare()  # before the first lease, which goes by it
                worker.work(burst=burst, logging_level="WARNING", **options)
            except RedisError as error:
                # RQ's worker ends, at most places, when Redis falls away under it. What is in hand does not need Redis:
                # it is ended here, with its leases renewed, before another worker takes this one's place.
                log.warning(REDIS_IS_AWAY, error)
            worker.is_ending = True
        worker.is_ending = False


def _report(app: Flask, name: str, queues: Sequence[str], ended: threading.Event) -> None:
    """Say every few seconds that this worker is alive: the pages tell by it whether anybody works."""
    with app.app_context():
        while True:
            try:
                queue.report_worker(name, queues, version())
                cut_off.report()
                if ended.wait(REPORT_SECONDS):
                    queue.forget_worker(name, queues)
                    return
            except RedisError as error:
                log.warning(REDIS_IS_AWAY, error)
                if ended.wait(REPORT_SECONDS):
                    return


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m jobs.worker", description="Start a worker.")
    parser.add_argument(
        "--only", action="append", choices=queue.QUEUES, help="take only jobs of this queue; may repeat"
    )
    queues = parser.parse_args().only or queue.QUEUES
    app = app_or_end()
    configure(app.config["SETTINGS"])
    plan_once(app)
    save_soon(app)
    skew.wait_until_it_fits(app)
    _settle_down()
    log.info("the worker starts: version %s, queues %s", version(), ", ".join(queues))
    with told_to_stop.heard(app), handing_over(app), skew.watched(app):
        _work_until_told_to_stop(app, queues)
    log.info("the worker stops")


def _settle_down() -> None:
    """Load what most jobs need, before there is one, and let the collector of garbage not look through it again.

    A tenant's answers are very many small objects of which none refers to itself: looked for cycles as often as Python
    does by itself, they cost a tenth of a worker's time.
    """
    _share_memory()
    # All of them, since another version may be installed under this process while it runs.
    for name in _JOBS:
        import_module(f"jobs.{name}")
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


def _share_memory() -> None:
    """Let what one thread frees serve the others, and large pieces go back at once; else each keeps the most it needed.

    Source: mallopt(3). Other C libraries than glibc do not have it.
    """
    with suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_ARENA_MAX, 2)
        mallopt(_M_MMAP_THRESHOLD, 256 * 1024)


def _work_until_told_to_stop(app: Flask, queues: Sequence[str]) -> None:
    try:
        while not crew.stopping.is_set():
            try:
                work(app, queues)
            except RedisError as error:
                log.warning(REDIS_IS_AWAY, error)
            crew.stopping.wait(REPORT_SECONDS)
    except StopRequested:
        return


if __name__ == "__main__":
    main()
