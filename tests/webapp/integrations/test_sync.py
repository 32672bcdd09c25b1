"""Start Manual Sync."""

from __future__ import annotations

from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.support.browser import HTMX
from tests.support.factories import Make
from tests.webapp.integrations.conftest import Workers
from webapp.extensions import db
from webapp.models import RunState, SyncRun, Trigger, User


def start(client: FlaskClient, integration_id: int, htmx: bool = True) -> TestResponse:
    headers = HTMX if htmx else {}
    return client.post(f"/account/integrations/{integration_id}/sync", headers=headers)


def runs() -> list[SyncRun]:
    return list(db.session.scalars(select(SyncRun).order_by(SyncRun.id)))


def test_a_run_is_recorded_then_enqueued_and_shown(as_administrator: FlaskClient, make: Make, workers: Workers) -> None:
    integration_id = make.integration().id
    answer = start(as_administrator, integration_id)
    assert answer.status_code == 200
    assert f'id="status-{integration_id}"' in answer.text
    assert "Syncing..." in answer.text
    assert 'data-poll="1000"' in answer.text
    assert "<html" not in answer.text
    [run] = runs()
    assert (run.state, run.trigger, run.integration_id) == (RunState.QUEUED, Trigger.MANUAL, integration_id)
    assert run.started_by_id == db.session.scalar(select(User.id))
    assert workers.enqueued == [run.id]


def test_starting_again_answers_with_the_run_that_is_active(
    as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    run = make.run(state=RunState.SYNCING, tenants_total=1)
    run_id, integration_id = run.id, run.integration_id
    assert "Syncing..." in start(as_administrator, integration_id).text
    assert [run.id for run in runs()] == [run_id]
    assert workers.enqueued == []


def test_a_run_that_still_waits_is_enqueued_again(as_administrator: FlaskClient, make: Make, workers: Workers) -> None:
    run = make.run()
    run_id, integration_id = run.id, run.integration_id
    start(as_administrator, integration_id)
    assert [run.id for run in runs()] == [run_id]
    assert workers.enqueued == [run_id]


def test_with_the_queue_down_the_run_stays_queued_and_the_row_says_so(
    as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    integration_id = make.integration().id
    workers.is_reachable = False
    answer = start(as_administrator, integration_id)
    assert answer.status_code == 200
    assert "The job queue cannot be reached" in answer.text
    assert [run.state for run in runs()] == [RunState.QUEUED]


def test_without_javascript_the_list_is_shown_again(
    as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    answer = start(as_administrator, make.integration().id, htmx=False)
    assert answer.status_code == 303
    assert answer.location == "/account/integrations"
    assert len(runs()) == 1


def test_an_integration_that_is_gone_is_not_found(as_administrator: FlaskClient, workers: Workers) -> None:
    assert start(as_administrator, 404).status_code == 404
    assert runs() == []
