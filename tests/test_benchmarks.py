"""That the benchmarks run to their end, with next to nothing to measure. What they measure is no matter here."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.lists import VIEWS
from config import BASE_DIR

# As each benchmark ends where a goal is met, or is missed.
_MEASURED = {0, 1}


def _printed_by(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=BASE_DIR, capture_output=True, text=True, timeout=300, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode in _MEASURED, done.stderr
    return done.stdout


def test_the_global_list_is_measured_in_each_of_its_views() -> None:
    printed = _printed_by("benchmarks.lists", "--licenses", "300", "--times", "1")

    measured = [line for line in printed.splitlines() if line.startswith(tuple(VIEWS))]
    assert len(measured) == len(VIEWS)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_first_sync_is_measured_and_one_that_finds_nothing_changed(database: str) -> None:
    printed = _printed_by(
        "benchmarks.sync", "--tenants", "2", "--users", "3", "--workers", "1", f"--{database}", "--strict"
    )

    (unchanged,) = (line.split() for line in printed.splitlines() if line.startswith("unchanged: "))
    assert f"{database}," in unchanged
    assert unchanged[-5:] == ["1.00", "requests,", "0", "rows", "met"]


def test_the_memory_of_a_worker_is_measured_in_each_pass_on_both_databases() -> None:
    printed = _printed_by("benchmarks.memory", "--users", "150")

    for database in ("sqlite", "postgresql"):
        for measured in ("first", "unchanged", "1 % changed", "whole"):
            assert any(line.startswith(measured) and database in line for line in printed.splitlines())
