"""Sync Logs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask.testing import FlaskClient

from tests.support.factories import Make
from webapp.extensions import db
from webapp.models import Integration, PartState, RunState, SyncRun, Trigger

STARTED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def ended(
    make: Make, integration: Integration, state: RunState = RunState.OK, failed: int = 0, **values: object
) -> SyncRun:
    return make.run(
        integration=integration,
        state=state,
        started_at=STARTED,
        finished_at=STARTED + timedelta(seconds=75),
        tenants_total=9,
        tenants_ok=9 - failed,
        tenants_failed=failed,
        requests=1234,
        rows_written=56,
        **values,
    )


def logs(client: FlaskClient, integration: Integration, page: str = "") -> str:
    answer = client.get(f"/account/integrations/{integration.id}/runs", query_string={"page": page} if page else {})
    assert answer.status_code == 200
    return answer.text


def test_a_run_is_listed_with_who_started_it_and_what_it_did(as_administrator: FlaskClient, make: Make) -> None:
    integration = make.integration()
    ended(make, integration, started_by_id=make.user(email="ada@msp.example").id)
    ended(make, integration, trigger=Trigger.SCHEDULE)
    page = logs(as_administrator, integration)
    for text in ("ada@msp.example", "By hand", "Schedule", "1 min 15 s", "9 of 9", "1,234", "56", STARTED.isoformat()):
        assert text in page


def test_an_active_run_shows_what_it_reached_so_far(as_administrator: FlaskClient, make: Make) -> None:
    integration = make.integration()
    run = make.run(integration=integration, state=RunState.SYNCING, tenants_total=3)
    for state in (PartState.OK, PartState.FAILED, PartState.WAITING):
        make.part(run_id=run.id, tenant_id=make.tenant(integration=integration).id, state=state, requests=7)
    page = logs(as_administrator, integration)
    assert "1 of 3" in page
    assert "1 failed" in page
    assert ">21<" in page


def test_the_list_asks_again_while_a_run_of_it_is_active_and_says_what_it_came_to(
    as_administrator: FlaskClient, make: Make
) -> None:
    integration = make.integration()
    assert "data-poll" not in logs(as_administrator, integration)
    ended(make, integration)
    run = make.run(integration=integration, state=RunState.SYNCING, tenants_total=3)
    again = f"/account/integrations/{integration.id}/runs?seen={run.id}"
    page = logs(as_administrator, integration)
    assert f'hx-get="{again}"' in page
    assert "http-equiv" in page
    partial = as_administrator.get(again, headers={"HX-Request": "true"}).text
    assert partial.lstrip().startswith('<div class="card" id="runs" data-poll=')
    run.state, run.finished_at = RunState.FAILED, STARTED
    db.session.commit()
    partial = as_administrator.get(again, headers={"HX-Request": "true"}).text
    assert '<div id="runs-said" hx-swap-oob="innerHTML">Failed</div>' in partial
    assert "data-poll" not in partial


def test_failed_tenants_are_named_with_reason_fix_code_and_request(as_administrator: FlaskClient, make: Make) -> None:
    integration = make.integration()
    run = ended(make, integration, RunState.PARTIAL, failed=7, reason="The first reason.")
    for number in range(7):
        make.part(
            run_id=run.id,
            tenant_id=make.tenant(integration=integration, name=f"Tenant <{number}>").id,
            state=PartState.FAILED,
            reason=f"Reason {number}.",
            fix="Do this.",
            code="AADSTS700016",
            request_id=f"request-{number}",
        )
    page = logs(as_administrator, integration)
    assert "Tenant &lt;0&gt;" in page
    for text in ("Reason 0.", "Reason 4.", "Do this.", "AADSTS700016", "request-4", "And 2 more that failed."):
        assert text in page
    assert "Reason 5." not in page


def test_tenants_that_failed_are_named_before_those_that_were_only_put_off(
    as_administrator: FlaskClient, make: Make
) -> None:
    integration = make.integration()
    run = ended(make, integration, RunState.SYNCING, failed=2)
    for state, number in ((PartState.WAITING, 6), (PartState.FAILED, 2)):
        for _ in range(number):
            tenant = make.tenant(integration=integration)
            make.part(run_id=run.id, tenant_id=tenant.id, state=state, reason=f"It {state.value}.")
    page = logs(as_administrator, integration)
    assert page.count("It failed.") == 2
    assert page.count("It waiting.") == 3
    assert "more that failed" not in page


def test_a_cancelled_run_names_who_cancelled_it_and_no_tenant_that_waited(
    as_administrator: FlaskClient, make: Make
) -> None:
    integration = make.integration()
    run = make.run(integration=integration, state=RunState.SYNCING, tenants_total=1)
    tenant = make.tenant(integration=integration)
    make.part(run_id=run.id, tenant_id=tenant.id, state=PartState.WAITING, reason="Asked to wait.")
    as_administrator.post(f"/account/integrations/{integration.id}/runs/{run.id}/cancel")
    page = logs(as_administrator, integration)
    assert "Cancelled by user" in page
    assert "Asked to wait." not in page


def test_what_could_not_be_read_beside_the_licenses_is_told_too(as_administrator: FlaskClient, make: Make) -> None:
    integration = make.integration()
    run = ended(make, integration)
    make.part(
        run_id=run.id, tenant_id=make.tenant(integration=integration).id, state=PartState.OK, reason="No name was read."
    )
    assert "No name was read." in logs(as_administrator, integration)


def test_a_run_that_failed_before_its_tenants_says_why(as_administrator: FlaskClient, make: Make) -> None:
    integration = make.integration()
    ended(make, integration, RunState.FAILED, reason="No tenant is matched.", fix="Match one.")
    page = logs(as_administrator, integration)
    assert "No tenant is matched." in page
    assert "Match one." in page


def test_without_runs_the_page_says_so(as_administrator: FlaskClient, make: Make) -> None:
    assert "Not synced yet" in logs(as_administrator, make.integration())


def test_older_runs_are_on_later_pages(as_administrator: FlaskClient, make: Make) -> None:
    integration = make.integration()
    first = ended(make, integration, reason="The oldest.")
    for _ in range(25):
        ended(make, integration)
    assert first.reason not in logs(as_administrator, integration)
    assert first.reason in logs(as_administrator, integration, "2")
    for beyond in ("99", "99999999999999999999"):
        assert first.reason in logs(as_administrator, integration, beyond)
    for nonsense in ("-1", "0", "x", "٢", "1.5"):
        assert "1 to 25 of 26 runs" in logs(as_administrator, integration, nonsense)


def test_another_integrations_runs_are_not_listed(as_administrator: FlaskClient, make: Make) -> None:
    ended(make, make.integration(), reason="Somebody else's.")
    assert "Somebody else's." not in logs(as_administrator, make.integration())


def test_the_page_takes_as_many_queries_for_many_runs_as_for_one(
    as_administrator: FlaskClient, make: Make, count_queries: list[str]
) -> None:
    integration = make.integration()
    tenant = make.tenant(integration=integration)

    def fill() -> None:
        run = ended(make, integration, RunState.PARTIAL, failed=1, started_by_id=make.user().id)
        make.part(run_id=run.id, tenant_id=tenant.id, state=PartState.FAILED, reason="It failed.")

    def count() -> int:
        count_queries.clear()
        logs(as_administrator, integration)
        return len(count_queries)

    fill()
    for_one = count()
    for _ in range(23):
        fill()
    assert count() == for_one
