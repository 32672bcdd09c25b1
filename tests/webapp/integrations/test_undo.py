"""Taking back what was done to the matches of tenants."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.support.factories import Make
from tests.support.turns import in_turn
from tests.webapp.integrations.bulk import ALL, CHANGES, age, organization_of, prepare, press, stored
from webapp.extensions import db
from webapp.models import (
    MatchingChange,
    Organization,
    TenantState,
    utc_now,
)
from webapp.models.matching import PREVIEW_LIFETIME, UNDO_LIFETIME
from webapp.organizations import records


def test_a_bulk_is_undone_with_what_it_made(as_administrator: FlaskClient, make: Make) -> None:
    former = make.organization(name="Former")
    unmatched, ignored = make.tenant(name="Contoso"), make.tenant(ignored_at=utc_now())
    matched = make.tenant(organization=former)
    press(as_administrator, prepare(as_administrator, "create", unmatched), "apply")
    press(as_administrator, prepare(as_administrator, "unmatch", ignored, matched), "apply")
    assert {stored(tenant).state for tenant in (ignored, matched)} == {TenantState.UNMATCHED}
    for _ in range(2):
        press(as_administrator, undoable(), "undo")
    assert stored(unmatched).state == TenantState.UNMATCHED
    assert stored(ignored).state == TenantState.IGNORED
    assert organization_of(matched) == "Former"
    assert db.session.scalars(select(Organization.name)).all() == ["Former"]
    assert "Undo" not in as_administrator.get(ALL).text


def test_who_was_changed_since_stays_so_also_where_it_came_back(as_administrator: FlaskClient, make: Make) -> None:
    changed, there_and_back, untouched = (make.tenant(name=name) for name in ("Contoso", "Fabrikam", "Northwind"))
    preview = prepare(as_administrator, "create", changed, there_and_back, untouched)
    press(as_administrator, preview, "apply")

    @in_turn
    def meanwhile() -> None:
        stored(changed).ignore(utc_now())
        tenant = stored(there_and_back)
        organization = tenant.organization
        assert organization is not None
        tenant.unmatch()
        tenant.match(organization)
        db.session.commit()

    meanwhile()
    page = press(as_administrator, preview, "undo").text
    assert "Undone: 1 tenant is as before. 2 new organizations were removed. 1 new organization stays" in page
    assert "2 tenants changed since, and stay so." in page
    assert "It was changed meanwhile." in page
    assert "but for those that stayed as they are" in as_administrator.get(preview).text
    assert stored(changed).state == TenantState.IGNORED
    assert organization_of(there_and_back) == "Fabrikam"
    assert stored(untouched).state == TenantState.UNMATCHED


def test_a_new_organization_in_which_there_is_something_stays(as_administrator: FlaskClient, make: Make) -> None:
    tenant = make.tenant(name="Contoso", domains="contoso.example")
    preview = prepare(as_administrator, "create", tenant)
    press(as_administrator, preview, "apply")
    make.contact(organization=stored(tenant).organization)
    assert "1 new organization stays, being in use or changed since." in press(as_administrator, preview, "undo").text
    assert stored(tenant).state == TenantState.UNMATCHED
    assert db.session.scalars(select(Organization.name)).all() == ["Contoso"]


@pytest.mark.parametrize("field", ["address", "phone", "domains", "name"])
def test_a_new_organization_that_somebody_changed_stays(as_administrator: FlaskClient, make: Make, field: str) -> None:
    tenant = make.tenant(name="Contoso", domains="contoso.example", address="1 Main Street", phone="+1 425 555 0100")
    untouched = make.tenant(name="Fabrikam", domains="fabrikam.example", address="2 Main Street")
    preview = prepare(as_administrator, "create", tenant, untouched)
    press(as_administrator, preview, "apply")

    @in_turn
    def meanwhile() -> None:
        organization = stored(tenant).organization
        assert organization is not None
        records.change(organization, replace(records.stored(organization), **{field: _CHANGED[field]}))
        db.session.commit()

    meanwhile()
    page = press(as_administrator, preview, "undo").text
    assert "1 new organization was removed. 1 new organization stays, being in use or changed since." in page
    assert stored(tenant).state == TenantState.UNMATCHED
    [left] = db.session.scalars(select(Organization))
    assert getattr(records.stored(left), field) == _CHANGED[field]


_CHANGED: dict[str, Any] = {
    "address": "Seattle",
    "phone": "",
    "domains": ("contoso.example", "contoso.test"),
    "name": "Contoso of Seattle",
}


def test_an_undo_has_its_time_and_happens_once(as_administrator: FlaskClient, make: Make) -> None:
    first, second = make.tenant(name="Contoso"), make.tenant(name="Fabrikam")
    preview = prepare(as_administrator, "ignore", first)
    press(as_administrator, preview, "apply")
    press(as_administrator, preview, "undo")
    page = as_administrator.get(preview).text
    assert "That was undone" in page
    assert "but for those" not in page
    assert "cannot be undone any more" in press(as_administrator, preview, "undo").text
    press(as_administrator, prepare(as_administrator, "ignore", second), "apply")
    assert "Undo" in as_administrator.get(ALL).text
    age(UNDO_LIFETIME)
    assert "Undo" not in as_administrator.get(ALL).text
    assert "cannot be undone any more" in press(as_administrator, undoable(), "undo").text
    assert stored(second).state == TenantState.IGNORED


def test_what_was_thought_about_for_long_can_still_be_undone_after_another_action_is_begun(
    as_administrator: FlaskClient, make: Make
) -> None:
    first, second = make.tenant(name="Contoso"), make.tenant(name="Fabrikam")
    preview = prepare(as_administrator, "ignore", first)
    age(PREVIEW_LIFETIME - timedelta(minutes=30))
    press(as_administrator, preview, "apply")
    age(timedelta(hours=1))
    prepare(as_administrator, "ignore", second)
    press(as_administrator, preview, "undo")
    assert stored(first).state == TenantState.UNMATCHED


def undoable() -> str:
    query = select(MatchingChange.id).where(MatchingChange.undone_at.is_(None)).order_by(MatchingChange.id.desc())
    return f"{CHANGES}/{db.session.scalars(query).first()}"
