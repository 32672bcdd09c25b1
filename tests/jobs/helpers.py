"""What tests of jobs share: requests counted, time moved on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from rq import Queue
from rq.job import Job
from sqlalchemy import update

from jobs import queue
from jobs.microsoft import pace
from jobs.schedule import sweep
from sandbox import Sandbox
from tests.support.turns import in_turn
from webapp.extensions import db
from webapp.models import Integration, License, SyncPart, SyncRun, Tenant

Found = TypeVar("Found")


def asked(sandbox: Sandbox, tenant_id: str) -> dict[str, int]:
    """How often each of the tenant's routes was asked for."""
    return dict(Counter(entry["route"] for entry in sandbox.requests(tenant_id)["requests"]))


def licenses_of(tenant: Tenant) -> dict[str, License]:
    """What is stored of the tenant, by part number."""
    return {row.sku_part_number: row for row in db.session.query(License).filter_by(tenant_id=tenant.id)}


def waiting(queue_name: str = queue.SYNC) -> list[Job]:
    """The jobs that wait in the queue."""
    found: list[Job] = Queue(queue_name, connection=queue.connection()).get_jobs()
    return found


def forget_tokens() -> None:
    """As if all access tokens had ended: Redis, which has them, is emptied."""
    queue.connection().flushdb()


def do(job: Callable[..., Found], *args: Any) -> Found:
    """What the job returns. The test's own transaction ends before, and what it reads next is what is stored."""
    db.session.commit()
    found = job(*args)
    db.session.commit()
    return found


def resume(work: Callable[[], None]) -> None:
    """What the schedule does every few seconds, and a worker after it."""
    do(sweep)
    work()


@in_turn
def move_time_on(by: timedelta) -> None:
    """As if so much time had passed: what is to come in the database, or what workers wait for, comes sooner."""
    columns = (
        SyncPart.not_before,
        SyncPart.lease_until,
        SyncPart.started_at,
        SyncRun.heard_at,
        Tenant.not_before,
        Integration.not_before,
    )
    db.session.commit()
    for column in columns:
        rows = db.session.execute(db.select(column.class_.id, column).where(column.is_not(None))).all()
        for row_id, moment in rows:
            model = column.class_
            db.session.execute(update(model).where(model.id == row_id).values({column.key: moment - by}))
    db.session.commit()
    _wait_less(by)


def _wait_less(by: timedelta) -> None:
    """Shorten the waits that workers have told each other."""
    pace._heard._until = {whom: until - by.total_seconds() for whom, until in pace._heard._until.items()}
    redis = queue.connection()
    for key in redis.scan_iter("seatledger:pace:wait:*"):
        redis.pexpire(key, max(int(redis.pttl(key) - by.total_seconds() * 1000), 0))
