"""`python -m tests.faults.hurried MODULE`: a worker or the schedule, to whom time passes several times as fast.

What is waited for in vain (a lease, a silence, an answer) is waited for in seconds, so that a round takes seconds. The
proportions stay as they are: a lease outlasts some of its renewals, a run's silence some of the sweeps.
"""

from __future__ import annotations

import importlib
import sys
from datetime import timedelta
from typing import Any

LEASE = timedelta(seconds=8)

TIMES: dict[str, dict[str, Any]] = {
    "webapp.models.leases": {"LEASE": LEASE},
    "webapp.models.run": {"SILENCE": timedelta(seconds=4)},
    "webapp.models.removal": {"SILENCE": timedelta(seconds=4)},
    "webapp.models.addition": {"SILENCE": timedelta(seconds=4)},
    "jobs.microsoft.transport": {"SILENCE_SECONDS": 3},
    "jobs.microsoft.connections": {"ANSWER_SECONDS": 4},
    "jobs.schedule": {"SWEEP_SECONDS": 1, "START_SECONDS": 2},
    "jobs.adding": {"_HEARD_SECONDS": 1.0},
    "jobs.parts": {"_FIRST_PAUSE_SECONDS": 1.0},
    "jobs.worker": {"REPORT_SECONDS": 1},
}


def hurry() -> None:
    """Shorten this process's times. Fails where the product has no such time any more."""
    if unknown := unknown_times():
        raise SystemExit(f"there is no {', '.join(unknown)}: correct tests/faults/hurried.py")
    for module, times in TIMES.items():
        for name, value in times.items():
            setattr(importlib.import_module(module), name, value)


def unknown_times() -> list[str]:
    """Those that are called otherwise by now, or are counted otherwise."""
    return [
        f"{module}.{name}"
        for module, times in TIMES.items()
        for name, value in times.items()
        if not isinstance(getattr(importlib.import_module(module), name, None), type(value) | int)
    ]


if __name__ == "__main__":
    hurry()
    main = importlib.import_module(sys.argv.pop(1)).main
    main()
