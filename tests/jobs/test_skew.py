"""Workers and the schedule beside a database of another version: they say so, do nothing with it, and go on by it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

import pytest
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import text

from jobs import queue, skew
from sandbox import Sandbox
from tests.support.factories import Make
from tests.support.microsoft import connected, new_run, sandbox_tenant
from tests.support.turns import in_turn
from webapp import schema_version
from webapp.extensions import db
from webapp.models import RunState
from webapp.version import version

from .processes import Start, eventually, start

__all__ = ["start"]

NEWER = "9999"

SetRevision = Callable[[str], None]


@pytest.fixture
def older() -> str:
    """The revision before the newest."""
    newest = ScriptDirectory(str(schema_version.MIGRATIONS)).get_revision("head")
    assert newest is not None
    return str(newest.down_revision)


@pytest.fixture
def set_revision(app: Flask) -> Iterator[SetRevision]:
    """Let the database say that it is at this revision, though its tables are as ever."""
    expected = schema_version.look().expected

    @in_turn  # a worker may write meanwhile
    def set_to(revision: str | None) -> None:
        db.session.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
        db.session.commit()

    yield set_to
    set_to(expected)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skew, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(skew, "PAUSE_SECONDS", 0.01)


def loudest(caplog: pytest.LogCaptureFixture) -> str:
    """The highest level of what was said: an error is what nobody foresaw, and asks to be reported."""
    return logging.getLevelName(max(record.levelno for record in caplog.records))


def test_work_begins_at_once_where_the_database_fits(app: Flask) -> None:
    skew.wait_until_it_fits(app)


@pytest.mark.usefixtures("hurried")
def test_with_an_older_database_work_waits_until_it_is_migrated(
    app: Flask, set_revision: SetRevision, older: str, caplog: pytest.LogCaptureFixture
) -> None:
    set_revision(older)
    began = threading.Event()

    def begin() -> None:
        skew.wait_until_it_fits(app)
        began.set()

    thread = threading.Thread(target=begin)
    thread.start()
    eventually(lambda: "flask db upgrade" in caplog.text)
    assert not began.is_set()
    set_revision(schema_version.look().expected or "")
    assert began.wait(60)
    thread.join()
    # Said once, however long it waited.
    assert caplog.text.count("flask db upgrade") == 1
    assert loudest(caplog) == "WARNING"


@pytest.mark.usefixtures("hurried")
def test_with_a_newer_database_a_program_ends_and_says_what_to_do(
    app: Flask, set_revision: SetRevision, caplog: pytest.LogCaptureFixture
) -> None:
    set_revision(NEWER)
    with pytest.raises(SystemExit) as ended:
        skew.wait_until_it_fits(app)
    assert ended.value.code == 1
    assert "older version than the database" in caplog.text
    assert "Install the version" in caplog.text
    assert loudest(caplog) == "WARNING"


@pytest.mark.usefixtures("hurried")
def test_a_program_that_is_told_to_stop_waits_no_longer(app: Flask, set_revision: SetRevision, older: str) -> None:
    set_revision(older)
    stopping = threading.Event()
    thread = threading.Thread(target=skew.wait_until_it_fits, args=(app, stopping))
    thread.start()
    stopping.set()
    thread.join(60)
    assert not thread.is_alive()


@pytest.mark.usefixtures("hurried")
def test_who_works_is_told_to_stop_when_the_database_becomes_newer(
    app: Flask, set_revision: SetRevision, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = threading.Event()
    monkeypatch.setattr(skew, "_stop", told.set)
    with caplog.at_level(logging.INFO), skew.watched(app):
        assert not told.wait(0.2)
        set_revision(NEWER)
        assert told.wait(60)
    assert "nothing more is begun" in caplog.text
    assert loudest(caplog) == "WARNING"


@pytest.mark.slow
@pytest.mark.parametrize("module", ["jobs.worker", "jobs.schedule"])
def test_a_process_ends_when_the_database_becomes_newer_and_takes_no_job_after(
    sandbox: Sandbox, make: Make, start: Start, set_revision: SetRevision, module: str
) -> None:
    process = start(module)
    eventually(lambda: queue.workers_alive() if module == "jobs.worker" else queue.schedules_alive())
    set_revision(NEWER)
    assert process.wait(120) == 0
    run = new_run(connected(make, sandbox_tenant(sandbox)).integration)
    queue.sync(run.id)
    again = start(module)
    assert again.wait(120) == 1
    db.session.refresh(run)
    assert run.state == RunState.QUEUED


@pytest.mark.slow
def test_a_worker_beside_an_older_database_begins_when_it_is_migrated(
    sandbox: Sandbox, make: Make, start: Start, set_revision: SetRevision, older: str
) -> None:
    set_revision(older)
    run = new_run(connected(make, sandbox_tenant(sandbox)).integration)
    queue.sync(run.id)
    start("jobs.worker")
    assert queue.workers_alive() == 0
    set_revision(schema_version.look().expected or "")
    eventually(lambda: not run.state.is_active)
    assert run.state == RunState.OK
    assert set(queue.workers_versions().values()) == {version()}
