"""Archiving an organization, and bringing it back."""

from __future__ import annotations

import json

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import select

from tests.conftest import signed_in
from tests.support.factories import Make
from tests.support.forms import options
from tests.webapp.organizations.reading import names, page
from webapp.extensions import db
from webapp.models import AuditEntry, Organization, Role, Tenant, utc_now

GLOBAL = "/global/office-365-licenses"


@pytest.fixture
def left(make: Make) -> Organization:
    """An organization with a license and a contact, beside another."""
    organization = make.organization(name="Left us")
    make.license(
        tenant=make.tenant(organization=organization, name="Their tenant"), product=make.product(name="Only theirs")
    )
    make.contact(organization=organization, name="Ann Left")
    make.license(tenant=make.tenant(organization=make.organization(name="Stays")), active=7, consumed=1)
    return organization


def synced(organization: Organization) -> bool:
    return bool(
        db.session.scalars(select(Tenant).filter_by(organization_id=organization.id).where(Tenant.is_synced())).all()
    )


def archived(client: FlaskClient, organization: Organization) -> str:
    """The page that follows on archiving it."""
    address = f"/organizations/{organization.id}/archive"
    db.session.rollback()
    return client.post(address, follow_redirects=True).text


def test_archiving_says_what_it_does_before_it_is_done(as_administrator: FlaskClient, left: Organization) -> None:
    html = as_administrator.get(f"/organizations/{left.id}/archive").text
    for words in (
        "Its 1 license leaves the Global list",
        "Its 1 tenant stays matched, and is no longer synced",
        "1 contact",
    ):
        assert words in html
    assert left.archived_at is None


def test_it_leaves_the_lists_and_nothing_is_deleted(as_administrator: FlaskClient, left: Organization) -> None:
    assert synced(left)
    assert names(archived(as_administrator, left)) == ["Stays"]
    db.session.expire_all()
    assert left.archived_at is not None
    assert not synced(left)
    assert names(page(as_administrator, state="archived")) == ["Left us"]
    assert names(page(as_administrator, q="left")) == []
    assert names(page(as_administrator, q="their tenant", state="archived")) == ["Left us"]
    own = as_administrator.get(f"/organizations/{left.id}/office-365-licenses").text
    assert "This organization is archived" in own
    assert "Only theirs" in own
    assert [entry.event for entry in db.session.scalars(select(AuditEntry))] == ["Archived the organization Left us"]


def test_its_licenses_leave_the_global_list_its_totals_choices_and_exports(
    as_administrator: FlaskClient, left: Organization
) -> None:
    archived(as_administrator, left)
    for query in ("", "?q=only", "?organization=left+us", "?product=only+theirs", "?tenant=their+tenant"):
        html = as_administrator.get(GLOBAL + query).text
        assert "Only theirs</a>" not in html, query
    html = as_administrator.get(GLOBAL).text
    assert 'data-total="licenses">1<' in html
    assert 'data-total="active">7<' in html
    assert options(html, "organization") == ["Stays"]
    assert "Their tenant" not in "".join(options(html, "tenant"))
    assert "Only theirs" not in "".join(options(html, "product"))
    assert "Only theirs" not in as_administrator.get(f"{GLOBAL}?format=csv").text
    for kind, q in (("organization", "left"), ("tenant", "their"), ("product", "only")):
        assert as_administrator.get(f"/licenses/choices/{kind}?q={q}").get_json() == [], kind
    own = f"/licenses/choices/product?q=only&within={left.id}"
    assert len(as_administrator.get(own).get_json()) == 1


def test_its_contacts_leave_the_global_list_and_stay_on_its_own(
    as_administrator: FlaskClient, left: Organization
) -> None:
    assert "Ann Left" in as_administrator.get("/global/contacts").text
    archived(as_administrator, left)
    assert "Ann Left" not in as_administrator.get("/global/contacts").text
    assert "Ann Left" in as_administrator.get(f"/organizations/{left.id}/contacts").text


def test_bringing_it_back_restores_all(
    as_administrator: FlaskClient, run_command: FlaskCliRunner, left: Organization
) -> None:
    before = as_administrator.get(f"{GLOBAL}?format=csv").text
    archived(as_administrator, left)
    listed = json.loads(run_command.invoke(args=["licenses", "list", "--json"]).output)
    assert [license["organization"] for license in listed] == ["Stays"]
    answer = as_administrator.post(f"/organizations/{left.id}/bring-back", follow_redirects=True)
    assert "is in every list again" in answer.text
    assert "This organization is archived" not in answer.text
    assert as_administrator.get(f"{GLOBAL}?format=csv").text == before
    assert names(page(as_administrator)) == ["Left us", "Stays"]
    assert synced(left)


def test_archiving_twice_keeps_the_first_date(as_administrator: FlaskClient, make: Make) -> None:
    first = utc_now()
    organization = make.organization(archived_at=first)
    archived(as_administrator, organization)
    assert db.session.get_one(Organization, organization.id, populate_existing=True).archived_at == first
    assert as_administrator.get(f"/organizations/{organization.id}/archive").status_code == 302
    assert db.session.scalars(select(AuditEntry)).all() == []


@pytest.mark.parametrize("role", [Role.EDITOR, Role.CREATOR, Role.LITE, Role.READ_ONLY])
def test_other_roles_can_do_neither(app: Flask, make: Make, role: Role) -> None:
    organization = make.organization()
    client = signed_in(app, make.user(role=role))
    for address in ("archive", "bring-back"):
        assert client.post(f"/organizations/{organization.id}/{address}").status_code == 403
    assert "/archive" not in client.get(f"/organizations/{organization.id}").text


def test_nothing_archived_is_told(as_administrator: FlaskClient, make: Make) -> None:
    make.organization()
    assert "Nothing is archived" in page(as_administrator, state="archived")
    assert "Nothing matches" in page(as_administrator, state="archived", q="x")
    for state in ("nonsense", "", "\0"):
        assert len(names(page(as_administrator, state=state))) == 1
