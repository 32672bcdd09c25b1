"""Correcting a license whose integration was removed; of one that is synced nothing is corrected."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.conftest import signed_in
from tests.support.factories import Make
from tests.support.forms import edited, opened
from webapp.extensions import db
from webapp.models import AssetChange, License, LicenseStatus, Removal, Role, utc_now
from webapp.models.figures import seats


def disconnected(make: Make, **values: object) -> License:
    integration = make.integration(removal=Removal.KEEP, disconnected_at=utc_now())
    tenant = make.tenant(organization=make.organization(), integration=integration)
    return make.license(tenant=tenant, **values)


def form(**values: object) -> dict[str, object]:
    return {"status": "Enabled", "active": 30, "consumed": 40, "warning": 0, "suspended": 0, "locked_out": 0, **values}


def test_figures_are_corrected_and_those_that_follow_are_computed(as_administrator: FlaskClient, make: Make) -> None:
    license = disconnected(make)
    assert f"/licenses/{license.id}/figures" in as_administrator.get(f"/licenses/{license.id}").text
    assert edited(as_administrator, f"/licenses/{license.id}/figures", form(warning=2)).status_code == 303
    stored = db.session.get_one(License, license.id)
    assert (stored.active, stored.consumed, stored.unused, stored.over, stored.warning) == (30, 40, 0, 10, 2)
    change = db.session.scalars(select(AssetChange)).one()
    assert {"field": "Over", "from": 0, "to": 10} in change.fields
    edited(as_administrator, f"/licenses/{license.id}/figures", form(warning=2))
    assert len(db.session.scalars(select(AssetChange)).all()) == 1


def test_what_two_correct_at_once_is_kept_or_told(as_administrator: FlaskClient, make: Make) -> None:
    license = disconnected(make, active=30, consumed=40, status="Enabled")
    address = f"/licenses/{license.id}/figures"
    mine = opened(as_administrator, address)
    edited(as_administrator, address, form(active=50))
    assert as_administrator.post(address, data={**mine, **form(consumed=20)}).status_code == 303
    answer = as_administrator.post(address, data={**mine, **form(consumed=20, active=60)})
    assert answer.status_code == 409
    assert "Somebody else changed Active while you were editing" in answer.text
    stored = db.session.get_one(License, license.id)
    assert (stored.active, stored.consumed, stored.unused) == (50, 20, 30)


def test_a_status_without_active_seats_leaves_none_and_one_that_is_gone_has_no_figures(
    as_administrator: FlaskClient, make: Make
) -> None:
    license = disconnected(make)
    address = f"/licenses/{license.id}/figures"
    edited(as_administrator, address, form(status="Suspended", suspended=30))
    stored = db.session.get_one(License, license.id)
    assert (stored.active, stored.consumed, stored.over, stored.suspended, stored.gone_at) == (0, 40, 40, 30, None)
    edited(as_administrator, address, form(status="Gone"))
    db.session.expire_all()
    assert (stored.status, stored.consumed, stored.over, stored.suspended) == (LicenseStatus.GONE, 0, 0, 0)
    assert stored.gone_at is not None


@pytest.mark.parametrize(
    "values",
    [{"active": "x"}, {"active": ""}, {"active": -1}, {"consumed": 10**12}, {"status": "Forged"}, {"consumed": "1e3"}],
)
def test_figures_that_make_no_sense_are_refused(
    as_administrator: FlaskClient, make: Make, values: dict[str, object]
) -> None:
    license = disconnected(make)
    assert edited(as_administrator, f"/licenses/{license.id}/figures", form(**values)).status_code == 422
    assert db.session.get_one(License, license.id).active == 25


def test_the_largest_figures_that_are_synced_can_be_saved_beside_others_and_no_larger_ones(
    as_administrator: FlaskClient, make: Make
) -> None:
    license = disconnected(make, active=2**31 - 1)
    address = f"/licenses/{license.id}/figures"
    assert edited(as_administrator, address, form(active=2**31 - 1, consumed=7)).status_code == 303
    assert "Type 0 to 2,147,483,647." in edited(as_administrator, address, form(active=2**31)).text
    stored = db.session.get_one(License, license.id)
    assert (stored.active, stored.consumed, stored.unused) == (2**31 - 1, 7, 2**31 - 8)


def test_the_figures_of_a_synced_license_are_locked_for_everyone(as_administrator: FlaskClient, make: Make) -> None:
    license = make.license()
    for answer in (
        as_administrator.get(f"/licenses/{license.id}/figures"),
        as_administrator.post(f"/licenses/{license.id}/figures", data=form()),
    ):
        assert answer.status_code == 403
        assert "locked" in answer.text
    assert db.session.get_one(License, license.id).active == 25
    assert "/figures" not in as_administrator.get(f"/licenses/{license.id}").text


@pytest.mark.parametrize(("role", "status"), [(Role.EDITOR, 200), (Role.READ_ONLY, 403), (Role.LITE, 403)])
def test_only_who_edits_records_corrects_them(app: Flask, make: Make, role: Role, status: int) -> None:
    license = disconnected(make)
    assert signed_in(app, make.user(role=role)).get(f"/licenses/{license.id}/figures").status_code == status


@pytest.mark.parametrize("status", ["Enabled", "Warning", "Suspended", "Deleted", "LockedOut", "Other", None])
def test_unused_and_over_are_never_below_nothing(status: str | None) -> None:
    few, many = seats(status, 5, 9), seats(status, 9, 5)
    assert min(few.unused, few.over, many.unused, many.over) == 0
    assert few.over == 9 - few.active
