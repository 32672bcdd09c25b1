"""Connecting a partner, and what a run's page says of the look for its customers."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from jobs import queue
from tests.support.factories import Make
from tests.webapp.integrations.conftest import ACCEPTED, CLIENT_ID, SECRET, TENANT_ID, Microsoft
from webapp.extensions import db
from webapp.models import Integration, Kind, RunState, SyncRun, Tenant, utc_now

FORM = {"name": "Partner", "tenant": TENANT_ID, "client_id": CLIENT_ID, "client_secret": SECRET, "placement": "later"}
FOUND = {"ok": True, "tenants": [1, 2], "new": [2], "back": [], "gone": [], "left": [], "warning": None}


@pytest.fixture
def discovered(microsoft: Microsoft, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    answer: dict[str, Any] = dict(FOUND)
    answer["asked"] = []

    def discover(integration_id: int) -> dict[str, Any]:
        assert not db.session().in_transaction()
        answer["asked"].append(integration_id)
        return answer

    monkeypatch.setattr(queue, "discover", discover)
    return answer


def test_a_partner_is_connected_and_its_customers_are_looked_for(
    as_administrator: FlaskClient, discovered: dict[str, Any]
) -> None:
    answer = as_administrator.post("/account/integrations/add", data={**FORM, "kind": "partner"})
    integration = db.session.query(Integration).one()
    assert integration.kind == Kind.PARTNER
    assert discovered["asked"] == [integration.id]
    assert answer.location == f"/account/integrations/{integration.id}/tenants"
    assert "reaches 2 tenants (1 new)" in as_administrator.get(answer.location).text


def test_a_partner_stays_connected_where_its_customers_cannot_be_found(
    as_administrator: FlaskClient, discovered: dict[str, Any]
) -> None:
    problem = {"reason": "It was refused.", "fix": "Do this.", "code": "AADSTS1"}
    discovered.clear()
    discovered.update({"ok": False, "problem": problem, "asked": []})
    answer = as_administrator.post("/account/integrations/add", data={**FORM, "kind": "partner"}, follow_redirects=True)
    assert "It was refused. Do this. (code AADSTS1)" in answer.text
    assert db.session.query(Integration).count() == 1


def test_without_a_kind_an_integration_is_direct(as_administrator: FlaskClient, discovered: dict[str, Any]) -> None:
    as_administrator.post("/account/integrations/add", data=FORM)
    assert db.session.query(Integration).one().kind == Kind.DIRECT
    assert discovered["asked"] == []


def test_a_kind_that_does_not_exist_is_refused(as_administrator: FlaskClient, discovered: dict[str, Any]) -> None:
    answer = as_administrator.post("/account/integrations/add", data={**FORM, "kind": "syndicated"})
    assert answer.status_code == 422
    assert "Choose how the app reaches tenants." in answer.text
    assert db.session.query(Integration).count() == 0


def test_what_the_tenant_says_of_itself_is_stored_when_it_is_connected(
    as_administrator: FlaskClient, microsoft: Microsoft
) -> None:
    as_administrator.post("/account/integrations/add", data=FORM)
    row = db.session.query(Tenant).one()
    assert (row.domains, row.address, row.phone) == (ACCEPTED["domains"], ACCEPTED["address"], ACCEPTED["phone"])


def test_a_tenant_that_is_gone_from_a_partner_can_be_connected_by_itself(
    make: Make, as_administrator: FlaskClient, microsoft: Microsoft
) -> None:
    partner = make.integration(kind=Kind.PARTNER)
    gone = make.tenant(integration=partner, tenant_id=TENANT_ID, gone_at=utc_now(), organization=make.organization())
    row_id, organization_id = gone.id, gone.organization_id
    answer = as_administrator.post("/account/integrations/add", data=FORM)
    assert answer.status_code == 303
    row = db.session.query(Tenant).filter_by(tenant_id=TENANT_ID).one()
    assert (row.id, row.gone_at, row.organization_id) == (row_id, None, organization_id)
    assert row.integration.name == "Partner"
    assert db.session.get(Integration, partner.id) is not None


def test_the_runs_page_says_what_could_not_be_read_and_how_many_tenants_are_new_or_gone(
    make: Make, as_administrator: FlaskClient
) -> None:
    run: SyncRun = make.run(
        integration=make.integration(kind=Kind.PARTNER),
        state=RunState.OK,
        finished_at=utc_now(),
        tenants_found=3,
        tenants_gone=2,
        notice_reason="Not all <customers> could be read.",
        notice_fix="Grant it.",
        notice_code="Authorization_RequestDenied",
        notice_request_id="request-1",
        discovery_requests=1_234,
    )
    page = as_administrator.get(f"/account/integrations/{run.integration_id}/runs/{run.id}").text
    for said in ("Not all &lt;customers&gt; could be read.", "Grant it.", "Authorization_RequestDenied", "request-1"):
        assert said in page
    assert "1,234" in page
    assert "New tenants" in page
    assert "Gone tenants" in page


def test_a_run_without_a_notice_has_none(make: Make, as_administrator: FlaskClient) -> None:
    run = make.run(state=RunState.OK, finished_at=utc_now())
    page = as_administrator.get(f"/account/integrations/{run.integration_id}/runs/{run.id}").text
    assert "run-notice" not in page
    assert "New tenants" not in page
