"""Every number that processes count. What it means for whoever watches stands in docs/monitoring.md."""

from __future__ import annotations

import math
from dataclasses import dataclass

PREFIX = "seatledger"


@dataclass(frozen=True)
class Counter:
    """A number that only grows; the text format adds `_total` to its name."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    # Values of its one label that are told from the beginning, as 0: of a series that begins with what happened first,
    # Prometheus sees no increase, though it be five hundred failures at once.
    known: tuple[str, ...] = ()


@dataclass(frozen=True)
class Histogram:
    """How often something took how long: no longer than each of the bounds, of which the last is endless."""

    name: str
    help: str
    labels: tuple[str, ...]
    bounds: tuple[float, ...]
    # As a counter's.
    known: tuple[str, ...] = ()


_OF_RUNS = ("ok", "partial", "failed", "cancelled")
_OF_PARTS = ("ok", "failed", "put_off")

RUNS = Counter(f"{PREFIX}_runs_ended", "Sync runs that ended, by how.", ("outcome",), _OF_RUNS)
PARTS = Counter(
    f"{PREFIX}_parts", "Tenants taken up by runs and settled, or put off to be tried again.", ("outcome",), _OF_PARTS
)
ROWS = Counter(f"{PREFIX}_rows_written", "Rows of licenses, users and contacts that syncs wrote.")
REQUESTS = Counter(
    f"{PREFIX}_microsoft_requests", "HTTP requests to Microsoft, by kind of host and status.", ("host", "status")
)
BATCHED = Counter(f"{PREFIX}_microsoft_batched", "Answers that came within $batch answers, by status.", ("status",))
THROTTLED = Counter(f"{PREFIX}_microsoft_throttled", "Answers by which Microsoft asked to slow down.")
THROTTLED_SECONDS = Counter(f"{PREFIX}_microsoft_throttled_seconds", "The sum of the Retry-After that it asked for.")
RETRIES = Counter(
    f"{PREFIX}_microsoft_retries", "Requests that were sent again, by why.", ("reason",), ("throttled", "fault")
)
PART_SECONDS = Histogram(
    f"{PREFIX}_part_seconds",
    "How long a tenant's part was worked on, by outcome.",
    ("outcome",),
    (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, math.inf),
    _OF_PARTS,
)
PAGE_SECONDS = Histogram(
    f"{PREFIX}_page_seconds",
    "How long requests took until their answer began, by the name of the page and class of status.",
    ("page", "status"),
    (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, math.inf),
)

COUNTERS = (RUNS, PARTS, ROWS, REQUESTS, BATCHED, THROTTLED, THROTTLED_SECONDS, RETRIES)
HISTOGRAMS = (PART_SECONDS, PAGE_SECONDS)
