"""The history that syncs write: what changed, by which run; and security settings, which no sync changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select

from jobs.microsoft.facts import NO_FIGURES, Figures, LicenseFacts
from jobs.tenant import write
from tests.jobs.snapshots import a_license, snapshot_of
from tests.support.factories import Make
from webapp.extensions import db
from webapp.models import (
    AssetAccess,
    AssetChange,
    ChangeKind,
    FlexibleAssetType,
    License,
    LicenseStatus,
    Removal,
    Role,
    Tenant,
    removal,
    utc_now,
)

ONE, TWO = a_license(1), a_license(2)


def sync(tenant: Tenant, *licenses: LicenseFacts, run_id: int = 7) -> list[AssetChange]:
    """What the history says of this sync."""
    last = db.session.scalar(select(AssetChange.id).order_by(AssetChange.id.desc()).limit(1)) or 0
    write(tenant, snapshot_of(tenant, *licenses), utc_now(), run_id)
    db.session.commit()
    return list(db.session.scalars(select(AssetChange).where(AssetChange.id > last).order_by(AssetChange.id)))


def license_of(tenant: Tenant, facts: LicenseFacts) -> License:
    return db.session.scalars(
        select(License).where(License.tenant_id == tenant.id, License.sku_id == facts.sku_id)
    ).one()


def test_what_is_created_changed_gone_and_returned_is_told(make: Make) -> None:
    tenant = make.tenant(integration=make.integration(name="Partner"))
    first, second = sync(tenant, ONE, TWO)
    assert {first.kind, second.kind} == {ChangeKind.CREATED}
    assert {first.license_id, second.license_id} == {license_of(tenant, ONE).id, license_of(tenant, TWO).id}
    assert (first.who, first.run_id, first.asset_id) == ("Sync of Partner", 7, None)
    assert {entry["field"]: entry["to"] for entry in first.fields}["Status"] == "Enabled"

    fewer = replace(ONE, status="LockedOut", figures=Figures(0, 3, 0, 3, 0, 0, 10))
    [changed] = sync(tenant, fewer, TWO, run_id=8)
    assert (changed.kind, changed.run_id, changed.license_id) == (ChangeKind.CHANGED, 8, license_of(tenant, ONE).id)
    assert changed.fields == [
        {"field": "Status", "from": "Enabled", "to": "Locked out"},
        {"field": "Active", "from": 10, "to": 0},
        {"field": "Consumed", "from": 0, "to": 3},
        {"field": "Unused", "from": 10, "to": 0},
        {"field": "Over", "from": 0, "to": 3},
        {"field": "Locked out", "from": 0, "to": 10},
    ]

    [gone] = sync(tenant, fewer)
    assert (gone.kind, gone.license_id) == (ChangeKind.GONE, license_of(tenant, TWO).id)
    assert gone.fields[:2] == [
        {"field": "Status", "from": "Enabled", "to": "Gone"},
        {"field": "Active", "from": 10, "to": 0},
    ]
    assert sync(tenant, fewer) == []

    [returned] = sync(tenant, fewer, replace(TWO, figures=NO_FIGURES))
    assert returned.kind == ChangeKind.RETURNED
    assert returned.fields == [{"field": "Status", "from": "Gone", "to": "Enabled"}]


def test_an_unchanged_sync_writes_no_history(make: Make, count_queries: list[str]) -> None:
    tenant = make.tenant()
    sync(tenant, ONE, TWO)
    count_queries.clear()
    assert write(tenant, snapshot_of(tenant, ONE, TWO), utc_now(), 9).rows_written == 0
    db.session.commit()
    assert not [statement for statement in count_queries if "asset_change" in statement]


def test_the_history_is_no_row_that_a_run_counts(make: Make) -> None:
    tenant = make.tenant()
    assert write(tenant, snapshot_of(tenant, ONE, TWO), utc_now(), 1).rows_written == 2


def test_the_history_of_many_is_not_written_one_after_the_other(make: Make, count_queries: list[str]) -> None:
    tenant = make.tenant()
    db.session.commit()
    count_queries.clear()
    write(tenant, snapshot_of(tenant, *[a_license(number) for number in range(1_000)]), utc_now(), 1)
    db.session.commit()
    assert len([statement for statement in count_queries if "asset_change" in statement]) <= 1
    assert db.session.query(AssetChange).count() == 1_000


def test_a_restricted_license_stays_so_while_it_changes_goes_and_returns(make: Make) -> None:
    tenant = make.tenant(organization=make.organization())
    sync(tenant, ONE)
    license, user = license_of(tenant, ONE), make.user(role=Role.LITE)
    license.is_restricted = True
    db.session.add(AssetAccess(license_id=license.id, user_id=user.id))
    db.session.commit()

    def is_secured() -> bool:
        db.session.expire_all()
        named = db.session.scalars(select(AssetAccess.user_id).where(AssetAccess.license_id == license.id)).all()
        return license.is_restricted and named == [user.id]

    for licenses in ([a_license(1, active=11)], [], [ONE], [a_license(1, active=12, status="Suspended")]):
        sync(tenant, *licenses)
        assert is_secured(), licenses
    assert license.status == "Suspended"
    tenant.match(make.organization())
    sync(tenant, ONE)
    assert is_secured()


def test_security_and_history_survive_disconnection_and_adoption_which_overwrites_what_was_typed(make: Make) -> None:
    tenant = make.tenant(organization=make.organization())
    sync(tenant, ONE)
    license, user = license_of(tenant, ONE), make.user(role=Role.LITE)
    license.is_restricted = True
    db.session.add(AssetAccess(license_id=license.id, user_id=user.id))
    db.session.commit()
    removal.begin(db.session, tenant.integration_id, Removal.KEEP, utc_now())
    db.session.commit()
    license.active, license.consumed = 99, 98
    db.session.commit()
    live = make.integration()
    adopted = removal.adopt(db.session, live.id, tenant.tenant_id)
    db.session.commit()
    assert adopted is not None
    [change] = sync(adopted, ONE)
    assert change.who == f"Sync of {live.name}"
    assert {"field": "Active", "from": 99, "to": 10} in change.fields
    assert license.is_restricted
    assert db.session.scalars(select(AssetAccess.user_id)).all() == [user.id]
    assert db.session.query(AssetChange).where(AssetChange.license_id == license.id).count() == 2


def test_deleting_the_data_deletes_history_and_settings_with_it(make: Make) -> None:
    tenant = make.tenant()
    sync(tenant, ONE)
    license = license_of(tenant, ONE)
    db.session.add(AssetAccess(license_id=license.id, user_id=make.user().id))
    db.session.commit()
    integration_id = tenant.integration_id
    removal.begin(db.session, integration_id, Removal.DELETE, utc_now())
    while removal.next_batch(db.session, integration_id, utc_now() + timedelta(seconds=1)):
        db.session.commit()
    db.session.commit()
    assert db.session.query(AssetChange).count() == db.session.query(AssetAccess).count() == 0
    assert db.session.query(FlexibleAssetType).count() == 0
    assert LicenseStatus.GONE not in db.session.scalars(select(License.status)).all()
