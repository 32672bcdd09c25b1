"""Tenants with very many users that are unmatched: what is seen before a job has cut the links of their users."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from jobs import queue
from jobs.unlinking import unlink
from tests.support.factories import Make
from tests.support.forms import edited
from tests.webapp.contacts.reading import exported, listed
from tests.webapp.integrations.bulk import organization_of, prepare, press, stored
from webapp.extensions import db
from webapp.integrations import forecast
from webapp.integrations.forecast import Forecast
from webapp.models import Contact, Organization, Tenant, UserSync, departed, utc_now
from webapp.models.user_rules import UserRules


@pytest.fixture(autouse=True)
def _nothing_is_cut_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(departed, "AT_ONCE", 0)


@pytest.fixture
def organization(make: Make) -> Organization:
    return make.organization(name="Contoso")


@pytest.fixture
def tenant(make: Make, organization: Organization) -> Tenant:
    return make.tenant(organization=organization, name="Contoso EU", users_synced_at=utc_now())


@pytest.fixture
def contact(make: Make, organization: Organization, tenant: Tenant) -> Contact:
    """A contact that a user of the tenant links, and who holds a license of it."""
    contact = make.contact(organization=organization, name="Ann Archer")
    license = make.license(tenant=tenant, product=make.product(name="Microsoft 365 E3"))
    make.assignment(license, make.directory_user(tenant=tenant, contact=contact))
    return contact


def unmatch(client: FlaskClient, *tenants: Tenant) -> str:
    """The address of the page of what was done."""
    preview = prepare(client, "unmatch", *tenants)
    assert press(client, preview, "apply").status_code == 200
    return preview


def test_a_contact_is_linked_to_nobody_as_soon_as_its_tenant_is_unmatched(
    as_administrator: FlaskClient, tenant: Tenant, contact: Contact
) -> None:
    page = f"/contacts/{contact.id}"
    before = as_administrator.get(page).text
    assert "Synced from Office 365" in before
    assert "Microsoft 365 E3" in before
    unmatch(as_administrator, tenant)
    assert stored(tenant).departed_from_id is not None
    after = as_administrator.get(page).text
    assert "Synced from Office 365" not in after
    assert "Microsoft 365 E3" not in after
    assert listed(as_administrator, origin="linked") == []
    assert listed(as_administrator) == ["Ann Archer"]
    assert [row["linked"] for row in exported(as_administrator)] == ["no"]


def test_it_says_why_once_a_job_has_cut_the_link(
    as_administrator: FlaskClient, tenant: Tenant, contact: Contact
) -> None:
    unmatch(as_administrator, tenant)
    assert queue.waiting()[queue.SYNC][0] == 1
    unlink()
    page = as_administrator.get(f"/contacts/{contact.id}").text
    assert "Its Microsoft 365 tenant is not matched to this organization any more." in page
    assert listed(as_administrator, origin="unlinked") == ["Ann Archer"]


def test_all_its_fields_can_be_edited_at_once_and_are_brought_up_to_the_user_should_it_come_back(
    as_administrator: FlaskClient, tenant: Tenant, contact: Contact
) -> None:
    preview = unmatch(as_administrator, tenant)
    edited(as_administrator, f"/contacts/{contact.id}/edit", {"name": "Ann Baker"})
    press(as_administrator, preview, "undo")
    db.session.expire_all()
    assert (contact.name, contact.unlinked_at is not None) == ("Ann Baker", True), "the next sync finds it by that"
    assert "Synced from Office 365" in as_administrator.get(f"/contacts/{contact.id}").text


def test_an_undo_gives_the_links_back_as_they_were(
    as_administrator: FlaskClient, tenant: Tenant, contact: Contact
) -> None:
    preview = unmatch(as_administrator, tenant)
    press(as_administrator, preview, "undo")
    assert (organization_of(tenant), stored(tenant).departed_from_id) == ("Contoso", None)
    unlink()
    assert listed(as_administrator, origin="linked") == ["Ann Archer"]
    assert contact.unlinked_at is None


def test_what_an_undo_leaves_is_cut_by_a_job(as_administrator: FlaskClient, make: Make) -> None:
    tenant = make.tenant(name="Fabrikam")
    preview = prepare(as_administrator, "create", tenant)
    press(as_administrator, preview, "apply")
    contact = make.contact(organization=stored(tenant).organization, name="Ann Archer")
    make.directory_user(tenant=tenant, contact=contact)
    press(as_administrator, preview, "undo")
    assert stored(tenant).departed_from_id is not None
    assert queue.waiting()[queue.SYNC][0] == 1


def test_an_undo_removes_new_organizations_also_where_users_were_read_meanwhile(
    as_administrator: FlaskClient, make: Make
) -> None:
    tenant = make.tenant(name="Fabrikam")
    preview = prepare(as_administrator, "create", tenant)
    press(as_administrator, preview, "apply")
    make.directory_user(tenant=tenant)
    press(as_administrator, preview, "undo")
    assert db.session.scalars(select(Organization.name)).all() == []
    assert stored(tenant).departed_from_id is None


def test_a_tenant_that_is_ignored_by_itself_is_left_to_a_job_as_well(
    as_administrator: FlaskClient, tenant: Tenant, contact: Contact
) -> None:
    as_administrator.post(f"/account/integrations/{tenant.integration_id}/tenants/{tenant.id}/ignore")
    assert stored(tenant).ignored_at is not None
    assert queue.waiting()[queue.SYNC][0] == 1


def test_a_queue_that_is_away_keeps_nobody_from_unmatching(
    app: Flask, as_administrator: FlaskClient, tenant: Tenant, contact: Contact
) -> None:
    preview = prepare(as_administrator, "unmatch", tenant)
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], redis_url="unix:///nowhere/redis.sock")
    assert press(as_administrator, preview, "apply").status_code == 200
    assert not stored(tenant).is_matched


def test_a_forecast_takes_nobody_for_a_contact_of_the_organization_that_was_left(
    as_administrator: FlaskClient, make: Make, tenant: Tenant, contact: Contact
) -> None:
    unmatch(as_administrator, tenant)
    tenant.match(make.organization())
    db.session.commit()
    rules = UserRules(UserSync.ALL)
    assert forecast.of_tenant(db.session, tenant.id, rules) == Forecast(tenants=1, created=1)


@pytest.mark.parametrize(("most", "is_left"), [(1, True), (2, False)])
def test_few_links_to_contacts_of_very_many_organizations_are_left_to_a_job(
    as_administrator: FlaskClient, make: Make, monkeypatch: pytest.MonkeyPatch, most: int, is_left: bool
) -> None:
    """Each organization's turn is a lock, of which PostgreSQL has not very many."""
    monkeypatch.setattr(departed, "AT_ONCE", 10)
    monkeypatch.setattr(departed, "MOST_ORGANIZATIONS", most)
    tenants = [make.tenant(organization=make.organization()) for _ in range(2)]
    for one in tenants:
        make.directory_user(tenant=one, contact=make.contact(organization=one.organization))
    unmatch(as_administrator, *tenants)
    assert [stored(one).departed_from_id is not None for one in tenants] == [is_left] * 2
