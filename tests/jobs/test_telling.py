"""What is told of parts and runs that end: how loudly, and with which figures."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask

from config import BASE_DIR
from jobs import sync, telling
from logs.formats import TextLines
from tests.support.factories import Make
from webapp.extensions import db
from webapp.metrics.counting import counts
from webapp.models import Claim, PartState, Problem, RunState, SyncRun, Trigger, utc_now
from webapp.models.leases import MAX_ATTEMPTS

from .helpers import do

CLAIM = Claim(part_id=3, run_id=7, tenant_id=5, lease="a-lease-that-is-nobodys-business", attempt=1)
PROBLEM = Problem("The app lacks a permission.", "Give it.", "Authorization_RequestDenied", "a-request")


@pytest.fixture(autouse=True)
def _nothing_counted() -> Iterator[None]:
    counts.take()
    yield
    counts.take()


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """The lines as they are written."""
    caplog.set_level(logging.DEBUG)
    found: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: found.append(TextLines().format(record))  # type: ignore[method-assign]
    telling.log.addHandler(handler)
    yield found
    telling.log.removeHandler(handler)


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (PartState.OK, "DEBUG jobs.telling The tenant is well"),
        (telling.PUT_OFF, "INFO jobs.telling The tenant was put off: The app lacks"),
        (PartState.FAILED, "WARNING jobs.telling The tenant failed: The app lacks"),
    ],
)
def test_a_part_is_told_the_louder_the_worse_it_is(outcome: str, said: str, lines: list[str]) -> None:
    problem = None if outcome == PartState.OK else PROBLEM
    began = time.monotonic() - 2
    telling.part_ended(CLAIM, outcome, began, tenant="a-guid", requests=4, rows=9, problem=problem)
    assert len(lines) == 1
    assert f" {said}" in lines[0]
    for words in ("run=7", "part=3", "tenant=a-guid", "requests=4", "rows_written=9"):
        assert words in lines[0]
    assert ("request_id=a-request" in lines[0]) == (problem is not None)
    assert CLAIM.lease not in lines[0]
    taken = counts.take()
    assert taken["seatledger_parts", outcome] == 1
    assert taken["seatledger_rows_written",] == 9
    assert 2 <= taken["seatledger_part_seconds", outcome, "sum"] < 60


def test_a_part_that_was_lost_too_often_is_told_and_counted_as_failed(make: Make, lines: list[str]) -> None:
    run = make.run(state=RunState.SYNCING, tenants_total=1)
    tenant = make.tenant(integration=run.integration, organization=make.organization())
    part = make.part(run_id=run.id, tenant_id=tenant.id, attempts=MAX_ATTEMPTS)
    do(sync.work, run.id, [part.id])
    [told] = [line for line in lines if " The tenant failed: The work on this tenant was lost several times" in line]
    assert f"run={run.id} part={part.id}" in told
    assert "code=lost" in told
    assert counts.take()["seatledger_parts", PartState.FAILED] == 1


def test_a_run_that_ended_is_one_line_with_its_figures(make: Make, lines: list[str]) -> None:
    now = utc_now()
    run = SyncRun(
        integration_id=make.integration().id,
        trigger=Trigger.SCHEDULE,
        state=RunState.PARTIAL,
        started_at=now - timedelta(seconds=90),
        finished_at=now,
        tenants_total=3,
        tenants_ok=2,
        tenants_failed=1,
        requests=11,
        rows_written=40,
        reason="The app lacks a permission.",
    )
    db.session.add(run)
    db.session.commit()
    telling.run_ended(run.id)
    assert len(lines) == 1
    assert " INFO jobs.telling The sync ended: partial, The app lacks a permission. [" in lines[0]
    for words in (
        f"run={run.id}",
        f"integration={run.integration_id}",
        "trigger=schedule",
        "tenants_total=3",
        "tenants_ok=2",
        "tenants_failed=1",
        "requests=11",
        "rows_written=40",
        "seconds=90.0",
    ):
        assert words in lines[0]
    assert counts.take() == {("seatledger_runs_ended", "partial"): 1}


@pytest.mark.usefixtures("app")
def test_a_run_that_has_nothing_to_do_is_told_once(make: Make, lines: list[str]) -> None:
    run = make.run(integration=make.tenant().integration)
    for _ in range(2):
        sync.begin(run.id)
    [line] = lines
    assert "The sync ended: failed, No tenant is matched" in line
    assert counts.take()["seatledger_runs_ended", "failed"] == 1


def test_a_run_that_is_gone_by_then_is_no_fault(app: Flask, lines: list[str]) -> None:
    telling.run_ended(12345)
    assert lines == []


def test_every_field_is_documented(make: Make, lines: list[str]) -> None:
    run = make.run(state=RunState.OK, tenants_total=1, tenants_ok=1, finished_at=utc_now())
    telling.run_ended(run.id)
    telling.part_ended(CLAIM, PartState.FAILED, None, tenant="a-guid", requests=4, rows=9, problem=PROBLEM)
    told = {name for line in lines for name in re.findall(r"(\w+)=", line.rpartition("[")[2])}
    assert {"trigger", "code"} < told
    logs = (BASE_DIR / "docs" / "monitoring.md").read_text().partition("## Logs")[2]
    rows = [line.split("|")[1] for line in logs.splitlines() if line.startswith("| `")]
    assert told - {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set()
