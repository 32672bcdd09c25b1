"""`flask runs`."""

from __future__ import annotations

import json
from datetime import timedelta

from flask.testing import FlaskCliRunner

from tests.support.factories import Make
from webapp.models import PartState, RunState, Trigger, utc_now


def test_list_prints_the_runs_newest_first(run_command: FlaskCliRunner, make: Make) -> None:
    started_at = utc_now()
    ended = make.run(
        integration=make.integration(name="Contoso"),
        trigger=Trigger.SCHEDULE,
        state=RunState.PARTIAL,
        started_at=started_at,
        finished_at=started_at + timedelta(seconds=5),
        tenants_total=3,
        tenants_ok=2,
        tenants_failed=1,
        requests=9,
        rows_written=4,
        reason="It broke.",
        fix="Mend it.",
        code="AADSTS1",
        request_id="request-1",
    )
    make.run(integration=make.integration(name="Fabrikam"))
    newest, oldest = json.loads(run_command.invoke(args=["runs", "list", "--json"]).stdout)
    assert (newest["integration"], newest["state"], newest["trigger"]) == ("Fabrikam", "queued", "manual")
    assert (newest["started_at"], newest["finished_at"]) == (None, None)
    assert oldest == {
        "id": ended.id,
        "integration": "Contoso",
        "trigger": "schedule",
        "state": "partial",
        "started_at": started_at.isoformat(),
        "finished_at": (started_at + timedelta(seconds=5)).isoformat(),
        "tenants_total": 3,
        "tenants_ok": 2,
        "tenants_failed": 1,
        "requests": 9,
        "rows_written": 4,
        "reason": "It broke.",
        "fix": "Mend it.",
        "code": "AADSTS1",
        "tenants_found": 0,
        "tenants_gone": 0,
        "notice": "",
    }


def test_the_numbers_of_an_active_run_are_those_reached_so_far(run_command: FlaskCliRunner, make: Make) -> None:
    integration = make.integration()
    run = make.run(integration=integration, state=RunState.SYNCING, tenants_total=3)
    for state in (PartState.OK, PartState.FAILED, PartState.SYNCING):
        make.part(
            run_id=run.id, tenant_id=make.tenant(integration=integration).id, state=state, requests=2, rows_written=1
        )
    [record] = json.loads(run_command.invoke(args=["runs", "list", "--json"]).stdout)
    assert (record["tenants_ok"], record["tenants_failed"], record["requests"], record["rows_written"]) == (1, 1, 6, 3)


def test_list_of_one_integration_leaves_out_the_others(run_command: FlaskCliRunner, make: Make) -> None:
    make.run(integration=make.integration(name="Contoso"))
    make.run(integration=make.integration(name="Fabrikam"))
    result = run_command.invoke(args=["runs", "list", "--integration", "contoso"])
    assert "Contoso" in result.stdout
    assert "Fabrikam" not in result.stdout
    unknown = run_command.invoke(args=["runs", "list", "--integration", "Litware"])
    assert unknown.exit_code == 1
    assert "Contoso, Fabrikam" in unknown.stderr


def test_no_more_than_the_limit_are_listed(run_command: FlaskCliRunner, make: Make) -> None:
    runs = [make.run(integration=make.integration()) for _ in range(3)]
    records = json.loads(run_command.invoke(args=["runs", "list", "--json", "--limit", "2"]).stdout)
    assert [record["id"] for record in records] == [runs[2].id, runs[1].id]


def test_the_list_takes_as_many_queries_for_many_runs_as_for_one(
    run_command: FlaskCliRunner, make: Make, count_queries: list[str]
) -> None:
    def count() -> int:
        count_queries.clear()
        assert run_command.invoke(args=["runs", "list", "--json"]).exit_code == 0
        return len(count_queries)

    make.run(state=RunState.SYNCING)
    for_one = count()
    for _ in range(9):
        make.run(state=RunState.SYNCING)
    assert count() == for_one


def test_each_command_explains_itself(run_command: FlaskCliRunner) -> None:
    for command in (["runs", "--help"], ["runs", "list", "--help"]):
        result = run_command.invoke(args=command)
        assert result.exit_code == 0
        assert "Usage:" in result.stdout
