"""Signals that tell a worker to stop, and what it has in hand then."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from flask import Flask

from config import BASE_DIR
from jobs import crew, told_to_stop
from jobs.crew import Crew
from webapp.background import in_background
from webapp.metrics import events, flushing
from webapp.metrics.counting import counts
from webapp.metrics.store import read

# A worker whose main thread waits for a lock of SQLite, within which Python calls no handler of a signal.
WAITS_FOR_A_LOCK = """
import signal, sqlite3, sys
from flask import Flask
from jobs import told_to_stop

told_to_stop.STOP_SECONDS = 0.1
signal.signal(signal.SIGTERM, lambda *_: None)
with told_to_stop.heard(Flask("worker")):
    print("waits", flush=True)
    sqlite3.connect(sys.argv[1], timeout=300).execute("BEGIN IMMEDIATE")
"""


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set when the worker leaves what it has in hand; it is not told to stop yet."""
    has_left = threading.Event()
    monkeypatch.setattr(crew, "stopping", threading.Event())
    monkeypatch.setattr(told_to_stop, "leave", lambda app: has_left.set())
    return has_left


@contextmanager
def listening(app: Flask) -> Iterator[Callable[[signal.Signals], object]]:
    """What lets a signal come to who listens; when this ends, the worker has ended, and all signals were heard."""
    hears, tells = socket.socketpair()
    with hears, in_background("signals", lambda _: told_to_stop._listen(app, hears)), tells:
        yield lambda signum: tells.send(bytes([signum]))


def test_a_worker_hears_that_it_shall_stop_while_it_waits_for_a_lock_and_ends(tmp_path: Path) -> None:
    path = tmp_path / "locked.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        command = [sys.executable, "-c", WAITS_FOR_A_LOCK, str(path)]
        with subprocess.Popen(command, cwd=BASE_DIR, stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == b"waits\n"
                process.terminate()
                assert process.wait(60) == 0
            finally:
                process.kill()


def test_who_is_told_to_stop_and_ends_in_time_leaves_nothing(app: Flask, left: threading.Event) -> None:
    with listening(app) as tell:
        tell(signal.SIGTERM)
        assert crew.stopping.wait(60)
    assert not left.is_set()


def test_who_is_told_to_stop_leaves_what_it_has_in_hand_when_its_time_is_over(
    app: Flask, left: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told_to_stop, "STOP_SECONDS", 0.05)
    with listening(app) as tell:
        tell(signal.SIGTERM)
        assert left.wait(60)


@pytest.mark.parametrize(("same_seconds", "leaves"), [(600.0, False), (0.0, True)], ids=["at once", "later"])
def test_who_is_told_twice_leaves_at_once_but_not_where_it_is_meant_once(
    same_seconds: float, leaves: bool, app: Flask, left: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told_to_stop, "_SAME_SECONDS", same_seconds)
    with listening(app) as tell:
        tell(signal.SIGINT)
        assert crew.stopping.wait(60)
        tell(signal.SIGTERM)
    assert left.is_set() is leaves


def test_a_signal_that_means_something_else_stops_nothing(app: Flask, left: threading.Event) -> None:
    with listening(app) as tell:
        tell(signal.SIGALRM)
    assert not crew.stopping.is_set()
    assert not left.is_set()


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The codes with which this process would have ended."""
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    monkeypatch.setattr(logging, "shutdown", lambda: None)
    return codes


def waits_when_it_leaves(app: Flask, monkeypatch: pytest.MonkeyPatch, owner: object, name: str) -> bool:
    """Whether a worker that leaves waits for what is called by this name of its owner, and gives no answer."""
    answers = threading.Event()
    waited: list[bool] = []
    monkeypatch.setattr(owner, name, lambda _: waited.append(answers.wait(30)))
    told_to_stop.leave(app)
    was_waited_for = bool(waited)
    answers.set()
    return was_waited_for


def test_a_worker_that_is_told_to_stop_ends_where_the_database_gives_no_answer(
    app: Flask, ended: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told_to_stop, "HAND_BACK_SECONDS", 0.05)
    assert not waits_when_it_leaves(app, monkeypatch, Crew, "hand_back")
    assert ended == [0]


@pytest.mark.usefixtures("ended")
def test_a_worker_that_leaves_hands_over_what_it_counted(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Crew, "hand_back", lambda self: events.part_ended("put_off"))
    counts.take()
    told_to_stop.leave(app)
    assert read()["seatledger_parts", "put_off"] == 1


def test_a_worker_that_leaves_waits_for_no_redis_that_gives_no_answer(
    app: Flask, ended: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flushing, "LAST_SECONDS", 0.05)
    assert not waits_when_it_leaves(app, monkeypatch, flushing, "hand_over")
    assert ended == [0]
