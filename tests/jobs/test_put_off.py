"""A part that waits because Microsoft asked for it: as what that counts, and until when it waits."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from jobs import parts
from jobs.microsoft.errors import Throttled
from jobs.microsoft.pace import Pace
from sandbox import Fault, Sandbox
from tests.support.factories import Make
from tests.support.microsoft import connected, sandbox_tenant
from webapp.extensions import db
from webapp.models import PartState, Problem, utc_now

from .conftest import Sync
from .people.helpers import part_of


@pytest.mark.parametrize("where", ["the database", "Redis"])
def test_who_waits_for_what_was_asked_before_uses_up_no_attempt(
    where: str, sandbox: Sandbox, make: Make, sync: Sync, app: Flask
) -> None:
    tenant = connected(make, sandbox_tenant(sandbox))
    if where == "Redis":
        pace = Pace(app.config["SETTINGS"].redis_url, tenant.integration.client_id, tenant.tenant_id)
        pace.told(Throttled(Problem("Slower.", "Wait."), 60))
    else:
        tenant.not_before, tenant.told_to_wait_at = utc_now() + timedelta(seconds=60), utc_now()
        db.session.commit()
    part = part_of(sync(tenant))
    assert (part.state, part.attempts, part.requests) == (PartState.WAITING, 0, 0)
    assert part.not_before is not None
    assert part.not_before > utc_now() + timedelta(seconds=30)


@pytest.mark.parametrize("was_told_before", [False, True])
def test_after_a_wait_of_the_whole_app_a_tenant_comes_back_a_little_later_by_lot(
    was_told_before: bool, sandbox: Sandbox, make: Make, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "spread", lambda: 7.0)
    given = sandbox_tenant(sandbox)
    tenant = connected(make, given)
    if was_told_before:
        tenant.integration.not_before = utc_now() + timedelta(seconds=300)
        tenant.integration.told_to_wait_at = utc_now()
        db.session.commit()
    else:
        sandbox.faults(given.tenant_id, Fault("subscribedSkus", "throttle_app", times=1, retry_after=300))
    part = part_of(sync(tenant))
    sandbox.throttle_app(given.client_id, 0)
    assert tenant.integration.not_before is not None
    assert part.not_before == tenant.integration.not_before + timedelta(seconds=7)
