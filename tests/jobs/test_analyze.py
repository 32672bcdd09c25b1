"""PostgreSQL is told how large its tables have become, now and then."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from jobs import analyze, sync
from jobs.analyze import note_written
from sandbox import Sandbox
from tests.support.factories import Make
from tests.support.microsoft import connected, new_run, sandbox_tenant
from webapp.extensions import db
from webapp.models import SyncPart, utc_now

from .helpers import do


@pytest.fixture(autouse=True)
def _new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analyze, "_rows", analyze._Rows())


@pytest.fixture
def no_autovacuum(app: Flask) -> Iterator[None]:
    """PostgreSQL's own upkeep keeps off the licenses: what it is at is not counted by anybody else meanwhile."""
    if db.engine.dialect.name == "postgresql":
        _change_licenses("SET (autovacuum_enabled = false)")
        yield
        _change_licenses("RESET (autovacuum_enabled)")
    else:
        yield


def _change_licenses(change: str) -> None:
    db.session.rollback()
    db.session.execute(text(f"ALTER TABLE license {change}"))
    db.session.commit()


def counts(queries: list[str]) -> int:
    return len([query for query in queries if query.startswith("ANALYZE")])


@pytest.mark.usefixtures("app")
def test_rows_are_counted_anew_only_when_they_have_become_several_times_as_many(count_queries: list[str]) -> None:
    counted = []
    for _ in range(64):
        note_written(500)
        counted.append(counts(count_queries))
    after = {counted.index(times) + 1 for times in set(counted) if times}
    assert after == ({2, 8, 32} if db.engine.dialect.name == "postgresql" else set())


@pytest.mark.usefixtures("no_autovacuum")
def test_a_sync_that_writes_many_rows_has_them_counted(
    sandbox: Sandbox, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyze, "_rows", analyze._Rows(due=1))
    run = new_run(connected(make, sandbox_tenant(sandbox)).integration)
    do(sync.begin, run.id)
    do(sync.work, run.id, SyncPart.due(db.session, run.id, utc_now()))
    if db.engine.dialect.name == "postgresql":
        assert db.session.scalar(text("SELECT reltuples FROM pg_class WHERE relname = 'license'")) == 1
    assert analyze._rows.written == run.rows_written == 1


@pytest.mark.usefixtures("app")
def test_a_database_that_cannot_count_costs_nothing_but_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("ANALYZE", None, Exception("away"))

    monkeypatch.setattr(db.session, "execute", fail)
    note_written(1_000)
    monkeypatch.undo()
    warned = [record.levelname for record in caplog.records if "count" in record.message]
    assert warned == (["WARNING"] if db.engine.dialect.name == "postgresql" else [])
