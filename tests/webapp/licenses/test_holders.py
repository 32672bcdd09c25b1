"""Assigned to: who holds a license, on its page, by itself, and as CSV."""

from __future__ import annotations

import csv
import io
import re
from html import unescape

import pytest
from flask.testing import FlaskClient

from tests.support.browser import HTMX
from tests.support.factories import Make
from webapp.extensions import db
from webapp.licenses.queries import of_contact
from webapp.models import Contact, DirectoryUser, License, Organization, Tenant, utc_now
from webapp.scope import Scope


@pytest.fixture
def license(make: Make) -> License:
    tenant = make.tenant(organization=make.organization(name="Contoso"), users_synced_at=utc_now(), name="Contoso EU")
    product = make.product(name="Microsoft 365 E3", part_number="SPE_E3")
    return make.license(tenant=tenant, product=product, consumed=2)


def organization_of(license: License) -> Organization:
    found = db.session.get_one(Tenant, license.tenant_id).organization
    assert found is not None
    return found


def holder(make: Make, license: License, name: str = "", **values: bool) -> DirectoryUser:
    """A user who holds the license; a contact where a name is given."""
    linked = {"contact": make.contact(organization=organization_of(license), name=name)} if name else {}
    user = make.directory_user(tenant=license.tenant, **linked)
    make.assignment(license, user, **values)
    return user


def names(html: str) -> list[str]:
    return [unescape(name) for name in re.findall(r'href="/contacts/\d+">([^<]*)</a>', html)]


def test_contacts_are_listed_by_name_with_how_they_hold_it(
    as_reader: FlaskClient, make: Make, license: License
) -> None:
    holder(make, license, "Zoë", is_through_group=True)
    holder(make, license, "Ann <b>", is_direct=True, is_through_group=True)
    holder(make, license, "Émile", is_direct=True)
    page = as_reader.get(f"/licenses/{license.id}").text
    assert names(page) == ["Ann <b>", "Zoë", "Émile"]
    hows = re.findall(r'data-label="Assigned"><span class="badge [^"]*">([^<]*)<', page)
    assert hows == ["Direct and through a group", "Through a group", "Direct"]
    assert "@customer.example" in page


def test_people_who_are_not_contacts_are_counted_and_not_named(
    as_reader: FlaskClient, make: Make, license: License
) -> None:
    holder(make, license, "Ann")
    strangers = [holder(make, license) for _ in range(12)]
    page = as_reader.get(f"/licenses/{license.id}").text
    assert "And 12 people who are not contacts." in " ".join(page.split())
    assert "13 people · read" in page
    assert not any(user.user_id in page for user in strangers)


def test_a_difference_to_what_microsoft_counts_is_explained(
    as_reader: FlaskClient, make: Make, license: License
) -> None:
    for number in range(2):
        holder(make, license, f"Contact {number}")
    assert "Microsoft counts" not in as_reader.get(f"/licenses/{license.id}").text
    holder(make, license)
    page = as_reader.get(f"/licenses/{license.id}").text
    assert "Microsoft counts 2 as consumed, and 3 people hold it here." in page


def test_a_contact_of_two_accounts_is_listed_once(as_reader: FlaskClient, make: Make, license: License) -> None:
    contact = make.contact(organization=organization_of(license), name="Ann")
    for through_group in (True, False):
        user = make.directory_user(tenant=license.tenant, contact=contact)
        make.assignment(license, user, is_through_group=through_group)
    page = as_reader.get(f"/licenses/{license.id}").text
    assert names(page) == ["Ann"]
    assert "Direct and through a group" in page
    assert "not contacts" not in page


def test_a_contact_that_another_organization_has_is_not_shown(
    as_reader: FlaskClient, make: Make, license: License
) -> None:
    foreign = make.contact(name="Somebody else's")
    user = make.directory_user(tenant=license.tenant, contact=foreign)
    make.assignment(license, user)
    page = as_reader.get(f"/licenses/{license.id}").text
    assert "Somebody else" not in page
    assert "1 person who is not a contact of this organization holds it." in " ".join(page.split())
    assert db.session.execute(of_contact(Scope(), foreign.id)).all() == []


def test_a_suspended_license_keeps_its_tags(as_reader: FlaskClient, make: Make, license: License) -> None:
    holder(make, license, "Ann")
    db.session.get_one(License, license.id).status = "Suspended"
    db.session.commit()
    page = as_reader.get(f"/licenses/{license.id}").text
    assert names(page) == ["Ann"]
    assert "stays listed here" in page


def test_it_says_why_nobody_is_listed(as_reader: FlaskClient, make: Make, license: License) -> None:
    assert "Assigned to nobody" in as_reader.get(f"/licenses/{license.id}").text
    db.session.get_one(Tenant, license.tenant_id).users_synced_at = None
    db.session.commit()
    page = as_reader.get(f"/licenses/{license.id}").text
    assert "has not been read yet" in page
    assert "User.Read.All" in page


def test_a_tenant_that_is_left_out_is_told_of(as_reader: FlaskClient, license: License) -> None:
    assert "left out of syncs" not in as_reader.get(f"/licenses/{license.id}").text
    db.session.get_one(Tenant, license.tenant_id).left_out_at = utc_now()
    db.session.commit()
    assert "Contoso EU has been left out of syncs since" in as_reader.get(f"/licenses/{license.id}").text


