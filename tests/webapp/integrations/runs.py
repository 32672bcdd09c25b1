"""Runs with parts, and the page of one."""

from __future__ import annotations

from datetime import timedelta

from flask.testing import FlaskClient

from tests.support.factories import Make
from webapp.models import PartState, RunState, SyncPart, SyncRun, utc_now


def add_part(make: Make, run: SyncRun, name: str, state: PartState, **values: object) -> SyncPart:
    tenant = make.tenant(integration_id=run.integration_id, name=name, organization=make.organization())
    return make.part(run_id=run.id, tenant_id=tenant.id, state=state, **values)


def a_run(make: Make, state: RunState = RunState.SYNCING, **values: object) -> SyncRun:
    finished_at = None if state.is_active else utc_now()
    values = {"started_at": utc_now() - timedelta(seconds=75), "tenants_total": 4, "finished_at": finished_at, **values}
    return make.run(state=state, **values)


def address(run: SyncRun, more: str = "") -> str:
    return f"/account/integrations/{run.integration_id}/runs/{run.id}{more}"


def page(client: FlaskClient, run: SyncRun, **query: object) -> str:
    answer = client.get(address(run), query_string=query)
    assert answer.status_code == 200
    return answer.text
