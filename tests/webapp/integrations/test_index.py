"""Active Integrations: what the rows say."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from jobs.microsoft.errors import AccessDenied
from jobs.notices import together, users_unread
from tests.support.factories import Make
from tests.webapp.integrations.conftest import Workers
from webapp.extensions import db
from webapp.models import Cloud, Integration, PartState, Problem, RunState, SyncRun, utc_now

INDEX = "/account/integrations"
PROBLEM: dict[str, Any] = {
    "reason": "The client secret has expired.",
    "fix": "Make a new one.",
    "code": "AADSTS7000222",
    "request_id": "request-1",
}


def without_tokens(html: str) -> str:
    """The page without its CSRF tokens, which tell the second in which they were made."""
    return re.sub(r'name="csrf_token" value="[^"]*"', "", html)


def synced(
    make: Make, state: RunState, age: float = 1, integration: Integration | None = None, **values: Any
) -> SyncRun:
    created_at = utc_now() - timedelta(seconds=age)
    return make.run(integration=integration or make.integration(), state=state, created_at=created_at, **values)


def status(client: FlaskClient, run: SyncRun, **query: str) -> str:
    answer = client.get(f"{INDEX}/{run.integration_id}/status", query_string=query)
    assert answer.status_code == 200
    assert "<html" not in answer.text
    return answer.text


@pytest.mark.parametrize("path", ["", "/add", "/1/status", "/1/settings", "/1/tenants", "/1/runs", "/1/connection"])
def test_only_who_manages_integrations_sees_any_of_it(path: str, client: FlaskClient, as_reader: FlaskClient) -> None:
    assert client.get(INDEX + path).status_code in {302, 303, 401}
    assert as_reader.get(INDEX + path).status_code == 403


@pytest.mark.parametrize(
    "path", ["sync", "settings", "connection", "tenants/find", "tenants/1/match", "tenants/1/ignore"]
)
def test_a_reader_can_change_none_of_it(path: str, as_reader: FlaskClient, make: Make) -> None:
    integration = make.integration()
    assert as_reader.post(f"{INDEX}/{integration.id}/{path}").status_code == 403


@pytest.mark.parametrize("number", [404, 2_147_483_647, 99_999_999_999_999_999_999])
@pytest.mark.parametrize("path", ["status", "settings", "tenants", "runs", "connection"])
def test_an_integration_that_does_not_exist_is_not_found(path: str, number: int, as_administrator: FlaskClient) -> None:
    assert as_administrator.get(f"{INDEX}/{number}/{path}").status_code == 404


def test_without_integrations_the_page_offers_to_add_one(as_administrator: FlaskClient) -> None:
    page = as_administrator.get(INDEX).text
    assert "No integration yet" in page
    assert 'href="/account/integrations/add"' in page


def test_a_row_names_the_integration_its_cloud_its_tenants_and_what_can_be_done(
    as_administrator: FlaskClient, make: Make
) -> None:
    integration = make.integration(name="<b>Contoso</b> & Söhne", cloud=Cloud.CHINA)
    make.tenant(integration=integration, organization=make.organization())
    make.tenant(integration=integration)
    page = as_administrator.get(INDEX).text
    assert "Active Integrations" in page
    assert "&lt;b&gt;Contoso&lt;/b&gt; &amp; Söhne" in page
    assert "<b>Contoso" not in page
    assert "Office 365 · China (operated by 21Vianet)" in page
    assert "1 of 2 matched" in page
    for action in ("Sync Settings", "Start Manual Sync", "Match Tenants", "Sync Logs", "Edit Connection"):
        assert action in page


def test_the_global_cloud_goes_without_saying(as_administrator: FlaskClient, make: Make) -> None:
    make.integration()
    assert "Global (also GCC)" not in as_administrator.get(INDEX).text


def test_an_integration_that_was_never_synced_says_so_and_does_not_ask(
    as_administrator: FlaskClient, make: Make
) -> None:
    make.integration()
    page = as_administrator.get(INDEX).text
    assert "Not synced yet" in page
    assert "data-poll" not in page
    assert "http-equiv" not in page


def test_a_queued_run_waits_for_a_worker_and_asks_again(
    as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    run = synced(make, RunState.QUEUED)
    row = status(as_administrator, run)
    assert "Syncing..." in row
    assert "Waiting for a worker" in row
    assert 'data-poll="1000"' in row
    assert 'hx-trigger="poll"' in row
    assert 'hx-swap="outerHTML"' in row
    assert f'hx-get="{INDEX}/{run.integration_id}/status?seen=waiting"' in row
    page = as_administrator.get(INDEX).text
    assert without_tokens(row).strip() in without_tokens(page)
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in page


def test_a_syncing_run_shows_the_tenants_done_of_all(
    as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    integration = make.integration()
    run = synced(make, RunState.SYNCING, age=30, integration=integration, tenants_total=12)
    for state in (PartState.OK, PartState.OK, PartState.FAILED, PartState.WAITING, PartState.SYNCING):
        make.part(run_id=run.id, tenant_id=make.tenant(integration=integration).id, state=state)
    row = status(as_administrator, run)
    assert "Syncing..." in row
    assert 'value="3" max="12"' in row
    assert "3 of 12 tenants" in row
    assert 'data-poll="3000"' in row


def test_a_run_that_microsoft_asked_to_wait_says_until_when(
    as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    integration = make.integration()
    run = synced(make, RunState.SYNCING, integration=integration, tenants_total=2)
    put_off = {"state": PartState.WAITING, "not_before": utc_now() + timedelta(hours=1), "reason": "Too much at once."}
    make.part(run_id=run.id, tenant_id=make.tenant(integration=integration).id, **put_off)
    open_part = make.part(run_id=run.id, tenant_id=make.tenant(integration=integration).id)
    assert "It goes on" not in status(as_administrator, run)
    open_part.state = PartState.OK
    db.session.commit()
    assert "It goes on" in status(as_administrator, run)
    assert "Too much at once." in status(as_administrator, run)


def test_a_run_that_ended_well_says_ok_and_when_and_asks_no_more(
    as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    finished_at = utc_now() - timedelta(minutes=3)
    run = synced(make, RunState.OK, finished_at=finished_at, tenants_total=1, tenants_ok=1)
    row = status(as_administrator, run)
    assert ">OK<" in row
    assert f'datetime="{finished_at.isoformat()}"' in row
    assert "poll" not in row


@pytest.mark.parametrize("state", [RunState.OK, RunState.PARTIAL])
def test_a_run_that_could_not_read_all_says_of_how_many_tenants_and_leads_to_the_reasons(
    state: RunState, as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    run = synced(make, state, tenants_total=3, finished_at=utc_now())
    for part in (PROBLEM, PROBLEM, {}):
        tenant = make.tenant(integration_id=run.integration_id)
        make.part(run_id=run.id, tenant_id=tenant.id, state=PartState.OK, **part)
    row = status(as_administrator, run)
    assert re.search(r"Something could not be read in <a [^>]*>2 of 3 tenants</a>", row)
    [address] = re.findall(rf'id="unread-{run.id}" href="([^"]+)"', row)
    page = as_administrator.get(address).text
    assert page.count(PROBLEM["reason"]) == 2
    assert "2 of 3 tenants</a>" in page


def test_a_run_that_read_everything_says_nothing_of_the_kind(
    as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    run = synced(make, RunState.OK, tenants_total=1, finished_at=utc_now())
    tenant = make.tenant(integration_id=run.integration_id)
    make.part(run_id=run.id, tenant_id=tenant.id, state=PartState.OK)
    assert "could not be read" not in status(as_administrator, run)


def test_a_hint_about_what_nobody_wants_synced_is_none_of_what_could_not_be_read(
    as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    run = synced(make, RunState.OK, tenants_total=1, finished_at=utc_now())
    hint = together(None, users_unread(AccessDenied(Problem("Graph refused it.", "Grant it."))), syncs_users=False)
    assert hint is not None
    tenant = make.tenant(integration_id=run.integration_id)
    make.part(run_id=run.id, tenant_id=tenant.id, state=PartState.OK, reason=hint.reason, fix=hint.fix)
    assert "could not be read in" not in status(as_administrator, run)


def test_a_run_that_failed_says_why_and_what_to_do(as_administrator: FlaskClient, make: Make, workers: Workers) -> None:
    run = synced(make, RunState.FAILED, finished_at=utc_now(), tenants_total=1, tenants_failed=1, **PROBLEM)
    row = status(as_administrator, run)
    assert ">Failed<" in row
    for text in (PROBLEM["reason"], PROBLEM["fix"], PROBLEM["code"]):
        assert text in row
    assert "poll" not in row


def test_a_run_that_partly_failed_says_how_many_and_since_when_the_rest_is_good(
    as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    integration = make.integration()
    last_synced_at = utc_now() - timedelta(days=2)
    make.tenant(integration=integration, organization=make.organization(), last_synced_at=last_synced_at)
    run = synced(
        make,
        RunState.PARTIAL,
        integration=integration,
        finished_at=utc_now(),
        tenants_total=12,
        tenants_failed=2,
        **PROBLEM,
    )
    row = status(as_administrator, run)
    assert "Partly failed" in row
    assert "Partly failed (2 of 12, keep last good data)" in row
    assert PROBLEM["reason"] in row
    assert f'datetime="{last_synced_at.isoformat()}"' in row
    assert "poll" not in row


def test_a_cancelled_run_says_so(as_administrator: FlaskClient, make: Make, workers: Workers) -> None:
    assert "Cancelled" in status(as_administrator, synced(make, RunState.CANCELLED, finished_at=utc_now()))


@pytest.mark.parametrize("state", [RunState.QUEUED, RunState.SYNCING])
def test_with_no_worker_the_row_says_so_and_what_to_do_and_asks_slowly(
    state: RunState, as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    workers.alive = 0
    row = status(as_administrator, synced(make, state, age=6))
    assert "No worker is running" in row
    assert "make run" in row
    assert "Syncing..." not in row
    assert 'data-poll="10000"' in row


@pytest.mark.parametrize("state", [RunState.QUEUED, RunState.SYNCING])
def test_with_all_workers_cut_off_the_row_says_so_and_asks_slowly(
    state: RunState, as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    workers.cut_off = workers.alive
    row = status(as_administrator, synced(make, state, age=1))
    assert "All workers are cut off" in row
    assert "flask doctor" in row
    assert "Syncing..." not in row
    assert 'data-poll="10000"' in row


def test_with_no_queue_the_row_says_so_and_asks_slowly(
    as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    workers.is_reachable = False
    row = status(as_administrator, synced(make, RunState.QUEUED))
    assert "No worker is running" not in row
    assert re.search('class="status [^>]*>(<[^>]*>)*The job queue cannot be reached</span>', row)
    assert "REDIS_URL" in row
    assert 'data-poll="10000"' in row


def test_only_a_change_of_state_is_read_out(as_administrator: FlaskClient, make: Make, workers: Workers) -> None:
    run = synced(make, RunState.SYNCING, tenants_total=1)
    assert 'aria-live="off"' in status(as_administrator, run, seen="syncing")
    assert 'aria-live="off"' not in status(as_administrator, run, seen="waiting")
    assert 'aria-live="polite"' in as_administrator.get(INDEX).text


def test_the_latest_run_counts(as_administrator: FlaskClient, make: Make, workers: Workers) -> None:
    integration = make.integration()
    synced(make, RunState.FAILED, integration=integration, finished_at=utc_now(), **PROBLEM)
    run = synced(make, RunState.OK, integration=integration, finished_at=utc_now())
    assert ">Failed<" not in status(as_administrator, run)


def test_the_page_takes_as_many_queries_for_thirty_integrations_as_for_one(
    as_administrator: FlaskClient, make: Make, workers: Workers, count_queries: list[str]
) -> None:
    def fill() -> None:
        run = synced(make, RunState.SYNCING, tenants_total=1)
        make.part(run_id=run.id, tenant_id=make.tenant(integration_id=run.integration_id).id)
        run = synced(make, RunState.OK, tenants_total=1, finished_at=utc_now())
        tenant = make.tenant(integration_id=run.integration_id)
        make.part(run_id=run.id, tenant_id=tenant.id, state=PartState.OK, **PROBLEM)

    def count() -> int:
        count_queries.clear()
        assert as_administrator.get(INDEX).status_code == 200
        return len(count_queries)

    fill()
    for_one = count()
    for _ in range(29):
        fill()
    assert count() == for_one
