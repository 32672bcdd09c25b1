"""How long the programs of `make run` are given to stop."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import jobs.worker
import launcher.running
from launcher.supervisor import Program, programs, start
from tests.support.settings import make_settings


def _programs(directory: Path) -> list[Program]:
    return programs(make_settings(directory, redis_is_embedded=True))


def test_a_worker_has_time_to_give_back_what_it_has_in_hand_before_it_is_killed(tmp_path: Path) -> None:
    workers = [program for program in _programs(tmp_path) if "jobs.worker" in program.command]
    assert {program.name for program in workers} == {"worker", "attendant"}
    needed = jobs.worker.STOP_SECONDS + jobs.worker.HAND_BACK_SECONDS
    assert all(program.stop_seconds > needed for program in workers)


def test_supervisord_is_not_killed_before_all_programs_had_their_time_to_stop(tmp_path: Path) -> None:
    assert sum(program.stop_seconds for program in _programs(tmp_path)) < launcher.running.STOP_SECONDS


def test_a_log_that_somebody_else_left_is_named_before_anything_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "gone.log").symlink_to("nowhere")
    kept, left = tmp_path / "logs" / "web.log.1.gz", tmp_path / "logs" / "web.log"
    kept.touch()
    left.touch()
    monkeypatch.setattr(os, "access", lambda path, mode: path not in (kept, left))
    with (tmp_path / "lock").open("w") as lock, pytest.raises(PermissionError, match=r"Permission denied: .*web\.log"):
        start(make_settings(tmp_path), [], lock)
