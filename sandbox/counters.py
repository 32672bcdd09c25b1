"""How many requests there were, by endpoint and status: cheap with a million of them, one sum over all processes."""

from __future__ import annotations

import mmap
import threading
from typing import Any

from sandbox.faults import ENDPOINTS

# 0 is a connection that was dropped; what is none of them is counted as 599.
_STATUSES = (
    *(0, 200, 201, 204, 302, 400, 401, 403, 404, 405, 409, 410, 411, 413, 424, 429, 500, 501, 502, 503, 504),
    599,
)
_NAMES = (*ENDPOINTS, "unknown")
_EARLY = 2 * len(_NAMES) * len(_STATUSES)
_SIZE = _EARLY + 1


class Counters:
    """Numbers in memory that is shared with the processes forked later, a row for each.

    A process writes in its own row only, so that none waits for another. The last row is what was counted at the last
    reset.
    """

    def __init__(self, processes: int = 1) -> None:
        self._memory = mmap.mmap(-1, 8 * _SIZE * (processes + 1))
        self._cells = memoryview(self._memory).cast("Q")
        self._processes = processes
        self._row = 0
        self._lock = threading.Lock()

    def take_row(self, process: int) -> None:
        """From now on this is the process of that number, from 0."""
        self._row = process * _SIZE

    def add(self, name: str, status: int | None, *, in_batch: bool, early: bool) -> None:
        """Counts one request. `status` is None where the connection was dropped."""
        cell = self._row + _cell(name, status or 0, in_batch)
        with self._lock:
            self._cells[cell] += 1
            self._cells[self._row + _EARLY] += early

    def reset(self) -> None:
        """Counting starts anew."""
        first = self._processes * _SIZE
        with self._lock:
            for cell in range(_SIZE):
                self._cells[first + cell] = self._sum(cell)

    def report(self) -> dict[str, Any]:
        """`http`: requests over the wire; `inner`: those inside batches; `early`: those that came before a Retry-After
        had passed; and each kind by `endpoint` and `status`.
        """
        first = self._processes * _SIZE
        counted = [self._sum(cell) - self._cells[first + cell] for cell in range(_SIZE)]
        rows = [
            {"endpoint": name, "status": status or None, "in_batch": in_batch, "count": count}
            for in_batch in (False, True)
            for name in _NAMES
            for status in _STATUSES
            if (count := counted[_cell(name, status, in_batch)])
        ]
        return {
            "http": sum(row["count"] for row in rows if not row["in_batch"]),
            "inner": sum(row["count"] for row in rows if row["in_batch"]),
            "early": counted[_EARLY],
            "counts": rows,
        }

    def _sum(self, cell: int) -> int:
        return sum(self._cells[process * _SIZE + cell] for process in range(self._processes))


_NAME_PLACES = {name: place for place, name in enumerate(_NAMES)}
_STATUS_PLACES = {status: place for place, status in enumerate(_STATUSES)}


def _cell(name: str, status: int, in_batch: bool) -> int:
    row = _NAME_PLACES[name] * 2 + in_batch
    return row * len(_STATUSES) + _STATUS_PLACES.get(status, len(_STATUSES) - 1)
