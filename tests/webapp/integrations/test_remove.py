"""Actions > Remove: what the page says, what it takes, and what else answers while an integration is removed."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from jobs import queue
from tests.support.browser import HTMX
from tests.support.factories import Make
from webapp.extensions import db
from webapp.metrics.counting import counts
from webapp.models import Integration, License, Removal, RunState, SyncRun, Tenant, utc_now

from .conftest import Workers

KEEP = "Permanently disconnect records from Office 365 but keep all data"
DELETE = "Permanently delete all data including all related/child records"


@pytest.fixture(autouse=True)
def removals(app: Flask, workers: Workers, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The removals that were enqueued."""
    enqueued: list[int] = []

    def remove(integration_id: int) -> None:
        assert not db.session().in_transaction(), "it is enqueued before it is committed"
        if not workers.is_reachable:
            raise queue.QueueUnavailable
        enqueued.append(integration_id)

    monkeypatch.setattr(queue, "remove", remove)
    return enqueued


def with_data(make: Make, name: str = "Contoso") -> Integration:
    integration = make.integration(name=name)
    for _ in range(2):
        tenant = make.tenant(integration=integration, organization=make.organization())
        make.license(tenant=tenant)
        make.license(tenant=tenant)
    make.tenant(integration=integration)
    make.run(integration=integration, state=RunState.OK)
    return integration


def being_deleted(make: Make, **values: Any) -> Integration:
    now = utc_now()
    values = {"name": "Contoso", "disconnected_at": now, "removal_heard_at": now, **values}
    return make.integration(removal=Removal.DELETE, **values)


def address(integration: Integration, page: str = "remove") -> str:
    return f"/account/integrations/{integration.id}/{page}"


