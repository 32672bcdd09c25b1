"""A worker: `python -m jobs.worker`. Start as many as are wanted, on as many machines as share Redis and database.

It works in one process, without forking for each job: connections to the database and to Microsoft stay warm. A
job that hurts the process is found again by its lease, and the supervisor starts another worker.
"""

from __future__ import annotations

import argparse
import logging
import os
import socket
import threading
import uuid
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import Any

from flask import Flask
from redis.exceptions import RedisError
from rq import SimpleWorker
from rq.exceptions import StopRequested

from webapp import create_app

from . import queue, sync

log = logging.getLogger(__name__)

REPORT_SECONDS = 5


class Worker(SimpleWorker):
    """RQ's worker, which lets the job in hand know that the process was told to stop."""

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        sync.stopping.set()
        # RQ notes the request in Redis. Where that is away, its error must not strike the job in hand.
        with suppress(RedisError):
            super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def subscribe(self) -> None:
        """Listen to no commands over Redis: signals stop a worker, and RQ's listener makes that take up to 1 s more."""


def work(app: Flask, queues: Sequence[str] = queue.QUEUES, burst: bool = False, **options: Any) -> None:
    """Take jobs of these queues until told to stop; with `burst`, until none is left."""
    name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
    with app.app_context():
        worker = Worker(queues, name=name, connection=queue.connection(), log_job_description=False)
        ended = threading.Event()
        reporter = threading.Thread(target=_report, args=(app, name, queues, ended), daemon=True)
        reporter.start()
        try:
            worker.work(burst=burst, logging_level="WARNING", **options)
        finally:
            ended.set()
            reporter.join()


def _report(app: Flask, name: str, queues: Sequence[str], ended: threading.Event) -> None:
    """Say every few seconds that this worker is alive: the pages tell by it whether anybody works."""
    with app.app_context():
        while True:
            try:
                queue.report_worker(name, queues)
                if ended.wait(REPORT_SECONDS):
                    queue.forget_worker(name, queues)
                    return
            except RedisError as error:
                log.warning("Redis does not answer: %s", error)
                if ended.wait(REPORT_SECONDS):
                    return


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m jobs.worker", description="Start a worker.")
    parser.add_argument(
        "--only", action="append", choices=queue.QUEUES, help="take only jobs of this queue; may repeat"
    )
    queues = parser.parse_args().only or queue.QUEUES
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("rq").setLevel(logging.WARNING)
    app = create_app()
    try:
        while not sync.stopping.is_set():
            try:
                work(app, queues)
            except RedisError as error:
                log.warning("Redis does not answer: %s", error)
            # RQ's worker ends, at most places, when Redis falls away under it. Another one takes its place.
            sync.stopping.wait(REPORT_SECONDS)
    except StopRequested:
        return


if __name__ == "__main__":
    main()
