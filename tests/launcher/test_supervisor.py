"""How long the programs of `make run` are given to stop."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import jobs.told_to_stop
import launcher.running
from config import BASE_DIR
from launcher.supervisor import Program, programs, start
from tests.support.settings import make_settings


def _programs(directory: Path) -> list[Program]:
    return programs(make_settings(directory, redis_is_embedded=True))


def test_a_worker_has_time_to_give_back_what_it_has_in_hand_before_it_is_killed(tmp_path: Path) -> None:
    workers = [program for program in _programs(tmp_path) if "jobs.worker" in program.command]
    assert {program.name for program in workers} == {"worker", "attendant"}
    needed = jobs.told_to_stop.STOP_SECONDS + jobs.told_to_stop.HAND_BACK_SECONDS
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


def test_root_stays_root_whoever_it_was_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As `su` leaves them.
    monkeypatch.setenv("USER", "nobody")
    monkeypatch.setenv("LOGNAME", "nobody")
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.setattr(subprocess, "Popen", lambda *given, **options: None)
    with (tmp_path / "lock").open("w") as lock:
        start(make_settings(tmp_path), [], lock)
    configuration = (tmp_path / "supervisord.conf").read_text().splitlines()
    assert [line for line in configuration if line.startswith("user=")] == ["user=0"]


def test_a_log_that_cannot_be_written_is_told_of_once_without_a_traceback_and_goes_on_afterwards(
    tmp_path: Path,
) -> None:
    """In a process of its own: what bears it changes supervisord's loggers."""
    code = f"""
import os
from supervisor import loggers
from launcher.supervising import Bearing, bear
bear(Bearing())
log = loggers.RotatingFileHandler({str(tmp_path / "web.log")!r}, maxBytes=40, backupCount=1)
log.setFormat("%(message)s")
log.setLevel(loggers.LevelsByName.INFO)
def say(text):
    log.emit(loggers.LogRecord(loggers.LevelsByName.INFO, text))
good = log.stream
for _ in range(3):
    log.stream = open("/dev/full", "ab", buffering=0)
    say("lost")
log.stream = good
os.mkdir({str(tmp_path / "web.log.1")!r})
say("long enough to be put aside, which cannot be done")
os.rmdir({str(tmp_path / "web.log.1")!r})
say("after all")
say("and on")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=BASE_DIR, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("Logs cannot be written (No space left on device)") == 1
    assert "Traceback" not in done.stderr
    assert "after all" in (tmp_path / "web.log.1").read_text()
    assert (tmp_path / "web.log").read_text() == "and on"