def words(html: str) -> str:
    """What the page says, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", "", html.split('<main id="content"')[1]).split())


def test_the_page_says_with_counts_what_will_happen(as_administrator: FlaskClient, make: Make) -> None:
    text = words(as_administrator.get(address(with_data(make))).get_data(as_text=True))
    kept, deleted = text.split(DELETE)
    assert KEEP in kept
    assert "4 licenses of 3 tenants stay in the lists" in kept
    assert "4 licenses, 3 tenants and the logs of 1 sync are deleted" in deleted
    assert 'The flexible asset type "Office 365 Licenses" is deleted too' in deleted
    for way in (kept, deleted):
        assert "2 organizations with these tenants, all others and all users stay untouched" in way


def test_of_one_license_the_page_says_what_becomes_of_it(as_administrator: FlaskClient, make: Make) -> None:
    integration = make.integration()
    make.license(tenant=make.tenant(integration=integration, organization=make.organization()))
    text = words(as_administrator.get(address(integration)).get_data(as_text=True))
    assert (
        "1 license of 1 tenant stays in the lists, where it is. It is no longer locked as synced, and is marked" in text
    )


def test_the_type_is_said_to_stay_where_another_uses_it(as_administrator: FlaskClient, make: Make) -> None:
    integration = with_data(make)
    with_data(make, name="Fabrikam")
    assert "stays, since other" in words(as_administrator.get(address(integration)).get_data(as_text=True))


def test_neither_way_is_chosen_beforehand(as_administrator: FlaskClient, make: Make) -> None:
    assert " checked" not in as_administrator.get(address(with_data(make))).get_data(as_text=True)


def test_keeping_disconnects_at_once(as_administrator: FlaskClient, make: Make, removals: list[int]) -> None:
    integration = with_data(make)
    answer = as_administrator.post(
        address(integration), data={"what": "keep", "name": "Contoso"}, follow_redirects=True
    )
    text = answer.get_data(as_text=True)
    assert "Contoso was removed. Its data is kept: 4 licenses" in text
    assert "No integration yet" in text
    assert (integration.removal, integration.client_secret_encrypted, removals) == (Removal.KEEP, "", [])
    assert db.session.query(License).count() == 4
    assert db.session.query(Tenant).filter(Tenant.organization_id.is_not(None)).count() == 2


@pytest.mark.parametrize("what", ["keep", "delete"])
@pytest.mark.parametrize(("state", "counted"), [(RunState.SYNCING, 1), (RunState.OK, None)])
def test_the_run_that_it_cancels_is_counted_among_those_that_ended(
    what: str, state: RunState, counted: int | None, as_administrator: FlaskClient, make: Make, removals: list[int]
) -> None:
    integration = make.integration(name="Contoso")
    make.run(integration=integration, state=state)
    counts.take()
    as_administrator.post(address(integration), data={"what": what, "name": "Contoso"})
    assert counts.take().get(("seatledger_runs_ended", "cancelled")) == counted


def test_deleting_is_left_to_a_worker_and_its_progress_is_in_the_row(
    as_administrator: FlaskClient, make: Make, removals: list[int]
) -> None:
    integration = with_data(make)
    answer = as_administrator.post(
        address(integration), data={"what": "delete", "name": "Contoso"}, follow_redirects=True
    )
    text = answer.get_data(as_text=True)
    assert "Contoso is being removed, with its 4 licenses." in text
    assert re.search(r"Removing….*0 of 4 licenses", words(text))
    assert "data-poll" in text
    assert "Actions</button>" not in text
    assert removals == [integration.id]
    assert integration.client_secret_encrypted == ""


def test_the_row_tells_how_far_it_has_come(as_administrator: FlaskClient, make: Make) -> None:
    integration = being_deleted(make, removal_total=5000, removal_done=1200)
    html = as_administrator.get(address(integration, "status"), headers=HTMX).get_data(as_text=True)
    assert re.search(r"Removing….*1,200 of 5,000 licenses", html, flags=re.DOTALL)


def test_the_row_says_where_no_worker_does_it(as_administrator: FlaskClient, make: Make, workers: Workers) -> None:
    integration = being_deleted(make, disconnected_at=utc_now() - timedelta(minutes=1))
    workers.alive = 0
    html = as_administrator.get(address(integration, "status"), headers=HTMX).get_data(as_text=True)
    assert "No worker is running" in html
    workers.is_reachable = False
    html = as_administrator.get(address(integration, "status"), headers=HTMX).get_data(as_text=True)
    assert "No worker is running" not in html
    assert "The job queue cannot be reached" in html


def test_the_row_says_where_the_database_answers_no_worker(
    as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    integration = being_deleted(make, removal_total=5000, removal_done=1200)
    workers.cut_off = workers.alive
    html = as_administrator.get(address(integration, "status"), headers=HTMX).get_data(as_text=True)
    assert "cut off" not in html, "it asks nothing of Microsoft"
    workers.without_database = workers.alive
    html = as_administrator.get(address(integration, "status"), headers=HTMX).get_data(as_text=True)
    assert "All workers are cut off" in html
    assert "1,200 of 5,000 licenses" in html
    assert 'data-poll="10000"' in html


def test_a_row_whose_integration_is_gone_lets_the_page_be_loaded_anew(as_administrator: FlaskClient) -> None:
    gone = "/account/integrations/987654/status"
    answer = as_administrator.get(f"{gone}?seen=removing", headers=HTMX)
    assert answer.headers["HX-Refresh"] == "true"
    assert "The integration is removed" in as_administrator.get("/account/integrations").get_data(as_text=True)
    assert as_administrator.get(f"{gone}?seen=ok", headers=HTMX).status_code == 404
    assert as_administrator.get(f"{gone}?seen=nonsense", headers=HTMX).status_code == 404


def test_a_queue_that_is_away_does_not_keep_it_from_being_recorded(
    as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    integration = with_data(make)
    workers.is_reachable = False
    answer = as_administrator.post(address(integration), data={"what": "delete", "name": "Contoso"})
    assert answer.status_code == 303
    assert integration.removal == Removal.DELETE


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"what": "delete"}, "Type the integration"),
        ({"what": "delete", "name": ""}, "Type the integration"),
        ({"what": "keep", "name": "contoso"}, "Type the integration"),
        ({"what": "keep", "name": "Contoso!" * 1000}, "Type the integration"),
        ({"name": "Contoso"}, "Choose what becomes of its data."),
        ({"what": "both", "name": "Contoso"}, "Choose what becomes of its data."),
        ({}, "Choose what becomes of its data."),
    ],
)
def test_without_the_name_typed_or_a_way_chosen_nothing_happens(
    as_administrator: FlaskClient, make: Make, removals: list[int], data: dict[str, str], said: str
) -> None:
    integration = with_data(make)
    answer = as_administrator.post(address(integration), data=data)
    assert answer.status_code == 422
    assert said in answer.get_data(as_text=True)
    assert (integration.is_live, integration.removal, removals) == (True, None, [])
    assert integration.client_secret == "a client secret"


def test_spaces_around_the_name_do_not_matter(as_administrator: FlaskClient, make: Make) -> None:
    integration = with_data(make)
    as_administrator.post(address(integration), data={"what": "keep", "name": "  Contoso "})
    assert integration.removal == Removal.KEEP


def test_who_may_only_read_neither_sees_nor_does_it(as_reader: FlaskClient, make: Make) -> None:
    integration = with_data(make)
    assert as_reader.get(address(integration)).status_code == 403
    assert as_reader.post(address(integration), data={"what": "delete", "name": "Contoso"}).status_code == 403
    assert integration.is_live


def test_a_name_of_anything_is_shown_as_text(as_administrator: FlaskClient, make: Make) -> None:
    html = as_administrator.get(address(make.integration(name="<b>&"))).get_data(as_text=True)
    assert "&lt;b&gt;&amp;" in html
    assert "<b>&" not in html


def test_a_second_click_is_answered_with_a_sentence(
    as_administrator: FlaskClient, make: Make, removals: list[int]
) -> None:
    integration = with_data(make)
    data = {"what": "delete", "name": "Contoso"}
    assert as_administrator.post(address(integration), data=data).status_code == 303
    for what in ("delete", "keep"):
        again = as_administrator.post(address(integration), data={**data, "what": what})
        assert again.status_code == 409
        assert "Contoso is being removed" in again.get_data(as_text=True)
    assert removals == [integration.id]
    assert integration.removal == Removal.DELETE


@pytest.mark.parametrize("page", ["settings", "tenants", "runs", "connection", "remove"])
def test_its_pages_answer_with_a_sentence_while_it_is_removed(
    as_administrator: FlaskClient, make: Make, page: str
) -> None:
    answer = as_administrator.get(address(being_deleted(make), page))
    assert answer.status_code == 409
    assert "Contoso is being removed" in answer.get_data(as_text=True)


def test_every_action_answers_with_a_sentence_while_it_is_removed_and_is_not_there_afterwards(
    app: Flask, as_administrator: FlaskClient, make: Make
) -> None:
    """Found in the app's own addresses: those that come later are among them."""
    deleted = being_deleted(make)
    kept = make.integration(removal=Removal.KEEP, disconnected_at=utc_now())
    answered = 0
    for rule in app.url_map.iter_rules():
        if "integration_id" not in rule.arguments or rule.endpoint == "integrations.status":
            continue
        for integration, code in ((deleted, 409), (kept, 404)):
            tenant = make.tenant(integration=integration, organization=make.organization())
            run = make.run(integration=integration, state=RunState.FAILED)
            given = {
                "integration_id": integration.id,
                "tenant_id": tenant.id,
                "run_id": run.id,
                "part_id": 1,
                "addition_id": 1,
            }
            built = rule.build({name: given[name] for name in rule.arguments})
            assert built is not None
            for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                answer = as_administrator.open(built[1], method=method, headers=HTMX)
                assert answer.status_code == code, (rule.rule, method)
                answered += 1
    assert answered > 20
    assert db.session.query(SyncRun).filter(SyncRun.state == RunState.QUEUED).count() == 0


def test_what_was_removed_is_in_no_list_of_integrations(as_administrator: FlaskClient, make: Make) -> None:
    make.integration(name="Former", removal=Removal.KEEP, disconnected_at=utc_now())
    make.integration(name="Present")
    html = as_administrator.get("/account/integrations").get_data(as_text=True)
    assert "Present" in html
    assert "Former" not in html


def test_a_removed_integration_gives_its_name_free(as_administrator: FlaskClient, make: Make) -> None:
    former = make.integration(name="Contoso", removal=Removal.KEEP, disconnected_at=utc_now())
    make.integration(name="CONTOSO")
    assert db.session.get_one(Integration, former.id).name == "Contoso"


def test_the_list_asks_the_database_equally_often_however_many_are_removed(
    as_administrator: FlaskClient, make: Make, count_queries: list[str]
) -> None:
    asked: list[int] = []
    for _ in range(2):
        being_deleted(make, name=f"Contoso {len(asked)}")
        being_deleted(make, name=f"Fabrikam {len(asked)}")
        count_queries.clear()
        as_administrator.get("/account/integrations")
        asked.append(len(count_queries))
    assert asked[0] == asked[1]
