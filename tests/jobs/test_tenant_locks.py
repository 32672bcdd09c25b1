"""A tenant that a sync writes while somebody else changes what it is matched to, or to which integration it belongs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from jobs import tenant as tenants
from tests.jobs.snapshots import a_license, snapshot_of
from tests.support.factories import Make
from tests.support.locks import in_another_session, need_many_writers, wait_for_who_waits
from webapp.extensions import db
from webapp.integrations import matching
from webapp.models import License, Tenant, removal, utc_now


@pytest.fixture(autouse=True)
def _many_writers(app: Flask) -> None:
    need_many_writers()


def hold_to_match(row_id: int) -> Tenant:
    return matching.hold(db.session, [row_id])[row_id]


def lock_the_row(row_id: int) -> Tenant:
    return db.session.scalars(select(Tenant).where(Tenant.id == row_id).with_for_update()).one()


@pytest.mark.parametrize("hold", [hold_to_match, lock_the_row])
def test_who_changes_what_a_tenant_is_matched_to_waits_while_a_sync_writes_it(
    hold: Callable[[int], Tenant], app: Flask, make: Make
) -> None:
    tenant = make.tenant(organization=make.organization())
    row_id = tenant.id

    def ignore() -> int:
        """Returns how many licenses the tenant had by then."""
        moved = hold(row_id)
        licenses = db.session.query(License).filter_by(tenant_id=row_id).count()
        matching.place(db.session, [matching.Move(moved, is_ignored=True)], utc_now())
        db.session.commit()
        return licenses

    db.session.commit()
    held = tenants.held(row_id)
    assert held is not None
    with in_another_session(app, ignore) as ignored:
        wait_for_who_waits()
        tenants.write(held, snapshot_of(held, a_license(1), a_license(2)), utc_now())
        assert held.is_matched
        db.session.commit()
        assert ignored.result(30) == 2
    db.session.refresh(tenant)
    assert (tenant.is_matched, tenant.ignored_at is not None, tenant.name) == (False, True, "Contoso")


def test_a_tenant_that_another_integration_takes_over_meanwhile_is_not_held(app: Flask, make: Make) -> None:
    heir = make.integration()
    tenant = make.tenant(organization=make.organization(), gone_at=utc_now())
    row_id = tenant.id
    assert removal.adopt(db.session, heir.id, tenant.tenant_id) is not None
    with in_another_session(app, lambda: tenants.held(row_id) is None) as is_not_held:
        wait_for_who_waits()
        db.session.commit()
        assert is_not_held.result(30)
    found = tenants.held(row_id)
    assert found is not None
    assert found.integration == heir


def test_of_two_integrations_that_take_over_one_tenant_at_once_one_gets_it(app: Flask, make: Make) -> None:
    first, second = make.integration(), make.integration()
    tenant = make.tenant(organization=make.organization(), gone_at=utc_now())
    guid, second_id = tenant.tenant_id, second.id

    def adopt() -> bool:
        got_it = removal.adopt(db.session, second_id, guid) is not None
        db.session.commit()
        return got_it

    assert removal.adopt(db.session, first.id, guid) is not None
    with in_another_session(app, adopt) as adopted:
        wait_for_who_waits()
        db.session.commit()
        assert not adopted.result(30)
    db.session.refresh(tenant)
    assert tenant.integration == first
