"""Leases of parts, as tests take them."""

from __future__ import annotations

from datetime import datetime

from webapp.extensions import db
from webapp.models import Claim, SyncPart, SyncRun, Trigger, utc_now

from .factories import Make


def claim_one(part_id: int, now: datetime) -> Claim | None:
    """None where there is nothing to do, or somebody else does it."""
    SyncPart.give_up(db.session, [part_id], now)
    return next(iter(SyncPart.claim(db.session, [part_id], now)), None)


def claims_of_a_run(make: Make, count: int) -> list[Claim]:
    """The parts of a run of so many tenants, all claimed."""
    integration = make.integration()
    for _ in range(count):
        make.tenant(integration=integration, organization=make.organization())
    run, _ = SyncRun.begin(db.session, integration.id, Trigger.MANUAL)
    db.session.commit()
    claims = SyncPart.claim(db.session, SyncRun.plan(db.session, run.id, utc_now()) or [], utc_now())
    db.session.commit()
    assert len(claims) == count
    return claims
