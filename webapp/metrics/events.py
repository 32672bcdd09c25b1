"""What happens and is counted: one function each, called where it happens. None of them raises or waits."""

from __future__ import annotations

from .catalogue import (
    BATCHED,
    PAGE_SECONDS,
    PART_SECONDS,
    PARTS,
    REQUESTS,
    RETRIES,
    ROWS,
    RUNS,
    THROTTLED,
    THROTTLED_SECONDS,
)
from .counting import counts

# A wait that no run would wait for says nothing about how much time was lost.
_LONGEST_WAIT_SECONDS = 7 * 24 * 3600


def run_ended(outcome: str) -> None:
    counts.add(RUNS, outcome)


def part_ended(outcome: str, seconds: float | None = None, rows: int = 0) -> None:
    """A part was settled as *ok* or *failed*, or given back as *put_off*, after it was worked on so long, if at all."""
    counts.add(PARTS, outcome)
    if seconds is not None:
        counts.observe(PART_SECONDS, outcome, seconds=seconds)
    if rows:
        counts.add(ROWS, by=rows)


def request_answered(host: str, status: str) -> None:
    """An HTTP request to Microsoft ended: `host` is its kind, `status` the status or what came instead of one."""
    counts.add(REQUESTS, host, status)


def batched_answered(status: str) -> None:
    counts.add(BATCHED, status)


def throttled(seconds: float | None) -> None:
    """Microsoft asked to slow down, and to wait so long where it said."""
    counts.add(THROTTLED)
    if seconds:
        counts.add(THROTTLED_SECONDS, by=min(seconds, _LONGEST_WAIT_SECONDS))


def request_retried(reason: str) -> None:
    counts.add(RETRIES, reason)


def page_answered(page: str, status: int, seconds: float) -> None:
    counts.observe(PAGE_SECONDS, page, f"{status // 100}xx", seconds=seconds)