def test_a_tenant_that_its_partner_no_longer_names_is_told_of(as_reader: FlaskClient, license: License) -> None:
    """It may be a customer who left: its figures stay in the lists, and never change again."""
    tenant = db.session.get_one(Tenant, license.tenant_id)
    tenant.gone_at, tenant.left_out_at, tenant.users_synced_at = utc_now(), utc_now(), None
    db.session.commit()
    page = " ".join(as_reader.get(f"/licenses/{license.id}").text.split())
    assert "The partner's tenant has no longer named Contoso EU since" in page
    assert "What is shown is as it was read last." in page
    assert "left out of syncs" not in page
    assert "Who holds it was never read" in page
    assert "The next sync reads it" not in page


def test_the_list_is_searched_and_paged(as_reader: FlaskClient, make: Make, license: License) -> None:
    for number in range(30):
        holder(make, license, f"Person n{number:02}")
    here = f"/licenses/{license.id}/contacts"
    assert names(as_reader.get(here, headers=HTMX).text) == [f"Person n{number:02}" for number in range(25)]
    answer = as_reader.get(f"{here}?page=2", headers=HTMX)
    assert names(answer.text) == [f"Person n{number:02}" for number in range(25, 30)]
    assert "<html" not in answer.text
    assert answer.headers["HX-Push-Url"] == f"/licenses/{license.id}?page=2"
    assert names(as_reader.get(f"{here}?q=PERSON+N07", headers=HTMX).text) == ["Person n07"]
    answer = as_reader.get(f"{here}?q=nobody", headers=HTMX)
    assert "No contact who holds it has these words" in answer.text
    answer = as_reader.get(f"{here}?q=n07&page=9", follow_redirects=True)
    assert answer.request.path == f"/licenses/{license.id}"
    assert names(answer.text) == ["Person n07"]


def test_all_that_is_searched_is_exported(as_reader: FlaskClient, make: Make, license: License) -> None:
    for number in range(30):
        holder(make, license, f"=Person {number:02}", is_through_group=True)
    holder(make, license)
    answer = as_reader.get(f"/licenses/{license.id}/contacts?format=csv&q=person", buffered=True)
    rows = list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    assert [row["contact"] for row in rows] == [f"'=Person {number:02}" for number in range(30)]
    assert (rows[0]["organization"], rows[0]["product"], rows[0]["assigned"]) == (
        "Contoso",
        "Microsoft 365 E3",
        "Through a group",
    )


def test_the_page_asks_the_database_equally_often_however_many_contacts(
    as_reader: FlaskClient, make: Make, license: License, count_queries: list[str]
) -> None:
    license_id = license.id

    def asked(more: int) -> int:
        for number in range(more):
            holder(make, license, f"Person {number}")
        count_queries.clear()
        as_reader.get(f"/licenses/{license_id}")
        return len([statement for statement in count_queries if statement.startswith("SELECT")])

    assert asked(1) == asked(20)


def test_how_it_is_held_is_worked_out_for_the_page_alone(
    as_reader: FlaskClient, make: Make, license: License, count_queries: list[str]
) -> None:
    for number in range(30):
        holder(make, license, f"N{number:02}")
    count_queries.clear()
    assert names(as_reader.get(f"/licenses/{license.id}?page=2").text) == [f"N{number}" for number in range(25, 30)]
    [grouped] = [statement for statement in count_queries if "GROUP BY contact.id" in statement]
    assert "LIMIT" not in grouped


def test_a_license_out_of_reach_and_one_that_is_not_there_answer_alike(as_reader: FlaskClient, make: Make) -> None:
    unmatched = make.license(tenant=make.tenant())
    restricted = make.license(is_restricted=True)
    for license_id in (unmatched.id, restricted.id, 987654, 2**31):
        for query in ("", "?format=csv"):
            assert as_reader.get(f"/licenses/{license_id}/contacts{query}", headers=HTMX).status_code == 404


def test_the_licenses_of_a_contact_are_those_that_its_accounts_hold(make: Make, license: License) -> None:
    organization = organization_of(license)
    contact = make.contact(organization=organization)
    first, second = (make.directory_user(tenant=license.tenant, contact=contact) for _ in range(2))
    another = make.license(tenant=license.tenant, product=make.product(name="Azure"), status="Suspended")
    make.license(tenant=license.tenant)
    make.assignment(license, first)
    make.assignment(license, second, is_through_group=True)
    make.assignment(another, second)
    rows = db.session.execute(of_contact(Scope(), contact.id)).all()
    assert [(row.product, bool(row.is_direct), bool(row.is_through_group)) for row in rows] == [
        ("Azure", True, False),
        ("Microsoft 365 E3", True, True),
    ]
    tenant = db.session.get_one(Tenant, license.tenant_id)
    tenant.organization = make.organization()
    db.session.commit()
    assert db.session.execute(of_contact(Scope(), contact.id)).all() == []
    assert db.session.get(Contact, contact.id) is not None
