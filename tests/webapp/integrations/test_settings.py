"""Sync your data with Office 365."""

from __future__ import annotations

from flask.testing import FlaskClient
from sqlalchemy import select

from tests.support.factories import Make
from tests.support.forms import edited
from webapp.extensions import db
from webapp.models import AuditEntry, Integration


def chosen(integration_id: int) -> bool:
    return db.session.get_one(Integration, integration_id).sync_licenses


def test_the_page_has_the_checkbox_licenses_and_save(as_administrator: FlaskClient, make: Make) -> None:
    integration = make.integration(sync_licenses=True)
    page = as_administrator.get(f"/account/integrations/{integration.id}/settings").text
    assert "Sync your data with Office 365" in page
    assert 'for="sync_licenses">Licenses</label>' in page
    assert "checked" in page
    assert "Save" in page


def test_what_is_ticked_is_saved(as_administrator: FlaskClient, make: Make) -> None:
    integration_id = make.integration(sync_licenses=False).id
    address = f"/account/integrations/{integration_id}/settings"
    answer = edited(as_administrator, address, {"sync_licenses": "y"}, follow_redirects=True)
    assert answer.request.path == "/account/integrations"
    assert "Saved." in answer.text
    assert chosen(integration_id) is True


def test_what_is_not_ticked_is_not_synced_any_more(as_administrator: FlaskClient, make: Make) -> None:
    integration_id = make.integration(sync_licenses=True).id
    address = f"/account/integrations/{integration_id}/settings"
    answer = edited(as_administrator, address, {"csrf_token": "a browser sends it always"}, follow_redirects=True)
    assert "Nothing is chosen" in answer.text
    assert chosen(integration_id) is False


def test_matching_new_tenants_by_exact_name_is_chosen_and_told(as_administrator: FlaskClient, make: Make) -> None:
    integration_id = make.integration(sync_licenses=True).id
    address = f"/account/integrations/{integration_id}/settings"
    assert "Match new tenants by exact name" in as_administrator.get(address).text
    form = {"sync_licenses": "y", "sync_every_hours": "1", "sync_users": "off"}
    edited(as_administrator, address, {**form, "match_by_name": "y"})
    assert db.session.get_one(Integration, integration_id).match_by_name is True
    [entry] = db.session.scalars(select(AuditEntry))
    assert entry.details["match_by_name"] == {"from": False, "to": True}
    edited(as_administrator, address, form)
    assert db.session.get_one(Integration, integration_id).match_by_name is False
