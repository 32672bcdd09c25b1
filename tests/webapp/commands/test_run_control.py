"""`flask runs show`, `cancel` and `retry`; `flask tenants compare`."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskCliRunner

from jobs import queue
from tests.support.factories import Make
from tests.webapp.integrations.conftest import Workers
from webapp.extensions import db
from webapp.metrics.counting import counts
from webapp.metrics.store import read
from webapp.models import PartState, Removal, RunState, SyncRun, Trigger, removal, utc_now


@pytest.fixture(autouse=True)
def enqueued(workers: Workers) -> list[int]:
    """The runs that were enqueued; a worker is there."""
    return workers.enqueued


def failed_run(make: Make, state: RunState = RunState.PARTIAL) -> SyncRun:
    run = make.run(
        integration=make.integration(name="Contoso"), state=state, tenants_total=2, tenants_ok=1, tenants_failed=1
    )
    for name, part_state in (("Good", PartState.OK), ("Bad", PartState.FAILED)):
        tenant = make.tenant(integration_id=run.integration_id, name=name, organization=make.organization(name=name))
        problem: dict[str, Any] = {"code": "AADSTS65001", "reason": "No consent.", "needs_consent": True}
        make.part(
            run_id=run.id,
            tenant_id=tenant.id,
            state=part_state,
            started_at=utc_now() - timedelta(seconds=5),
            finished_at=utc_now(),
            requests=4,
            **(problem if part_state == PartState.FAILED else {"created": 3, "rows_written": 3}),
        )
    return run


def test_show_prints_the_run_with_its_parts_the_failed_ones_first(run_command: FlaskCliRunner, make: Make) -> None:
    run = failed_run(make)
    record = json.loads(run_command.invoke(args=["runs", "show", str(run.id), "--json"]).stdout)
    assert (record["id"], record["state"], record["requests"]) == (run.id, "partial", 8)
    assert record["status"] == "Partly failed (1 of 2, keep last good data)"
    bad, good = record["parts"]
    assert (bad["tenant"], bad["state"], bad["code"], bad["organization"]) == ("Bad", "failed", "AADSTS65001", "Bad")
    assert bad["consent_url"].startswith("https://login.microsoftonline.com/")
    assert (good["tenant"], good["created"], good["consent_url"]) == ("Good", 3, None)
    text = run_command.invoke(args=["runs", "show", str(run.id)]).stdout
    for word in ("Contoso", "Partly failed", "Bad", "AADSTS65001"):
        assert word in text


@pytest.mark.parametrize("command", ["show", "cancel", "retry"])
@pytest.mark.parametrize("number", ["987654", "99999999999999999999"])
def test_a_run_that_is_not_there_is_named(command: str, number: str, run_command: FlaskCliRunner, make: Make) -> None:
    result = run_command.invoke(args=["runs", command, number])
    assert result.exit_code == 1
    assert f"There is no run {number}." in result.stderr


def test_cancel_ends_the_run_and_does_so_once(run_command: FlaskCliRunner, make: Make) -> None:
    run = make.run(state=RunState.SYNCING)
    counts.take()  # what other tests have counted
    result = run_command.invoke(args=["runs", "cancel", str(run.id)])
    assert (result.exit_code, result.stdout) == (0, f"Cancelled run {run.id}.\n")
    db.session.expire_all()
    assert (run.state, run.cancelled_by) == (RunState.CANCELLED, "the command line")
    assert read()["seatledger_runs_ended", "cancelled"] == 1
    again = run_command.invoke(args=["runs", "cancel", str(run.id)])
    assert (again.exit_code, again.stdout) == (0, f"Run {run.id} had ended already: Cancelled.\n")


def test_retry_starts_a_run_of_what_failed(run_command: FlaskCliRunner, make: Make, enqueued: list[int]) -> None:
    run = failed_run(make)
    result = run_command.invoke(args=["runs", "retry", str(run.id)])
    assert result.exit_code == 0, result.output
    again = db.session.query(SyncRun).filter_by(retry_of_id=run.id).one()
    assert (again.trigger, again.tenants_total, enqueued) == (Trigger.COMMAND, 1, [again.id])
    second = run_command.invoke(args=["runs", "retry", str(run.id)])
    assert second.exit_code == 1
    assert "under way" in second.stderr


def test_retry_says_where_to_see_what_becomes_of_it(run_command: FlaskCliRunner, make: Make) -> None:
    result = run_command.invoke(args=["runs", "retry", str(failed_run(make).id)])
    assert "`flask runs list` shows what becomes of it" in result.stdout


def test_retry_without_a_worker_says_that_it_waits(run_command: FlaskCliRunner, make: Make, workers: Workers) -> None:
    workers.alive = 0
    result = run_command.invoke(args=["runs", "retry", str(failed_run(make).id)])
    assert result.exit_code == 0
    assert "No worker is running" in result.stderr


def test_retry_with_wait_ends_as_the_run_does(
    run_command: FlaskCliRunner, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = failed_run(make)

    def work(run_id: int) -> None:
        again = db.session.get_one(SyncRun, run_id)
        again.state, again.tenants_ok = RunState.OK, 1
        db.session.commit()

    monkeypatch.setattr(queue, "sync", work)
    result = run_command.invoke(args=["runs", "retry", str(run.id), "--wait"])
    assert (result.exit_code, "OK: 1 tenant synced." in result.stdout) == (0, True)


def test_retry_of_what_did_not_fail_says_why(run_command: FlaskCliRunner, make: Make) -> None:
    result = run_command.invoke(args=["runs", "retry", str(make.run(state=RunState.OK).id)])
    assert result.exit_code == 1
    assert "Only a sync that failed" in result.stderr


def test_compare_prints_the_differences(
    run_command: FlaskCliRunner, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = {"kind": "changed", "sku_id": "1", "sku_part_number": "SPE_E3", "name": "E3", "field": "active"}
    answer = {"ok": True, "read_at": utc_now(), "differences": [{**line, "stored": 25, "live": 20}], "same": 2}
    monkeypatch.setattr(queue, "compare", lambda tenant_row_id: {**answer, "warning": None})
    tenant = make.tenant(name="Contoso")
    assert (
        json.loads(run_command.invoke(args=["tenants", "compare", "contoso", "--json"]).stdout) == answer["differences"]
    )
    assert "E3" in run_command.invoke(args=["tenants", "compare", tenant.tenant_id]).stdout
    answer["differences"] = []
    assert "No difference: 2 licenses" in run_command.invoke(args=["tenants", "compare", "contoso"]).stdout


def test_compare_says_that_licenses_are_not_synced(
    run_command: FlaskCliRunner, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {"ok": True, "read_at": utc_now(), "differences": [], "syncs_licenses": False, "same": 0, "warning": None}
    monkeypatch.setattr(queue, "compare", lambda tenant_row_id: answer)
    make.tenant(name="Contoso")
    result = run_command.invoke(args=["tenants", "compare", "contoso"])
    assert (result.exit_code, result.stdout) == (0, "No difference.\n")
    assert "licenses are not synced" in result.stderr


def test_compare_explains_a_refusal_and_a_removed_integration(
    run_command: FlaskCliRunner, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = {"reason": "Nobody consented.", "fix": "Consent.", "code": "AADSTS65001"}
    monkeypatch.setattr(queue, "compare", lambda tenant_row_id: {"ok": False, "problem": problem})
    tenant = make.tenant(name="Contoso")
    result = run_command.invoke(args=["tenants", "compare", "contoso"])
    assert result.exit_code == 1
    assert "Nobody consented." in result.stderr
    assert "AADSTS65001" in result.stderr
    removal.begin(db.session, tenant.integration_id, Removal.KEEP, utc_now())
    db.session.commit()
    result = run_command.invoke(args=["tenants", "compare", tenant.tenant_id])
    assert (result.exit_code, "removed" in result.stderr) == (1, True)


def test_what_no_worker_there_would_take_is_asked_here(
    run_command: FlaskCliRunner, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {"ok": True, "read_at": utc_now(), "differences": [], "same": 2, "warning": None}
    none, one = queue.Workers(0), queue.Workers(1)
    monkeypatch.setattr(queue, "workers_by_queue", lambda: {**dict.fromkeys(queue.QUEUES, none), queue.SYNC: one})
    monkeypatch.setattr(queue, "run_here", lambda job, tenant_row_id: answer)
    make.tenant(name="Contoso")
    assert "No difference: 2 licenses" in run_command.invoke(args=["tenants", "compare", "contoso"]).stdout
