"""Tenants that are reached anew while somebody else has their rows: nobody waits for one who waits for them."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import select, text

from tests.support.factories import Make
from tests.support.locks import in_another_session, need_many_writers, wait_for_who_waits
from webapp.database import declare_writing
from webapp.extensions import db
from webapp.models import FlexibleAssetType, Tenant, reaching, utc_now

# In this order by their ids, and in the other one by their rows.
LOW, HIGH = "00000000-0000-4000-8000-000000000001", "ffffffff-0000-4000-8000-000000000001"


def hold(row_id: int) -> None:
    """As a sync does that writes it."""
    db.session.execute(text("SET LOCAL lock_timeout = '10s'"))
    db.session.scalar(select(Tenant.id).where(Tenant.id == row_id).with_for_update(key_share=True))


def test_who_reaches_many_that_were_left_and_a_sync_that_writes_them_do_not_wait_for_each_other(
    app: Flask, make: Make
) -> None:
    need_many_writers()
    declare_writing()
    FlexibleAssetType.ensure_licenses(db.session)
    former, heir = make.integration(), make.integration()
    rows = [make.tenant(integration=former, tenant_id=tenant_id, gone_at=utc_now()).id for tenant_id in (HIGH, LOW)]
    heir_id = heir.id
    db.session.commit()

    def reach() -> list[bool]:
        integration = reaching.take_turn(db.session, heir_id)
        reached = reaching.reach(db.session, integration, [LOW, HIGH])
        db.session.commit()
        return [one.is_new for one in reached.values()]

    hold(rows[0])
    with in_another_session(app, reach) as reached:
        wait_for_who_waits()
        hold(rows[1])
        db.session.commit()
        assert reached.result(30) == [False, False]
