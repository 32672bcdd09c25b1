"""The page of one run: what it shows, and how it lives."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from tests.support.browser import HTMX
from tests.support.factories import Make
from tests.webapp.integrations.runs import a_run, add_part, address, page
from webapp.extensions import db
from webapp.models import Cloud, PartState, RunState, SyncRun, utc_now

from .conftest import Workers

ANSWERED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PROBLEM = {
    "reason": "This tenant's administrator has not consented to the app.",
    "fix": "Choose Grant admin consent.",
    "code": "AADSTS65001",
    "request_id": "request-1",
    "answered_at": ANSWERED,
}


def partial(client: FlaskClient, run: SyncRun, **query: object) -> str:
    return client.get(address(run), query_string=query, headers=HTMX).text


def test_a_run_shows_each_tenants_part_with_what_became_of_it(
    as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    run = a_run(make, RunState.OK, started_by_id=make.user(email="bob@msp.example").id)
    add_part(
        make,
        run,
        "Tenant <A>",
        PartState.OK,
        started_at=ANSWERED,
        finished_at=ANSWERED + timedelta(seconds=65),
        requests=1234,
        created=51,
        changed=52,
        unchanged=53,
        gone=54,
    )
    text = page(as_administrator, run)
    for word in (
        "Tenant &lt;A&gt;",
        "1 min 5 s",
        "1,234",
        ">51<",
        ">52<",
        ">53<",
        ">54<",
        "bob@msp.example",
        "By hand",
    ):
        assert word in text
    assert "data-poll" not in text


def test_a_failed_part_shows_microsofts_code_request_and_date_and_the_consent_link_of_that_tenant(
    as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    run = a_run(make, RunState.FAILED, integration=make.integration(client_id="app-1", cloud=Cloud.USGOV))
    part = add_part(make, run, "Contoso", PartState.FAILED, needs_consent=True, **PROBLEM)
    add_part(make, run, "Fabrikam", PartState.FAILED, reason="The client secret is wrong.")
    text = page(as_administrator, run)
    for word in ("not consented", "Grant admin consent", "AADSTS65001", "request-1", ANSWERED.isoformat()):
        assert word in text
    link = f"https://login.microsoftonline.us/{part.tenant.tenant_id}/adminconsent?client_id=app-1"
    assert f'href="{link}"' in text
    assert text.count("/adminconsent?") == 2, "of the one tenant: to copy and to open"


def test_an_active_run_asks_again_and_shows_how_far_it_is(
    as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    run = a_run(make)
    for number, state in enumerate((PartState.OK, PartState.FAILED, PartState.SYNCING, PartState.WAITING)):
        add_part(make, run, f"Tenant {number}", state)
    text = page(as_administrator, run, state="failed")
    assert "2 of 4 tenants done" in text
    assert 'data-poll="' in text
    assert f"{address(run)}?state=failed&amp;seen=syncing" in text
    assert "Cancel Sync" in text
    assert "Retry failed" not in text


def test_tenants_that_are_worked_on_and_those_that_wait_are_not_done(
    as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    run = a_run(make)
    add_part(make, run, "Worked on", PartState.SYNCING)
    add_part(make, run, "Next", PartState.WAITING)
    (choice,) = re.findall(r'id="show-waiting".*?</a>', page(as_administrator, run))
    assert re.search(r">Not done<span [^>]*>2</span>", choice)


def test_the_answer_to_a_poll_is_the_part_of_the_page_that_changes_and_stops_when_the_run_ended(
    as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    run = a_run(make)
    text = partial(as_administrator, run, seen="syncing")
    assert "<html" not in text
    assert "data-poll" in text
    assert "hx-swap-oob" not in text
    run.state, run.finished_at = RunState.OK, utc_now()
    db.session.commit()
    text = partial(as_administrator, run, seen="syncing")
    assert "data-poll" not in text
    assert 'hx-swap-oob="innerHTML">OK<' in text


@pytest.mark.parametrize(("alive", "reachable"), [(0, True), (0, False)])
def test_without_a_worker_or_a_queue_it_says_so(
    alive: int, reachable: bool, as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    workers.alive, workers.is_reachable = alive, reachable
    run = a_run(make)
    run.created_at = utc_now() - timedelta(minutes=1)
    db.session.commit()
    assert ("No worker is running" if reachable else "cannot be reached") in page(as_administrator, run)


def test_where_all_workers_are_cut_off_it_says_so(as_administrator: FlaskClient, make: Make, workers: Workers) -> None:
    workers.cut_off = workers.alive
    text = page(as_administrator, a_run(make))
    assert "All workers are cut off" in text
    assert "Waiting for a worker" not in text


def test_what_failed_comes_first_then_what_is_open(as_administrator: FlaskClient, make: Make, workers: Workers) -> None:
    run = a_run(make)
    add_part(make, run, "Aa ok", PartState.OK)
    add_part(make, run, "Bb ok with a word", PartState.OK, reason="The name could not be read.")
    add_part(make, run, "Cc waiting", PartState.WAITING)
    add_part(make, run, "Dd syncing", PartState.SYNCING)
    add_part(make, run, "Ee failed", PartState.FAILED)
    text = page(as_administrator, run)
    order = ["Ee failed", "Dd syncing", "Cc waiting", "Bb ok with a word", "Aa ok"]
    places = [text.index(name) for name in order]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("show", "names"),
    [
        ("failed", {"failed"}),
        ("waiting", {"waiting", "syncing"}),
        ("ok", {"ok"}),
        ("cancelled", {"cancelled"}),
        ("all", {"failed", "waiting", "syncing", "ok", "cancelled"}),
        ("nonsense", {"failed", "waiting", "syncing", "ok", "cancelled"}),
    ],
)
def test_the_list_is_filtered_by_state(
    show: str, names: set[str], as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    run = a_run(make)
    for state in PartState:
        add_part(make, run, f"tenant-{state.value}-x", state)
    text = page(as_administrator, run, state=show)
    assert {state.value for state in PartState if f"tenant-{state.value}-x" in text} == names


def test_a_part_that_was_put_off_says_until_when(as_administrator: FlaskClient, make: Make, workers: Workers) -> None:
    run = a_run(make)
    until = utc_now() + timedelta(minutes=5)
    add_part(make, run, "Contoso", PartState.WAITING, not_before=until, reason="Microsoft asked to slow down.")
    text = page(as_administrator, run)
    assert "Put off" in text
    assert until.isoformat() in text


def test_the_pages_of_a_long_list_keep_the_filter(as_administrator: FlaskClient, make: Make, workers: Workers) -> None:
    run = a_run(make, RunState.FAILED)
    for number in range(51):
        add_part(make, run, f"Tenant-{number:02}", PartState.FAILED)
    first, second = page(as_administrator, run, state="failed"), page(as_administrator, run, state="failed", page=2)
    assert "Tenant-49" in first
    assert "Tenant-50" not in first
    assert "Tenant-50" in second
    assert "51 to 51 of 51 tenants" in second
    assert f'{address(run)}?page=2&amp;state=failed"' in first
    assert "51 to 51 of 51 tenants" in page(as_administrator, run, state="failed", page=99)


def test_the_page_takes_as_many_queries_for_300_parts_as_for_one(
    as_administrator: FlaskClient, make: Make, workers: Workers, count_queries: list[str]
) -> None:
    run = a_run(make)

    def count() -> int:
        count_queries.clear()
        page(as_administrator, run)
        return len(count_queries)

    add_part(make, run, "Tenant", PartState.FAILED, needs_consent=True, reason="It failed.")
    for_one = count()
    organization = make.organization()
    for number in range(299):
        tenant = make.tenant(integration_id=run.integration_id, organization=organization)
        state = list(PartState)[number % len(PartState)]
        make.part(run_id=run.id, tenant_id=tenant.id, state=state, needs_consent=True, reason="It failed.")
    assert count() == for_one


def test_a_run_is_found_under_its_own_integration_only(
    as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    run, other = a_run(make), make.integration()
    for more in ("", "/cancel", "/retry"):
        method = "POST" if more else "GET"
        foreign = f"/account/integrations/{other.id}/runs/{run.id}{more}"
        assert as_administrator.open(foreign, method=method).status_code == 404
        missing = f"/account/integrations/{run.integration_id}/runs/987654{more}"
        assert as_administrator.open(missing, method=method).status_code == 404
    assert db.session.get_one(SyncRun, run.id).state == RunState.SYNCING


def test_a_run_without_parts_says_why(as_administrator: FlaskClient, make: Make, workers: Workers) -> None:
    run = a_run(make, RunState.FAILED, reason="No tenant is matched.", fix="Match one.", tenants_total=0)
    text = page(as_administrator, run)
    assert "No tenant is matched." in text
    assert "Match one." in text
    assert "Not begun yet" in page(as_administrator, a_run(make, RunState.QUEUED, started_at=None, tenants_total=0))


def test_what_failed_partly_is_said_in_the_same_words_everywhere(
    as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    run = a_run(make, RunState.PARTIAL, tenants_total=2, tenants_ok=1, tenants_failed=1)
    add_part(make, run, "Bad one", PartState.FAILED)
    add_part(make, run, "Good one", PartState.OK)
    words = "Partly failed (1 of 2, keep last good data)"
    addresses = (address(run), f"/account/integrations/{run.integration_id}/runs", "/account/integrations")
    for place in addresses:
        assert words in as_administrator.get(place).text
