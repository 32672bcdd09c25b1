"""How things stand now: asked of the database by indexes of few rows, and of Redis."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import Connection, case, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from jobs import queue

from ..extensions import db
from ..models import PartState, RunState, SyncPart, SyncRun, utc_now
from ..models.base import UtcDateTime
from ..models.run import ACTIVE_STATES
from .catalogue import PREFIX

# The words of the index of active runs: as values of the query neither database would know that it may use it.
_IS_ACTIVE = text("sync_run.state IN ('queued', 'syncing')")
_BEGUN = func.min(SyncRun.created_at, type_=UtcDateTime)


def of_database() -> Iterator[Metric]:
    """Runs and parts that are not ended, however many ended; none of it where the database does not answer."""
    found: list[Metric] = []
    try:
        with db.engine.connect() as connection:
            now = utc_now()
            runs, unplanned_since = _runs(connection, now)
            parts, waiting_since = _parts(connection, now)
            age = max(0.0, (now - min(unplanned_since, waiting_since)).total_seconds())
            what = "How long ago the oldest run began that is not planned yet or has a tenant that is not in hand."
            found += [runs, parts, _simple("oldest_part_seconds", what, age)]
    except SQLAlchemyError:
        found = []
    yield _simple("database_up", "Whether the database answers, with the tables of Seatledger.", bool(found))
    yield from found


def of_redis() -> list[Metric]:
    """The queues and who works on them. Raises `QueueUnavailable`."""
    return [*_queues(), *_workers(), _simple("schedules_alive", "Schedule processes.", queue.schedules_alive())]


def redis_up(is_up: bool) -> Metric:
    return _simple("redis_up", "Whether Redis answers, and takes what is written to it.", is_up)


def _runs(connection: Connection, now: datetime) -> tuple[Metric, datetime]:
    """The active runs, and when the oldest of them began that has no parts yet; now, where there is none."""
    active = GaugeMetricFamily(f"{PREFIX}_runs_active", "Sync runs that have not ended, by state.", labels=["state"])
    counted = dict.fromkeys(ACTIVE_STATES, (0, now))
    for state, count, begun in connection.execute(
        select(SyncRun.state, func.count(), _BEGUN).where(_IS_ACTIVE).group_by(SyncRun.state)
    ):
        counted[state] = count, begun
    for state, (count, _) in counted.items():
        active.add_metric([state.value], count)
    return active, counted[RunState.QUEUED][1]


def _parts(connection: Connection, now: datetime) -> tuple[Metric, datetime]:
    """The parts that are open, and when the oldest run began that has one not in hand; now, where there is none."""
    state = case(
        (SyncPart.state == PartState.SYNCING, "in_hand"),
        (SyncPart.not_before > now, "put_off"),
        else_="waiting",
    )
    rows = connection.execute(
        select(state, func.count(), _BEGUN)
        .join(SyncRun, SyncRun.id == SyncPart.run_id)
        .where(SyncPart.finished_at.is_(None))
        .group_by(state)
    ).all()
    counted = {"waiting": 0, "put_off": 0, "in_hand": 0} | {name: count for name, count, _ in rows}
    open_parts = GaugeMetricFamily(
        f"{PREFIX}_parts_open",
        "Tenants that active runs still have to settle, by what they wait for.",
        labels=["state"],
    )
    for name, count in counted.items():
        open_parts.add_metric([name], count)
    return open_parts, min((begun for name, _, begun in rows if name != "in_hand"), default=now)


def _queues() -> Iterator[Metric]:
    depth = GaugeMetricFamily(f"{PREFIX}_queue_jobs", "Jobs that wait, by queue.", labels=["queue"])
    oldest = GaugeMetricFamily(
        f"{PREFIX}_queue_oldest_seconds", "How long the oldest job has waited, by queue.", labels=["queue"]
    )
    for name, (count, seconds) in queue.waiting().items():
        depth.add_metric([name], count)
        oldest.add_metric([name], seconds)
    yield from (depth, oldest)


def _workers() -> Iterator[Metric]:
    alive = GaugeMetricFamily(
        f"{PREFIX}_workers_alive", "Worker processes that take jobs of the queue.", labels=["queue"]
    )
    cut_off = GaugeMetricFamily(
        f"{PREFIX}_workers_cut_off",
        "Those of them that the database, or a host of Microsoft's that answers others, does not answer.",
        labels=["queue"],
    )
    for name, workers in queue.workers_by_queue().items():
        alive.add_metric([name], workers.alive)
        cut_off.add_metric([name], workers.cut_off)
    yield from (alive, cut_off)


def _simple(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{PREFIX}_{name}", help_text, value=float(value))
