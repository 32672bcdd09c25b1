"""What runs when, and the process that sees to it: `python -m jobs.schedule`.

RQ's cron scheduler enqueues; workers do the work. Should two of these processes run, the jobs run twice, which
they may.
"""

from __future__ import annotations

import argparse
import logging
import time
from contextlib import suppress
from datetime import UTC, datetime

from redis.client import Pipeline
from redis.exceptions import RedisError
from rq.cron import CronJob, CronScheduler
from rq.exceptions import StopRequested
from rq.utils import import_attribute

from logs import configure
from logs.outages import REDIS_IS_AWAY
from webapp.extensions import db
from webapp.models import SyncPart, SyncRun, TenantAddition, begin_due, departed, removal, utc_now
from webapp.starting import app_or_end
from webapp.version import version

from . import queue, skew
from .job import job
from .lanes import lanes

log = logging.getLogger(__name__)

SWEEP_SECONDS = 5
START_SECONDS = 15
PRUNE_SECONDS = 3600

# A call begins so many runs at the most, so that other upkeep is not held up by it, and so many in one transaction, so
# that nobody waits long to write.
MOST_AT_ONCE = 500
BATCH = 50


@job
def sweep() -> None:
    """Take up again what was lost, and what was put off until now."""
    _go_on_syncing()
    _go_on_removing()
    _go_on_adding()
    _go_on_unlinking()


def _go_on_syncing() -> None:
    now = queue.shared_now()
    # Runs before parts, as everywhere: see jobs/sync.py.
    silent = SyncRun.silent(db.session, now)
    lost = set(silent) - SyncPart.all_put_off(db.session, silent)
    overdue = SyncPart.resume(db.session, now)
    lapsed = SyncPart.lapsed(db.session, now)
    db.session.commit()
    if lost:
        # What has to wait for its turn is not lost.
        lost -= queue.runs_waiting()
    lane_of = lanes([*overdue, *lapsed, *silent])
    for by_run in (overdue, lapsed):
        for run_id, part_ids in by_run.items():
            queue.sync_parts(run_id, part_ids, lane_of[run_id])
    for run_id in sorted(lost):
        log.warning("run %s: nothing was heard of it, so it is taken up again", run_id)
    for lane in set(lane_of.values()):
        queue.sync(*(run_id for run_id in silent if lane_of[run_id] == lane), lane=lane)


def _go_on_removing() -> None:
    lost = removal.silent(db.session, queue.shared_now())
    db.session.commit()
    for integration_id in lost:
        log.warning("integration %s: nothing was heard of its removal, so it is taken up again", integration_id)
        queue.remove(integration_id)


def _go_on_adding() -> None:
    lost = TenantAddition.silent(db.session, queue.shared_now())
    db.session.commit()
    for addition_id in lost:
        log.warning("list %s: nothing was heard of its tenants, so it is taken up again", addition_id)
        queue.add_tenants(addition_id)


def _go_on_unlinking() -> None:
    is_any_left = departed.is_any_left(db.session)
    db.session.commit()
    if is_any_left:
        queue.unlink()


@job
def start_due() -> None:
    """Begin the runs whose time has come. However many do this at once, each run begins once.

    Whose time has come is told by Redis's clock: were it told by each worker's own, one that is an hour ahead of
    another would find due again and again what the other had planned for later.

    What is left, where the machine slept and all is due at once, comes with the next call.
    """
    now = datetime.fromtimestamp(queue.redis_now(), UTC)
    for _ in range(MOST_AT_ONCE // BATCH):
        begun = begin_due(db.session, now, BATCH)
        db.session.commit()
        queue.sync(*begun.run_ids, lane=queue.SCHEDULED)
        if begun.looked_at < BATCH:
            return


class Scheduler(CronScheduler):
    """RQ's scheduler, which does not wait for the clock to get back to where it was before it was set back.

    It reports as workers do, and not to RQ's registry: that goes by the clocks of those who write it and of those who
    read it, and keeps the name of what was killed until somebody reads it.
    """

    def enqueue_jobs(self) -> list[CronJob]:
        queue.forget_what_nobody_took(queue.UPKEEP)
        for cron_job in self.get_jobs():
            latest = cron_job.latest_enqueue_time
            if latest is not None and latest > utc_now():
                cron_job.latest_enqueue_time = None
        return super().enqueue_jobs()

    def register_birth(self) -> None:
        """Say nothing yet: it is there when it has enqueued what is due."""

    def heartbeat(self) -> None:
        """Say that it is there. RQ calls this each time around, so at least as often as it sweeps."""
        queue.report_schedule(self.name)

    def register_death(self, pipeline: Pipeline | None = None) -> None:
        """Say so at its end, where Redis is there: its error would take the place of being told to stop."""
        with suppress(RedisError):
            queue.forget_schedule(self.name)


def scheduler() -> Scheduler:
    """What enqueues the jobs of this module in their time."""
    cron = Scheduler(queue.connection(), logging_level=logging.WARNING)
    for name, seconds in (
        ("jobs.schedule.sweep", SWEEP_SECONDS),
        ("jobs.schedule.start_due", START_SECONDS),
        ("jobs.prune.prune", PRUNE_SECONDS),
    ):
        # By its name, since this module may be __main__.
        by_name = import_attribute(name)
        # What no worker took in time is worth nothing once the next one is due.
        cron.register(
            by_name, queue.UPKEEP, interval=seconds, ttl=seconds, result_ttl=0, failure_ttl=60, meta=queue.whose()
        )
    return cron


def main() -> None:
    # It has no options; but who asks for help, or mistypes, must not start one unawares.
    argparse.ArgumentParser(prog="python -m jobs.schedule", description="Start a schedule.").parse_args()
    app = app_or_end()
    configure(app.config["SETTINGS"])
    skew.wait_until_it_fits(app)
    log.info("the schedule starts: version %s", version())
    with skew.watched(app), app.app_context(), suppress(StopRequested):
        _run(scheduler())
    log.info("the schedule stops")


def _run(cron: CronScheduler) -> None:
    """Enqueue what is due until told to stop, also when Redis was away for a while."""
    while True:
        try:
            cron.start()  # type: ignore[no-untyped-call]
        except RedisError as error:
            log.warning(REDIS_IS_AWAY, error)
            time.sleep(SWEEP_SECONDS)
        else:
            return


if __name__ == "__main__":
    main()
