"""How things stand: runs, parts, queues, workers."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import event, text

from jobs import queue
from tests.support.factories import Make
from webapp.extensions import db
from webapp.metrics import gauges
from webapp.models import PartState, RunState, SyncPart, SyncRun, Trigger, utc_now

from .conftest import Scrape

AGO = timedelta(minutes=10)


def run_of(make: Make, state: RunState, *parts: PartState | datetime, ago: timedelta = AGO) -> SyncRun:
    """A run in this state, begun a while ago, with parts: each a state, or a time before which it must not begin."""
    integration = make.integration()
    run = SyncRun(integration_id=integration.id, trigger=Trigger.MANUAL, state=state, created_at=utc_now() - ago)
    db.session.add(run)
    db.session.flush()
    for given in parts:
        tenant = make.tenant(integration=integration, organization=make.organization())
        part = SyncPart(run_id=run.id, tenant_id=tenant.id)
        if isinstance(given, PartState):
            part.state = given
            part.finished_at = utc_now() if given not in {PartState.WAITING, PartState.SYNCING} else None
        else:
            part.not_before = given
        db.session.add(part)
    db.session.commit()
    return run


def test_runs_and_parts_that_are_not_ended_are_told_by_their_state(make: Make, scrape: Scrape) -> None:
    later = utc_now() + timedelta(hours=1)
    run_of(make, RunState.QUEUED)
    run_of(make, RunState.SYNCING, PartState.WAITING, PartState.SYNCING, PartState.OK, later)
    run_of(make, RunState.SYNCING, PartState.FAILED, PartState.SYNCING, ago=2 * AGO)
    run_of(make, RunState.OK, PartState.OK)
    found = scrape()
    assert {state: found[f"seatledger_runs_active{{state={state}}}"] for state in ("queued", "syncing")} == {
        "queued": 1,
        "syncing": 2,
    }
    assert {state: found[f"seatledger_parts_open{{state={state}}}"] for state in ("waiting", "put_off", "in_hand")} == {
        "waiting": 1,
        "put_off": 1,
        "in_hand": 2,
    }
    assert AGO.total_seconds() <= found["seatledger_oldest_part_seconds"] < AGO.total_seconds() + 60


@pytest.mark.parametrize(
    ("state", "parts"),
    [
        (RunState.QUEUED, []),
        (RunState.SYNCING, [PartState.WAITING]),
        (RunState.SYNCING, [PartState.OK, utc_now() + timedelta(days=1)]),
    ],
    ids=["for its plan", "for a worker", "for a time"],
)
def test_the_oldest_run_is_told_whatever_its_tenants_wait_for(
    state: RunState, parts: list[PartState | datetime], make: Make, scrape: Scrape
) -> None:
    run_of(make, state, *parts, ago=2 * AGO)
    run_of(make, RunState.SYNCING, PartState.WAITING)
    run_of(make, RunState.SYNCING, PartState.SYNCING, ago=3 * AGO)
    oldest = 2 * AGO.total_seconds()
    assert oldest <= scrape()["seatledger_oldest_part_seconds"] < oldest + 60


def test_where_nothing_runs_zeros_are_told(scrape: Scrape) -> None:
    found = scrape()
    assert found["seatledger_runs_active{state=syncing}"] == found["seatledger_parts_open{state=in_hand}"] == 0
    assert found["seatledger_oldest_part_seconds"] == 0
    assert found["seatledger_queue_jobs{queue=sync}"] == found["seatledger_queue_oldest_seconds{queue=sync}"] == 0
    assert found["seatledger_workers_alive{queue=scheduled}"] == found["seatledger_schedules_alive"] == 0
    assert found["seatledger_database_up"] == found["seatledger_redis_up"] == 1


def test_queues_and_their_workers_are_told(scrape: Scrape) -> None:
    queue.sync(1, 2, lane=queue.SCHEDULED)
    queue.report_worker("one")
    queue.report_worker("two", [queue.INTERACTIVE])
    found = scrape()
    assert found["seatledger_queue_jobs{queue=scheduled}"] == 2
    assert 0 < found["seatledger_queue_oldest_seconds{queue=scheduled}"] < 60
    assert found["seatledger_workers_alive{queue=interactive}"] == 2
    assert found["seatledger_workers_alive{queue=sync}"] == 1


def test_workers_that_are_cut_off_are_told_beside_those_that_are_there(scrape: Scrape) -> None:
    queue.report_worker("one", [queue.SYNC, queue.SCHEDULED])
    queue.report_reached("one", [], [], has_database=False)
    queue.report_worker("two", [queue.SYNC])
    found = scrape()
    by_queue = {
        name: (found[f"seatledger_workers_alive{{queue={name}}}"], found[f"seatledger_workers_cut_off{{queue={name}}}"])
        for name in queue.QUEUES
    }
    assert by_queue == {queue.INTERACTIVE: (0, 0), queue.UPKEEP: (0, 0), queue.SYNC: (2, 1), queue.SCHEDULED: (1, 1)}


def test_what_has_ended_is_not_looked_at(app: Flask, make: Make) -> None:
    run_of(make, RunState.OK, PartState.OK)
    asked: list[tuple[str, object]] = []

    def note(connection: object, cursor: object, statement: str, parameters: object, *rest: object) -> None:
        asked.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        list(gauges.of_database())
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    plans = [_plan(statement, parameters) for statement, parameters in asked if "FROM" in statement]
    assert len(plans) == 2
    assert "uq_sync_run_active" in plans[0]
    assert "ix_sync_part_open" in plans[1]


def _plan(statement: str, parameters: object) -> str:
    """How the database would answer, were its tables large."""
    with db.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            rows = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)  # type: ignore[arg-type]
        else:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)  # type: ignore[arg-type]
        return "\n".join(str(tuple(row)) for row in rows)


def test_a_state_of_a_newer_version_is_no_fault(make: Make, scrape: Scrape) -> None:
    run = run_of(make, RunState.SYNCING, PartState.WAITING)
    db.session.execute(text("UPDATE sync_part SET state = 'pondering' WHERE run_id = :run"), {"run": run.id})
    db.session.commit()
    assert scrape()["seatledger_database_up"] == 1


@pytest.mark.parametrize("name", queue.QUEUES)
def test_every_queue_is_told(name: str, scrape: Scrape) -> None:
    assert f"seatledger_queue_jobs{{queue={name}}}" in scrape()
