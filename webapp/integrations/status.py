"""What an integration's row says about its latest run, and when it asks again."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from jobs import queue

from ..models import RunState, SyncRun

# Workers look into the queue all the time: a run that was not taken up for this long will not be by itself.
PICK_UP = timedelta(seconds=5)

# How long to wait before asking again, by the run's age: short runs look immediate, long ones cost little.
_PATIENCE = ((timedelta(seconds=15), 1000), (timedelta(minutes=2), 3000))
_LONG_RUN_MS = 10_000


class Phase(StrEnum):
    NEVER = "never"
    WAITING = "waiting"
    SYNCING = "syncing"
    NO_WORKER = "no worker"
    NO_QUEUE = "no queue"
    OK = "ok"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"


_ENDED = {
    RunState.OK: Phase.OK,
    RunState.PARTIAL: Phase.PARTIAL,
    RunState.FAILED: Phase.FAILED,
    RunState.CANCELLED: Phase.CANCELLED,
}


def workers_alive() -> int | None:
    """How many workers there are; None where the queue cannot be reached to ask."""
    try:
        return queue.workers_alive()
    except queue.QueueUnavailable:
        return None


def phase_of(run: SyncRun | None, workers: int | None, now: datetime) -> Phase:
    """Where the run stands. `workers` matters only while it is active."""
    if run is None:
        return Phase.NEVER
    if not run.state.is_active:
        return _ENDED[run.state]
    if workers is None:
        return Phase.NO_QUEUE
    if workers == 0 and now - run.created_at > PICK_UP:
        return Phase.NO_WORKER
    return Phase.WAITING if run.state == RunState.QUEUED else Phase.SYNCING


def poll_after(run: SyncRun | None, phase: Phase, now: datetime) -> int | None:
    """In how many milliseconds to ask again; None where nothing will change by itself."""
    if run is None or not run.state.is_active:
        return None
    if phase in {Phase.NO_QUEUE, Phase.NO_WORKER}:
        return _LONG_RUN_MS
    age = now - run.created_at
    return next((milliseconds for limit, milliseconds in _PATIENCE if age < limit), _LONG_RUN_MS)
