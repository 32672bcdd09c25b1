"""Workers of one machine that write tenants one after another, where the database wants that."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import TimeoutError
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from jobs import parts, sync, turns
from jobs.turns import turn
from sandbox import Sandbox
from tests.support.factories import Make
from tests.support.locks import in_another_session, need_many_writers
from tests.support.microsoft import connected, new_run, sandbox_tenant
from webapp.extensions import db
from webapp.models import License, PartState, RunState, SyncPart, utc_now

from .helpers import do

_HOLDER = """
import fcntl, sys
with open(sys.argv[1], "a") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.readline()
"""
# So long somebody must be seen to wait.
_A_MOMENT = 0.2
_LONG_ENOUGH = 30


@contextmanager
def another_worker_writes(app: Flask) -> Iterator[subprocess.Popen[str]]:
    path = app.config["SETTINGS"].data_dir / "writing.lock"
    command = [sys.executable, "-c", _HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield holder
        finally:
            holder.kill()


@contextmanager
def whoever_wants_to_write(app: Flask) -> Iterator[threading.Event]:
    """Yields what is set when it is its turn."""
    has_turn = threading.Event()

    def take() -> None:
        with app.app_context(), turn():
            has_turn.set()

    thread = threading.Thread(target=take)
    thread.start()
    try:
        yield has_turn
    finally:
        thread.join(_LONG_ENOUGH)


def test_on_sqlite_whoever_writes_next_waits_for_the_worker_that_writes_and_not_for_one_that_died(app: Flask) -> None:
    with another_worker_writes(app) as holder, whoever_wants_to_write(app) as has_turn:
        waits = db.engine.dialect.name == "sqlite"
        assert has_turn.wait(_A_MOMENT if waits else _LONG_ENOUGH) is not waits
        holder.kill()
        assert has_turn.wait(_LONG_ENOUGH)


def test_a_sync_waits_for_its_turn_to_write_on_sqlite(
    app: Flask, sandbox: Sandbox, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(connected(make, sandbox_tenant(sandbox)).integration)
    run_id = run.id
    do(sync.begin, run_id)
    [part_id] = SyncPart.due(db.session, run_id, utc_now())
    db.session.commit()
    wants_to_write = threading.Event()

    @contextmanager
    def noted() -> Iterator[None]:
        wants_to_write.set()
        with turn():
            yield

    monkeypatch.setattr(parts, "turn", noted)
    with (
        another_worker_writes(app) as holder,
        in_another_session(app, lambda: sync.work(run_id, [part_id])) as synced,
    ):
        assert wants_to_write.wait(_LONG_ENOUGH)
        if db.engine.dialect.name == "sqlite":
            with pytest.raises(TimeoutError):
                synced.result(_A_MOMENT)
            assert db.session.query(License).count() == 0
            assert db.session.get_one(SyncPart, part_id).state == PartState.SYNCING
            db.session.commit()
            holder.kill()
        synced.result(_LONG_ENOUGH)
    db.session.refresh(run)
    assert (run.state, db.session.query(License).count()) == (RunState.OK, 1)


@pytest.fixture
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "BUSY_SECONDS", 0.05)


def test_whoever_waited_long_enough_for_another_worker_goes_on_without_the_turn(
    app: Flask, little_patience: None
) -> None:
    with another_worker_writes(app) as holder, whoever_wants_to_write(app) as has_turn:
        assert has_turn.wait(_LONG_ENOUGH / 2)
        assert holder.poll() is None


def test_whoever_waited_long_enough_for_another_thread_goes_on_and_leaves_it_the_turn(
    app: Flask, little_patience: None
) -> None:
    with turn():
        for _ in range(2):
            with whoever_wants_to_write(app) as has_turn:
                assert has_turn.wait(_LONG_ENOUGH / 2)


def test_where_nobody_can_take_turns_everybody_goes_on_and_says_so(
    app: Flask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "writing.lock").mkdir()
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], data_dir=tmp_path)
    times = 2 if db.engine.dialect.name == "sqlite" else 0
    for _ in range(2):
        with turn():
            pass
    assert [record.levelname for record in caplog.records if "take turns" in record.message] == ["WARNING"] * times


def test_on_postgresql_few_threads_write_at_once_and_the_next_when_one_has_written(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_many_writers()
    monkeypatch.setattr(turns, "_FEW_SECONDS", _LONG_ENOUGH)
    with ExitStack() as others, ExitStack() as first:
        first.enter_context(turn())
        for _ in range(turns.FEW - 1):
            others.enter_context(turn())
        with whoever_wants_to_write(app) as has_turn:
            assert not has_turn.wait(_A_MOMENT)
            first.close()
            assert has_turn.wait(_LONG_ENOUGH)


def test_on_postgresql_who_waited_long_enough_for_large_tenants_is_written_beside_them(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_many_writers()
    monkeypatch.setattr(turns, "_FEW_SECONDS", 0.05)
    with ExitStack() as large:
        for _ in range(turns.FEW):
            large.enter_context(turn())
        with whoever_wants_to_write(app) as has_turn:
            assert has_turn.wait(_LONG_ENOUGH / 2)
    with ExitStack() as again:  # each gave back what it had, and whoever had none gave nothing back
        for _ in range(turns.FEW):
            again.enter_context(turn())
