"""What runs when, and the process that sees to it: `python -m jobs.schedule`.

RQ's cron scheduler enqueues; workers do the work. Should two of these processes run, the jobs run twice, which
they may.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress

from redis.exceptions import RedisError
from rq.cron import CronScheduler
from rq.exceptions import StopRequested
from rq.utils import import_attribute

from webapp import create_app
from webapp.extensions import db
from webapp.models import SyncPart, SyncRun, utc_now

from . import queue
from .job import job

log = logging.getLogger(__name__)

SWEEP_SECONDS = 5


@job
def sweep() -> None:
    """Take up again what was lost, and what was put off until now."""
    now = utc_now()
    overdue = SyncPart.resume(db.session, now)
    silent = SyncRun.silent(db.session, now)
    for run_id in silent:
        SyncRun.hear(db.session, run_id, now)
    db.session.commit()
    for run_id, part_ids in overdue.items():
        queue.sync_parts(run_id, part_ids)
    for run_id in silent:
        log.warning("run %s: nothing was heard of it, so it is taken up again", run_id)
        queue.sync(run_id)


def main() -> None:
    app = create_app()
    with app.app_context():
        cron = CronScheduler(queue.connection(), logging_level=logging.WARNING)
        # By its name, since this module may be __main__.
        by_name = import_attribute("jobs.schedule.sweep")
        # A sweep that no worker took in time is worth nothing once the next one is due.
        cron.register(by_name, queue.UPKEEP, interval=SWEEP_SECONDS, ttl=SWEEP_SECONDS, result_ttl=0, failure_ttl=60)
        with suppress(StopRequested):
            _run(cron)


def _run(cron: CronScheduler) -> None:
    """Enqueue what is due until told to stop, also when Redis was away for a while."""
    while True:
        try:
            cron.start()  # type: ignore[no-untyped-call]
        except RedisError as error:
            log.warning("Redis does not answer: %s", error)
            time.sleep(SWEEP_SECONDS)
        else:
            return


if __name__ == "__main__":
    main()
