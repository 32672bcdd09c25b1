"""How things stand now: asked of the database by indexes of few rows, and of Redis."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import Connection, case, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from jobs import queue

from ..extensions import db
from ..models import PartState, SyncPart, SyncRun, utc_now
from ..models.base import UtcDateTime
from ..models.run import ACTIVE_STATES
from .catalogue import PREFIX

# The words of the index of active runs: as values of the query neither database would know that it may use it.
_IS_ACTIVE = text("sync_run.state IN ('queued', 'syncing')")


def of_database() -> Iterator[Metric]:
    """Runs and parts that are not ended, however many ended; none of it where the database does not answer."""
    found: list[Metric] = []
    try:
        with db.engine.connect() as connection:
            found += [_runs(connection), *_parts(connection)]
    except SQLAlchemyError:
        found = []
    yield _simple("database_up", "Whether the database answers, with the tables of Seatledger.", bool(found))
    yield from found


def of_redis() -> list[Metric]:
    """The queues and who works on them. Raises `QueueUnavailable`."""
    return [*_queues(), *_workers(), _simple("schedules_alive", "Schedule processes.", queue.schedules_alive())]


def redis_up(is_up: bool) -> Metric:
    return _simple("redis_up", "Whether Redis answers.", is_up)


def _runs(connection: Connection) -> Metric:
    active = GaugeMetricFamily(f"{PREFIX}_runs_active", "Sync runs that have not ended, by state.", labels=["state"])
    counted = dict.fromkeys(ACTIVE_STATES, 0)
    for state, count in connection.execute(
        select(SyncRun.state, func.count()).where(_IS_ACTIVE).group_by(SyncRun.state)
    ):
        counted[state] = count
    for state, count in counted.items():
        active.add_metric([state.value], count)
    return active


def _parts(connection: Connection) -> Iterator[Metric]:
    now = utc_now()
    state = case(
        (SyncPart.state == PartState.SYNCING, "in_hand"),
        (SyncPart.not_before > now, "put_off"),
        else_="waiting",
    )
    rows = connection.execute(
        select(state, func.count(), func.min(SyncRun.created_at, type_=UtcDateTime))
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
    yield open_parts
    since = min((begun for name, _, begun in rows if name == "waiting"), default=now)
    age = max(0.0, (now - since).total_seconds())
    yield _simple("oldest_part_seconds", "How long ago the oldest run began that has a tenant waiting.", age)


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
