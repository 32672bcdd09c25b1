"""What this process counted and has not yet handed over: added to by any thread, at the cost of a lock.

Nothing here asks Redis or the database, so a sync or a page is neither slowed down nor broken by being counted.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from threading import Lock

from .catalogue import Counter, Histogram

# A field of what is counted: the metric, the values of its labels, and of a histogram which of its numbers it is.
Field = tuple[str, ...]


class Counts:
    """Numbers that only grow."""

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """Count from nothing, as a process does that was forked: what was counted before is its parent's."""
        self._lock = Lock()
        self._numbers: defaultdict[Field, float] = defaultdict(float)

    def add(self, counter: Counter, *labels: str, by: float = 1) -> None:
        with self._lock:
            self._numbers[counter.name, *labels] += by

    def observe(self, histogram: Histogram, *labels: str, seconds: float) -> None:
        bucket = histogram.bounds[bisect_left(histogram.bounds, seconds)]
        with self._lock:
            self._numbers[histogram.name, *labels, bucket_name(bucket)] += 1
            self._numbers[histogram.name, *labels, "sum"] += seconds

    def take(self) -> dict[Field, float]:
        """What was counted since the last time; it is the caller's now."""
        with self._lock:
            taken, self._numbers = self._numbers, defaultdict(float)
        return dict(taken)

    def give_back(self, numbers: Mapping[Field, float]) -> None:
        """Take again what could not be handed over."""
        with self._lock:
            for field, number in numbers.items():
                self._numbers[field] += number


def bucket_name(bound: float) -> str:
    return f"le{bound:g}"


counts = Counts()
os.register_at_fork(after_in_child=counts.begin_anew)
