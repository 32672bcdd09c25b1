"""Cancelling a run, and trying again what failed in it."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.support.browser import HTMX
from tests.support.factories import Make
from tests.webapp.integrations.runs import a_run, add_part, address, page
from webapp.extensions import db
from webapp.models import PartState, RunState, SyncRun, utc_now

from .conftest import Workers


def test_only_who_manages_integrations_sees_cancels_and_retries(
    as_reader: FlaskClient, make: Make, workers: Workers
) -> None:
    run = a_run(make)
    assert as_reader.get(address(run)).status_code == 403
    for more in ("/cancel", "/retry"):
        assert as_reader.post(address(run, more)).status_code == 403
    assert db.session.get_one(SyncRun, run.id).state == RunState.SYNCING


def test_cancel_ends_the_run_and_names_who_did_it(as_administrator: FlaskClient, make: Make, workers: Workers) -> None:
    run = a_run(make)
    add_part(make, run, "Contoso", PartState.WAITING)
    answer = as_administrator.post(address(run, "/cancel"), follow_redirects=True)
    assert "The sync is cancelled." in answer.text
    assert "Cancelled by" in answer.text
    assert "@msp.example" in answer.text
    db.session.commit()
    assert run.state == RunState.CANCELLED
    again = as_administrator.post(address(run, "/cancel"), follow_redirects=True)
    assert "had ended already" in again.text


def test_cancel_from_active_integrations_answers_with_the_status(
    as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    run = a_run(make)
    answer = as_administrator.post(address(run, "/cancel"), headers=HTMX)
    assert "Cancelled" in answer.text
    assert f'id="status-{run.integration_id}"' in answer.text
    assert "data-poll" not in answer.text


def test_the_status_links_to_the_run_and_cancels_it_while_it_is_active(
    as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    run = a_run(make)
    row = as_administrator.get(f"/account/integrations/{run.integration_id}/status").text
    assert f'href="{address(run)}"' in row
    assert address(run, "/cancel") in row
    run.state, run.finished_at = RunState.OK, utc_now()
    db.session.commit()
    row = as_administrator.get(f"/account/integrations/{run.integration_id}/status").text
    assert f'href="{address(run)}"' in row
    assert "/cancel" not in row


def test_retry_starts_a_run_of_what_failed_and_shows_it(
    as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    run = a_run(make, RunState.PARTIAL)
    add_part(make, run, "Failed one", PartState.FAILED)
    add_part(make, run, "Good one", PartState.OK)
    assert "Retry failed tenants" in page(as_administrator, run)
    answer = as_administrator.post(address(run, "/retry"), follow_redirects=True)
    again = db.session.query(SyncRun).filter_by(retry_of_id=run.id).one()
    assert workers.enqueued == [again.id]
    assert answer.request.path == address(again)
    assert "Failed one" in answer.text
    assert "Good one" not in answer.text
    assert f"in run {again.id}" in page(as_administrator, run)


def test_retry_while_another_run_is_active_shows_that_one(
    as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    run = a_run(make, RunState.FAILED)
    add_part(make, run, "Contoso", PartState.FAILED)
    active = make.run(integration_id=run.integration_id)
    answer = as_administrator.post(address(run, "/retry"), follow_redirects=True)
    assert answer.request.path == address(active)
    assert "under way already" in answer.text


@pytest.mark.parametrize("state", [RunState.OK, RunState.CANCELLED, RunState.SYNCING, RunState.FAILED])
def test_where_nothing_can_be_tried_again_it_says_why(
    state: RunState, as_administrator: FlaskClient, make: Make, workers: Workers
) -> None:
    run = a_run(make, state)
    if state != RunState.FAILED:
        add_part(make, run, "Contoso", PartState.FAILED)
    assert "Retry failed tenants" not in page(as_administrator, run)
    answer = as_administrator.post(address(run, "/retry"), follow_redirects=True)
    assert "tried again" in answer.text
    assert db.session.query(SyncRun).count() == 1
