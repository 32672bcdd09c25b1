"""`flask integrations sync`, and waiting for its end."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from tests.support.factories import Make
from tests.webapp.commands.conftest import Run
from tests.webapp.integrations.conftest import (
    Workers,
    stored,
)
from webapp.commands import waiting
from webapp.extensions import db
from webapp.models import PartState, RunState, SyncRun, Trigger


def test_sync_records_a_run_and_enqueues_it(integrations: Run, make: Make, workers: Workers) -> None:
    make.integration(name="Contoso")
    result = integrations("sync", "Contoso")
    assert result.exit_code == 0
    [run] = db.session.scalars(select(SyncRun))
    assert (run.trigger, run.state) == (Trigger.COMMAND, RunState.QUEUED)
    assert workers.enqueued == [run.id]
    assert f"run {run.id}" in result.stdout


def test_sync_uses_the_run_that_is_active(integrations: Run, make: Make, workers: Workers) -> None:
    run = make.run(integration=make.integration(name="Contoso"), state=RunState.SYNCING)
    result = integrations("sync", "Contoso")
    assert result.exit_code == 0
    assert f"under way already (run {run.id})" in result.stdout
    assert stored(SyncRun) == 1
    assert workers.enqueued == []


def test_sync_without_a_queue_records_nothing(integrations: Run, make: Make, workers: Workers) -> None:
    make.integration(name="Contoso")
    workers.is_reachable = False
    result = integrations("sync", "Contoso", "--wait")
    assert result.exit_code == 1
    assert "The job queue cannot be reached." in result.stderr
    assert stored(SyncRun) == 0


def test_sync_without_a_worker_says_that_it_waits(integrations: Run, make: Make, workers: Workers) -> None:
    make.integration(name="Contoso")
    workers.alive = 0
    result = integrations("sync", "Contoso")
    assert result.exit_code == 0
    assert "No worker is running" in result.stderr


class Clock:
    """Time that passes only where somebody sleeps, and what happens meanwhile."""

    def __init__(self) -> None:
        self.now = 0.0
        self.steps: list[Callable[[], object]] = []

    def sleep(self, seconds: float) -> None:
        assert not db.session().in_transaction(), "the database is held while nothing is done"
        self.now += seconds
        if self.steps:
            self.steps.pop(0)()
            db.session.commit()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(waiting, "time", SimpleNamespace(sleep=clock.sleep, monotonic=lambda: clock.now))
    return clock


def the_run(**changes: Any) -> None:
    [run] = db.session.scalars(select(SyncRun))
    for name, value in changes.items():
        setattr(run, name, value)


def nothing(times: int) -> list[Callable[[], object]]:
    """So many looks between which nothing happens."""
    return [lambda: None] * times


def test_wait_prints_progress_and_ends_well_with_the_run(
    integrations: Run, make: Make, workers: Workers, clock: Clock
) -> None:
    tenant = make.tenant(integration=make.integration(name="Contoso"), organization=make.organization())
    tenant_id = tenant.id

    def advance() -> None:
        the_run(state=RunState.SYNCING, tenants_total=2)
        make.part(run_id=db.session.scalars(select(SyncRun.id)).one(), tenant_id=tenant_id, state=PartState.OK)

    clock.steps = [advance, lambda: None, lambda: the_run(state=RunState.OK, tenants_ok=2)]
    result = integrations("sync", "Contoso", "--wait")
    assert result.exit_code == 0
    assert result.stderr.splitlines() == ["Waiting for a worker ...", "Syncing ... 1 of 2 tenants"]
    assert "OK: 2 tenants synced." in result.stdout


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (RunState.FAILED, "Failed."),
        (RunState.PARTIAL, "Partly failed (1 of 3, keep last good data)."),
        (RunState.CANCELLED, "Cancelled."),
    ],
)
def test_wait_ends_with_exit_1_reason_and_fix_where_the_run_ends_otherwise(
    state: RunState, word: str, integrations: Run, make: Make, workers: Workers, clock: Clock
) -> None:
    make.integration(name="Contoso")
    ended = {"tenants_total": 3, "tenants_ok": 2, "tenants_failed": 1, "reason": "It broke.", "fix": "Mend it."}
    clock.steps = [lambda: the_run(state=state, code="AADSTS1", **ended)]
    result = integrations("sync", "Contoso", "--wait")
    assert result.exit_code == 1
    for text in (word, "It broke.", "Mend it.", "AADSTS1"):
        assert text in result.stderr


def test_wait_gives_up_after_half_a_minute_without_a_worker(
    integrations: Run, make: Make, workers: Workers, clock: Clock
) -> None:
    make.integration(name="Contoso")
    workers.alive = 0
    result = integrations("sync", "Contoso", "--wait")
    assert result.exit_code == 1
    assert "The run stays queued" in result.stderr
    assert 29 <= clock.now <= 31
    assert db.session.scalars(select(SyncRun.state)).all() == [RunState.QUEUED]


def test_wait_tells_that_all_workers_are_cut_off_and_goes_on_with_them(
    integrations: Run, make: Make, workers: Workers, clock: Clock
) -> None:
    make.integration(name="Contoso")
    clock.steps = [
        lambda: setattr(workers, "cut_off", workers.alive),
        *nothing(100),
        lambda: setattr(workers, "cut_off", 0),
        lambda: the_run(state=RunState.OK, tenants_total=1),
    ]
    result = integrations("sync", "Contoso", "--wait")
    assert result.exit_code == 0
    assert result.stderr.splitlines() == [
        "Waiting for a worker ...",
        "All workers are cut off from the database or from Microsoft, so this waits: `flask doctor` names them.",
        "Waiting for a worker ...",
    ]


def test_wait_goes_on_when_a_worker_or_the_queue_comes_back_in_time(
    integrations: Run, make: Make, workers: Workers, clock: Clock
) -> None:
    make.integration(name="Contoso")
    clock.steps = [
        lambda: setattr(workers, "is_reachable", False),
        *nothing(20),
        lambda: setattr(workers, "is_reachable", True),
        lambda: setattr(workers, "alive", 0),
        *nothing(20),
        lambda: the_run(state=RunState.OK, tenants_total=1),
    ]
    assert integrations("sync", "Contoso", "--wait").exit_code == 0
