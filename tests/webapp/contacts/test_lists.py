"""The lists of contacts: an organization's own, and everyone's."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from tests.support.browser import HTMX
from tests.support.factories import Make
from tests.support.forms import options
from tests.support.matching import move
from tests.support.turns import in_turn
from webapp import choices
from webapp.extensions import db
from webapp.models import Contact, ContactEmail, Organization, Tenant, departed, utc_now
from webapp.models.integration import Removal

from .reading import GLOBAL, exported, listed


def own(organization: Organization) -> str:
    return f"/organizations/{organization.id}/contacts"


@in_turn
def add(organization: Organization, names: list[str]) -> None:
    db.session.add_all(Contact(organization_id=organization.id, name=name) for name in names)
    db.session.commit()


def test_an_organization_lists_its_own_by_name_and_the_global_list_everyone_s(
    as_reader: FlaskClient, make: Make, organization: Organization
) -> None:
    for name in ("beta", "Alpha"):
        make.contact(organization=organization, name=name)
    make.contact(organization=make.organization(name="Other"), name="another")
    assert listed(as_reader, own(organization)) == ["Alpha", "beta"]
    assert listed(as_reader) == ["Alpha", "another", "beta"]
    assert "Other</a>" in as_reader.get(GLOBAL).text


@pytest.mark.parametrize("q", ["ÄRCHER", "archer accountant", "ann@contoso", "second.example", "ｏnmicrosoft", "100%"])
def test_a_contact_is_found_by_name_title_and_any_address(
    as_reader: FlaskClient, make: Make, organization: Organization, q: str
) -> None:
    contact = make.contact(
        organization=organization,
        name="Ann Ärcher archer 100%",
        title="Accountant",
        email="Ann@contoso.example",
        user_principal_name="ann@x.onmicrosoft.com",
    )
    contact.emails.append(ContactEmail(organization_id=organization.id, address="ann@second.example"))
    db.session.commit()
    make.contact(organization=organization, name="1000 Bob", email="bob@contoso.example")
    assert listed(as_reader, q=q) == [contact.name]
    assert listed(as_reader, own(organization), q=q) == [contact.name]


@pytest.mark.parametrize(
    ("origin", "names"),
    [
        (["linked"], ["Ann Archer"]),
        (["unlinked"], ["Bob Baker"]),
        (["typed-in"], ["Cora Clark"]),
        (["linked", "typed-in"], ["Ann Archer", "Cora Clark"]),
        (["nonsense"], ["Ann Archer", "Bob Baker", "Cora Clark"]),
    ],
)
@pytest.mark.usefixtures("linked", "unlinked", "typed_in")
def test_contacts_are_told_apart_by_where_they_come_from(
    as_reader: FlaskClient, organization: Organization, origin: list[str], names: list[str]
) -> None:
    for address in (GLOBAL, own(organization)):
        assert listed(as_reader, address, origin=origin) == names
        assert [row["name"] for row in exported(as_reader, address, origin=origin)] == names


@pytest.mark.parametrize("q", ["", "contact"])
def test_each_page_has_its_own_contacts_in_order(as_reader: FlaskClient, organization: Organization, q: str) -> None:
    names = [f"Contact {number:03}" for number in range(155)]
    add(organization, names)
    for address in (GLOBAL, own(organization)):
        pages = [listed(as_reader, address, q=q, page=number) for number in range(1, 5)]
        assert [len(page) for page in pages] == [50, 50, 50, 5]
        assert [name for page in pages for name in page] == names
        # A number beyond the end is the last page.
        assert listed(as_reader, address, q=q, page=9_999) == pages[-1]
    assert listed(as_reader, q="nobody", page=3) == []


def test_a_search_reads_the_contacts_once(
    as_reader: FlaskClient, make: Make, organization: Organization, count_queries: list[str]
) -> None:
    make.contact(organization=organization, name="Ann")
    count_queries.clear()
    assert listed(as_reader, q="ann") == ["Ann"]
    assert sum("search_folded LIKE" in statement for statement in count_queries) == 1


def test_the_last_page_is_read_from_the_end(
    as_reader: FlaskClient, organization: Organization, count_queries: list[str]
) -> None:
    add(organization, [f"Contact {number:03}" for number in range(155)])
    count_queries.clear()
    assert listed(as_reader, page=4)[-1] == "Contact 154"
    assert any("ORDER BY contact.name_folded DESC" in statement for statement in count_queries)


def test_a_contact_of_a_removed_integration_is_linked_no_more(
    as_reader: FlaskClient, linked: Contact, tenant: Tenant
) -> None:
    tenant.integration.disconnect(Removal.KEEP, utc_now())
    db.session.commit()
    assert listed(as_reader, origin="linked") == listed(as_reader, origin="typed-in") == []
    assert listed(as_reader, origin="unlinked") == ["Ann Archer"]
    html = as_reader.get(f"/contacts/{linked.id}").text
    assert "Locked" not in html
    assert "No longer linked to Microsoft 365" in html
    assert "</time>: The integration was removed. It is kept" in html
    assert 'title="The integration was removed"' in as_reader.get(GLOBAL).text
    [row] = exported(as_reader)
    removed_at = tenant.integration.disconnected_at
    assert removed_at is not None
    assert (row["linked"], row["unlinked_reason"]) == ("no", "The integration was removed")
    assert row["unlinked_at"] == removed_at.isoformat(timespec="seconds")


def test_a_contact_whose_tenant_left_is_linked_no_more_before_its_link_is_cut(
    as_reader: FlaskClient, linked: Contact, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(departed, "AT_ONCE", 0)
    move(tenant)
    assert linked.unlinked_at is None
    assert listed(as_reader, origin="linked") == listed(as_reader, origin="typed-in") == []
    assert listed(as_reader, origin="unlinked") == ["Ann Archer"]
    html = as_reader.get(f"/contacts/{linked.id}").text
    assert "No longer linked to Microsoft 365" in html
    assert "Since" not in html
    [row] = exported(as_reader)
    assert (row["linked"], row["unlinked_at"], row["unlinked_reason"]) == ("no", "", "")


def test_a_contact_that_a_removed_integration_and_another_one_link_is_linked(
    as_reader: FlaskClient, make: Make, linked: Contact, tenant: Tenant
) -> None:
    other = make.tenant(organization=linked.organization, name="Contoso US")
    make.directory_user(tenant=other, contact=linked)
    tenant.integration.disconnect(Removal.KEEP, utc_now())
    db.session.commit()
    assert listed(as_reader, origin="linked") == ["Ann Archer"]
    assert listed(as_reader, origin="unlinked") == listed(as_reader, origin="typed-in") == []
    assert "No longer linked" not in as_reader.get(f"/contacts/{linked.id}").text.split("</head>")[1]
    [row] = exported(as_reader)
    assert (row["linked"], row["unlinked_at"], row["unlinked_reason"]) == ("yes", "", "")


def test_the_global_list_is_narrowed_to_organizations(
    as_reader: FlaskClient, make: Make, organization: Organization
) -> None:
    make.contact(organization=organization, name="Ann")
    make.contact(organization=make.organization(name="Other"), name="Bob")
    make.organization(name="Without")
    for value in ("contoso", str(organization.id)):
        assert listed(as_reader, organization=value) == ["Ann"]
    assert listed(as_reader, organization="nobody") == []
    html = as_reader.get(GLOBAL, query_string={"organization": "contoso"}).text
    assert options(html, "organization") == ["Contoso", "Other"]
    assert f'value="{organization.id}" selected' in html
    assert options(as_reader.get(f"{GLOBAL}?organization=nobody").text, "organization")[-1] == "nobody"
    assert listed(as_reader, own(organization), organization="Other") == ["Ann"]


def test_very_many_organizations_are_found_as_somebody_types(
    as_reader: FlaskClient, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choices, "MOST_LISTED", 1)
    organizations = [make.contact(organization=make.organization(name=f"Contoso {n}")).organization for n in "12"]
    assert f'data-choices-url="{GLOBAL}/organizations"' in as_reader.get(GLOBAL).text
    found = as_reader.get(f"{GLOBAL}/organizations?q=CONTOSO+2").get_json()
    assert found == [{"value": str(organizations[1].id), "text": "Contoso 2"}]
    assert as_reader.get(f"{GLOBAL}/organizations", query_string={"q": "a\0%"}).get_json() == []


def test_the_export_holds_all_that_is_filtered_with_all_addresses_and_is_harmless(
    as_reader: FlaskClient, make: Make, organization: Organization, linked: Contact, unlinked: Contact
) -> None:
    make.contact(organization=organization, name="=cmd|x", email="", notes="two\nlines", phone="+49 30")
    ann, bob, formula = sorted(exported(as_reader, own(organization)), key=lambda row: row["name"].strip("'="))
    assert (ann["organization"], ann["emails"]) == ("Contoso", "ann@contoso.example; a.archer@contoso.example")
    assert (ann["linked"], ann["title"], ann["location"]) == ("yes", "Accountant", "Berlin")
    assert (bob["linked"], bob["unlinked_reason"]) == ("no", "No longer licensed")
    assert bob["unlinked_at"].startswith("20")
    assert (formula["name"], formula["phone"], formula["notes"]) == ("'=cmd|x", "'+49 30", "two\nlines")
    assert formula["emails"] == ""
    answer = as_reader.get(f"{GLOBAL}?format=csv", buffered=True)
    assert re.fullmatch(r'attachment; filename="contacts-[\d-]+\.csv"', answer.headers["Content-Disposition"])


def test_pages_hold_50_and_the_export_all(as_reader: FlaskClient, make: Make, organization: Organization) -> None:
    for number in range(51):
        make.contact(organization=organization, name=f"Contact {number:02}")
    assert len(listed(as_reader)) == 50
    assert listed(as_reader, page=2) == ["Contact 50"]
    assert len(exported(as_reader, page=2)) == 51
    for text in ("999", "9" * 40, "x", "-1", "\0"):
        assert as_reader.get(GLOBAL, query_string={"page": text}).status_code == 200


def test_the_lists_ask_the_database_equally_often_however_many_rows(
    as_reader: FlaskClient, make: Make, organization: Organization, tenant: Tenant, count_queries: list[str]
) -> None:
    def queries(address: str) -> int:
        count_queries.clear()
        assert "contact" in as_reader.get(address).text
        return len(count_queries)

    def add() -> None:
        contact = make.contact(organization=organization)
        make.directory_user(tenant=tenant, contact=contact, qualifies=True)

    addresses = (GLOBAL, own(organization), f"{GLOBAL}?format=csv")
    add()
    few = [queries(address) for address in addresses]
    for _ in range(40):
        add()
    assert [queries(address) for address in addresses] == few


def test_htmx_is_answered_with_the_table_and_a_clean_address(
    as_reader: FlaskClient, organization: Organization
) -> None:
    for address in (GLOBAL, own(organization)):
        answer = as_reader.get(f"{address}?q=contoso&page=1&origin=linked", headers=HTMX)
        assert "<html" not in answer.text
        assert answer.headers["HX-Push-Url"] == f"{address}?q=contoso&origin=linked"


def test_nothing_yet_and_nothing_found_are_told_apart(
    as_administrator: FlaskClient, as_reader: FlaskClient, organization: Organization
) -> None:
    assert "No contact yet" in as_reader.get(GLOBAL).text
    assert "Nothing matches" in as_reader.get(f"{GLOBAL}?q=x").text
    assert f"{own(organization)}/add" in as_administrator.get(own(organization)).text
    assert f"{own(organization)}/add" not in as_reader.get(own(organization)).text


def test_the_menu_and_the_sidebar_lead_to_contacts(
    as_reader: FlaskClient, make: Make, organization: Organization
) -> None:
    make.contact(organization=organization)
    html = as_reader.get(f"/organizations/{organization.id}").text
    assert f'href="{GLOBAL}"' in html
    assert f'href="{own(organization)}"' in html
