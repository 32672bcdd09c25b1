"""Automatic sync in the pages: how often, pause and resume, and when it comes next."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.factories import Make
from tests.support.forms import edited
from tests.webapp.integrations.conftest import CLIENT_ID, SECRET, TENANT_ID, Microsoft, Workers
from webapp.extensions import db
from webapp.models import Integration, RunState, SyncRun, utc_now
from webapp.models.schedule import next_slot

INDEX = "/account/integrations"
SOON = utc_now().replace(microsecond=0) + timedelta(hours=30)


def startable(make: Make, **values: Any) -> int:
    integration = make.integration(**{"next_sync_at": SOON, **values})
    make.tenant(integration=integration, organization=make.organization())
    return integration.id


def stored(integration_id: int) -> Integration:
    return db.session.get_one(Integration, integration_id, populate_existing=True)


def save(client: FlaskClient, integration_id: int, every: object, follow: bool = True) -> str:
    values = {"sync_licenses": "y", "sync_every_hours": str(every)}
    return edited(client, f"{INDEX}/{integration_id}/settings", values, follow_redirects=follow).text


def test_the_settings_offer_how_often_and_say_when_it_comes_next(as_administrator: FlaskClient, make: Make) -> None:
    page = as_administrator.get(f"{INDEX}/{startable(make, sync_every_hours=4)}/settings").text
    assert "Automatic sync</label>" in page
    offered = ("Every hour", "Every 2 hours", "Every 4 hours", "Every 8 hours", "Every 12 hours", "Every 24 hours")
    for words in (*offered, "Manual only"):
        assert f">{words}</option>" in page
    assert '<option selected value="4">' in page
    assert f'Next sync <time datetime="{SOON.isoformat()}">' in page


@pytest.mark.parametrize("every", [2, 4, 8, 12, 24])
def test_a_chosen_interval_is_saved_and_begins_with_its_next_slot(
    every: int, as_administrator: FlaskClient, make: Make
) -> None:
    integration_id = startable(make)
    before = utc_now()
    assert "Saved." in save(as_administrator, integration_id, every)
    integration = stored(integration_id)
    assert integration.sync_every_hours == every
    slots = {next_slot(integration_id, every, before), next_slot(integration_id, every, utc_now())}
    assert integration.next_sync_at in slots


def test_saving_the_same_interval_leaves_the_next_sync_where_it_is(as_administrator: FlaskClient, make: Make) -> None:
    integration_id = startable(make)
    save(as_administrator, integration_id, 1)
    assert stored(integration_id).next_sync_at == SOON


def test_manual_only_plans_no_sync(as_administrator: FlaskClient, make: Make) -> None:
    integration_id = startable(make)
    index = save(as_administrator, integration_id, 0)
    assert stored(integration_id).next_sync_at is None
    assert "Manual only" in index
    assert "Next sync" not in index
    assert ">Pause</button>" not in index.replace("\n", "")
    assert f"{integration_id}/pause" not in index


@pytest.mark.parametrize("every", ["3", "-1", "often", "", "1e0"])
def test_an_interval_that_is_not_offered_is_refused_and_saves_nothing(
    every: str, as_administrator: FlaskClient, make: Make
) -> None:
    integration_id = startable(make, sync_licenses=False)
    page = save(as_administrator, integration_id, every)
    assert "is-invalid" in page
    assert (stored(integration_id).sync_every_hours, stored(integration_id).sync_licenses) == (1, False)


def test_pause_and_resume(as_administrator: FlaskClient, make: Make) -> None:
    integration_id = startable(make)
    page = as_administrator.get(INDEX).text
    assert f'Next sync <time datetime="{SOON.isoformat()}">' in page
    assert f'action="{INDEX}/{integration_id}/pause"' in page
    assert f'action="{INDEX}/{integration_id}/resume"' not in page

    page = as_administrator.post(f"{INDEX}/{integration_id}/pause", follow_redirects=True).text
    assert "is paused" in page
    assert "Paused since" in page
    assert "Next sync" not in page
    assert f'action="{INDEX}/{integration_id}/pause"' not in page
    assert stored(integration_id).next_sync_at is None
    assert "Paused since" in as_administrator.get(f"{INDEX}/{integration_id}/settings").text

    page = as_administrator.post(f"{INDEX}/{integration_id}/resume", follow_redirects=True).text
    assert "is resumed" in page
    assert "Next sync" in page
    assert stored(integration_id).paused_at is None
    assert is_a_slot(stored(integration_id).next_sync_at, integration_id)


def is_a_slot(moment: datetime | None, integration_id: int, every: int = 1) -> bool:
    assert moment is not None
    # It was ahead when it was chosen.
    return utc_now() - timedelta(minutes=1) < moment == next_slot(integration_id, every, moment - timedelta(seconds=1))


def test_pausing_twice_keeps_the_first_date_and_resuming_what_runs_changes_nothing(
    as_administrator: FlaskClient, make: Make
) -> None:
    integration_id = startable(make)
    as_administrator.post(f"{INDEX}/{integration_id}/resume")
    assert stored(integration_id).next_sync_at == SOON
    as_administrator.post(f"{INDEX}/{integration_id}/pause")
    paused_at = stored(integration_id).paused_at
    as_administrator.post(f"{INDEX}/{integration_id}/pause")
    assert stored(integration_id).paused_at == paused_at is not None


def test_another_interval_does_not_resume_what_is_paused(as_administrator: FlaskClient, make: Make) -> None:
    integration_id = startable(make, paused_at=utc_now(), next_sync_at=None)
    save(as_administrator, integration_id, 8)
    assert (stored(integration_id).sync_every_hours, stored(integration_id).next_sync_at) == (8, None)
    as_administrator.post(f"{INDEX}/{integration_id}/resume")
    assert is_a_slot(stored(integration_id).next_sync_at, integration_id, 8)


def test_what_is_paused_can_be_synced_by_hand(as_administrator: FlaskClient, make: Make, workers: Workers) -> None:
    integration_id = startable(make, paused_at=utc_now(), next_sync_at=None)
    as_administrator.post(f"{INDEX}/{integration_id}/sync")
    assert db.session.query(SyncRun).one().state == RunState.QUEUED


@pytest.mark.parametrize("path", ["pause", "resume"])
def test_only_who_manages_integrations_pauses_and_resumes(
    path: str, client: FlaskClient, as_reader: FlaskClient, as_administrator: FlaskClient, make: Make
) -> None:
    integration_id = startable(make)
    assert as_reader.post(f"{INDEX}/{integration_id}/{path}").status_code == 403
    assert client.post(f"{INDEX}/{integration_id}/{path}").status_code in {302, 303, 401}
    assert as_administrator.get(f"{INDEX}/{integration_id}/{path}").status_code == 405
    assert as_administrator.post(f"{INDEX}/404/{path}").status_code == 404
    assert stored(integration_id).paused_at is None


@pytest.mark.parametrize("path", ["pause", "resume"])
def test_pausing_needs_the_token_of_the_form(path: str, as_administrator: FlaskClient, make: Make) -> None:
    integration_id = startable(make)
    as_administrator.application.config["WTF_CSRF_ENABLED"] = True
    try:
        assert as_administrator.post(f"{INDEX}/{integration_id}/{path}").status_code == 400
    finally:
        as_administrator.application.config["WTF_CSRF_ENABLED"] = False
    assert stored(integration_id).paused_at is None


def test_no_next_sync_is_promised_where_there_is_nothing_to_sync(as_administrator: FlaskClient, make: Make) -> None:
    make.tenant(integration=make.integration(next_sync_at=SOON))
    startable(make, sync_licenses=False)
    assert "Next sync" not in as_administrator.get(INDEX).text


def test_a_sync_that_is_overdue_is_not_shown_as_a_time_gone_by(as_administrator: FlaskClient, make: Make) -> None:
    startable(make, next_sync_at=utc_now() - timedelta(minutes=1))
    assert "Next sync due now" in as_administrator.get(INDEX).text


def test_an_integration_that_was_never_planned_shows_its_slot(as_administrator: FlaskClient, make: Make) -> None:
    integration_id = startable(make, next_sync_at=None)
    before = utc_now()
    page = as_administrator.get(INDEX).text
    slots = {next_slot(integration_id, 1, before), next_slot(integration_id, 1, utc_now())}
    assert any(slot.isoformat() in page for slot in slots)


def test_a_new_integration_syncs_hourly_from_its_next_slot(as_administrator: FlaskClient, microsoft: Microsoft) -> None:
    values = {"name": "Contoso", "tenant": TENANT_ID, "client_id": CLIENT_ID, "client_secret": SECRET}
    before = utc_now()
    as_administrator.post(f"{INDEX}/add", data={**values, "cloud": "global", "placement": "create"})
    integration = db.session.query(Integration).one()
    assert integration.sync_every_hours == 1
    assert integration.paused_at is None
    slots = {next_slot(integration.id, 1, before), next_slot(integration.id, 1, utc_now())}
    assert integration.next_sync_at in slots
