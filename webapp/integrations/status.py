"""What an integration's row says about its latest run, and when it asks again."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from jobs import queue

from ..models import Integration, RunState, SyncRun
from ..models.base import UNKNOWN

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
    CUT_OFF = "cut off"
    NO_QUEUE = "no queue"
    OK = "ok"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    REMOVING = "removing"
    REMOVAL_WAITS = "removal waits"
    REMOVAL_CUT_OFF = "removal cut off"
    REMOVAL_NO_QUEUE = "removal without queue"


# While an integration's data is deleted.
REMOVALS = frozenset({Phase.REMOVING, Phase.REMOVAL_WAITS, Phase.REMOVAL_CUT_OFF, Phase.REMOVAL_NO_QUEUE})

# What people call the states of a run, on pages and in commands alike.
WORDS = {
    RunState.QUEUED: "Waiting",
    RunState.SYNCING: "Syncing...",
    RunState.OK: "OK",
    RunState.PARTIAL: "Partly failed",
    RunState.FAILED: "Failed",
    RunState.CANCELLED: "Cancelled",
}


def words_of(state: RunState, failed: int, total: int) -> str:
    """What a run came to; of one that failed partly, how much of it."""
    if state == RunState.PARTIAL:
        return f"{WORDS[state]} ({failed:,} of {total:,}, keep last good data)"
    return WORDS.get(state, UNKNOWN)


_ENDED = {
    RunState.OK: Phase.OK,
    RunState.PARTIAL: Phase.PARTIAL,
    RunState.FAILED: Phase.FAILED,
    RunState.CANCELLED: Phase.CANCELLED,
}


def workers_of(queue_name: str = queue.SYNC) -> queue.Workers | None:
    """The workers that there are, of the queue that is named; None where Redis cannot be reached to ask."""
    try:
        return queue.workers_by_queue()[queue_name]
    except queue.QueueUnavailable:
        return None


def is_any_worker(queue_name: str = queue.SYNC) -> bool:
    """Whether there is one, be it cut off; not where Redis cannot be reached to ask."""
    workers = workers_of(queue_name)
    return workers is not None and workers.alive > 0


def phase_of(run: SyncRun | None, workers: queue.Workers | None, now: datetime) -> Phase:
    """Where the run stands. `workers` matters only while it is active."""
    if run is None:
        return Phase.NEVER
    if not run.state.is_active:
        return _ENDED.get(run.state, Phase.UNKNOWN)
    if workers is None:
        return Phase.NO_QUEUE
    if not workers.alive and now - run.created_at > PICK_UP:
        return Phase.NO_WORKER
    if workers.are_all_cut_off:
        return Phase.CUT_OFF
    return Phase.WAITING if run.state == RunState.QUEUED else Phase.SYNCING


def phase_of_removal(integration: Integration, workers: queue.Workers | None, now: datetime) -> Phase:
    """Where the deletion of an integration's data stands, which asks nothing of Microsoft."""
    if workers and workers.are_all_without_database:
        return Phase.REMOVAL_CUT_OFF
    asked_at = integration.disconnected_at
    is_waiting = not (workers and workers.alive) and asked_at is not None and now - asked_at > PICK_UP
    if not is_waiting:
        return Phase.REMOVING
    return Phase.REMOVAL_NO_QUEUE if workers is None else Phase.REMOVAL_WAITS


def poll_after_removal(phase: Phase) -> int:
    """In how many milliseconds to ask again how far a removal has come."""
    return _PATIENCE[0][1] if phase == Phase.REMOVING else _LONG_RUN_MS


def poll_after(run: SyncRun | None, phase: Phase, now: datetime) -> int | None:
    """In how many milliseconds to ask again; None where nothing will change by itself."""
    if run is None or not run.state.is_active:
        return None
    if phase in {Phase.NO_QUEUE, Phase.NO_WORKER, Phase.CUT_OFF}:
        return _LONG_RUN_MS
    age = now - run.created_at
    return next((milliseconds for limit, milliseconds in _PATIENCE if age < limit), _LONG_RUN_MS)
