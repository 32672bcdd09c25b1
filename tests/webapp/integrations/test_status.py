"""Where a run stands, and when its row asks again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jobs.queue import Workers
from webapp.integrations.status import Phase, phase_of, poll_after
from webapp.models import RunState, SyncRun, Trigger

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def run(state: RunState, age: float = 1) -> SyncRun:
    return SyncRun(state=state, trigger=Trigger.MANUAL, created_at=NOW - timedelta(seconds=age))


@pytest.mark.parametrize(
    ("state", "phase"),
    [
        (RunState.QUEUED, Phase.WAITING),
        (RunState.SYNCING, Phase.SYNCING),
        (RunState.OK, Phase.OK),
        (RunState.PARTIAL, Phase.PARTIAL),
        (RunState.FAILED, Phase.FAILED),
        (RunState.CANCELLED, Phase.CANCELLED),
    ],
)
def test_with_workers_a_run_stands_where_its_state_says(state: RunState, phase: Phase) -> None:
    assert phase_of(run(state, age=60), Workers(1), NOW) == phase


def test_an_integration_without_a_run_was_never_synced() -> None:
    assert phase_of(None, Workers(0), NOW) == Phase.NEVER


@pytest.mark.parametrize("state", [RunState.QUEUED, RunState.SYNCING])
def test_without_a_worker_an_active_run_says_so_after_a_short_while(state: RunState) -> None:
    assert phase_of(run(state, age=5), Workers(0), NOW) not in {Phase.NO_WORKER, Phase.NO_QUEUE}
    assert phase_of(run(state, age=5.1), Workers(0), NOW) == Phase.NO_WORKER


@pytest.mark.parametrize("state", [RunState.QUEUED, RunState.SYNCING])
def test_an_active_run_says_that_all_workers_are_cut_off(state: RunState) -> None:
    assert phase_of(run(state), Workers(2, cut_off=2), NOW) == Phase.CUT_OFF
    assert phase_of(run(state), Workers(2, cut_off=1), NOW) != Phase.CUT_OFF


@pytest.mark.parametrize("state", [RunState.QUEUED, RunState.SYNCING])
def test_without_a_queue_an_active_run_says_so_at_once(state: RunState) -> None:
    assert phase_of(run(state, age=0), None, NOW) == Phase.NO_QUEUE


@pytest.mark.parametrize("workers", [Workers(0), Workers(1, cut_off=1), None])
@pytest.mark.parametrize("state", [RunState.OK, RunState.PARTIAL, RunState.FAILED, RunState.CANCELLED])
def test_a_run_that_ended_needs_no_worker(state: RunState, workers: Workers | None) -> None:
    ended = run(state, age=60)
    phase = phase_of(ended, workers, NOW)
    assert phase not in {Phase.NO_WORKER, Phase.NO_QUEUE}
    assert poll_after(ended, phase, NOW) is None


@pytest.mark.parametrize(
    ("age", "milliseconds"), [(0, 1000), (14.9, 1000), (15, 3000), (119.9, 3000), (120, 10_000), (86_400, 10_000)]
)
def test_the_older_the_run_the_slower_its_row_asks(age: float, milliseconds: int) -> None:
    assert poll_after(run(RunState.SYNCING, age), Phase.SYNCING, NOW) == milliseconds


@pytest.mark.parametrize("phase", [Phase.NO_WORKER, Phase.CUT_OFF, Phase.NO_QUEUE])
def test_a_row_that_waits_for_a_worker_asks_slowly(phase: Phase) -> None:
    assert poll_after(run(RunState.QUEUED), phase, NOW) == 10_000


def test_a_row_that_was_never_synced_does_not_ask() -> None:
    assert poll_after(None, Phase.NEVER, NOW) is None
