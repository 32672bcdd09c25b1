"""The automatic sync by real processes: two schedules and four workers start what is due once, and sync it."""

from __future__ import annotations

import pytest

from sandbox import Sandbox
from tests.support.factories import Make
from tests.support.microsoft import connected, sandbox_tenant
from webapp.extensions import db
from webapp.models import Integration, License, RunState, SyncRun, Trigger, utc_now

from .processes import Start, eventually, start

__all__ = ["start"]

pytestmark = pytest.mark.slow


def test_two_schedules_and_four_workers_start_each_run_once(sandbox: Sandbox, make: Make, start: Start) -> None:
    for _ in range(12):
        connected(make, sandbox_tenant(sandbox), next_sync_at=utc_now())
    # This one has nothing to do: its slot passes.
    connected(make, sandbox_tenant(sandbox), matched=False, next_sync_at=utc_now())
    for module in ("jobs.worker",) * 4 + ("jobs.schedule",) * 2:
        start(module)
    ended = db.session.query(SyncRun).filter(SyncRun.state == RunState.OK)
    eventually(lambda: ended.count() == 12)
    eventually(lambda: db.session.query(Integration).filter(Integration.next_sync_at <= utc_now()).count() == 0)
    runs = db.session.query(SyncRun).all()
    assert {run.trigger for run in runs} == {Trigger.SCHEDULE}
    assert len({run.integration_id for run in runs}) == len(runs) == 12
    assert db.session.query(License).count() == 12
