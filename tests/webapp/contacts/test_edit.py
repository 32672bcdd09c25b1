"""Adding, editing and deleting contacts, and what is locked of one that is linked."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from markupsafe import escape
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.support.factories import Make
from tests.support.forms import began_with, edited
from tests.webapp.contacts.conftest import events, kept, unlock_by_rules, users_of
from webapp.extensions import db
from webapp.models import (
    AuditEntry,
    Contact,
    ContactEmail,
    Organization,
    Tenant,
    utc_now,
)
from webapp.models.contact import SYNCED_FIELDS
from webapp.models.integration import Removal

SENT = {
    "name": "  Dora\u200b  Dean ",
    "first_name": "Dora",
    "last_name": "Dean",
    "title": "IT",
    "phone": "+49 30",
    "mobile": "+49 170",
    "email": "Dora@contoso.example",
    "emails": "dora@second.example, DORA@contoso.example\r\nd@third.example",
    "user_principal_name": "dora@contoso.onmicrosoft.com",
    "location": "Bonn",
    "notes": "First\r\n\r\n\r\nSecond\t\0line",
}


def edit(client: FlaskClient, contact: Contact, **typed: str) -> TestResponse:
    return edited(client, f"/contacts/{contact.id}/edit", typed)


def test_a_contact_is_added_with_all_its_fields(as_administrator: FlaskClient, organization: Organization) -> None:
    address = f"/organizations/{organization.id}/contacts/add"
    answer = as_administrator.post(address, data=SENT, follow_redirects=True)
    assert "Dora Dean was added." in answer.text
    contact = db.session.scalars(select(Contact)).one()
    stored = kept(contact)
    assert {field: stored[field] for field in ("title", "phone", "mobile", "location")} == {
        "title": "IT",
        "phone": "+49 30",
        "mobile": "+49 170",
        "location": "Bonn",
    }
    assert (stored["name"], stored["notes"]) == ("Dora Dean", "First\n\nSecond line")
    assert (stored["email"], stored["emails"]) == (
        "Dora@contoso.example",
        ["Dora@contoso.example", "dora@second.example", "d@third.example"],
    )
    assert {row.organization_id for row in contact.emails} == {organization.id}
    assert events() == ["Created the contact Dora Dean of Contoso"]
    for text in ("First<br>", "d@third.example", "Typed in"):
        assert text in answer.text


def test_a_name_is_made_of_first_and_last_name(as_administrator: FlaskClient, organization: Organization) -> None:
    address = f"/organizations/{organization.id}/contacts/add"
    as_administrator.post(address, data={"first_name": "Dora", "last_name": " Dean"})
    as_administrator.post(address, data={"last_name": "Reception"})
    assert list(db.session.scalars(select(Contact.name).order_by(Contact.id))) == ["Dora Dean", "Reception"]


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("name", "", "Enter the contact's name"),
        ("name", "\u200b\0 ", "Enter the contact's name"),
        ("name", "x" * 5000, "This has 5,000 characters; it may have 200."),
        ("last_name", "x" * 201, "This has 201 characters"),
        ("title", "x" * 201, "This has 201 characters"),
        ("phone", "1" * 101, "it may have 100."),
        ("mobile", "1" * 101, "it may have 100."),
        ("user_principal_name", "x" * 201, "This has 201 characters"),
        ("email", "no address", "no address is not an e-mail address."),
        ("emails", "a@b.example\nx\ny@\n", "x and y@ are not e-mail addresses."),
        ("emails", "\n".join(f"a{n}@b.example" for n in range(20_000)), "These are 20,000 e-mail addresses"),
        ("location", "x" * 201, "This has 201 characters"),
        ("notes", "x" * 10_001, "it may have 10,000."),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field_and_nothing_is_saved(
    as_administrator: FlaskClient, typed_in: Contact, field: str, text: str, words: str
) -> None:
    before = kept(typed_in)
    for address in (f"/organizations/{typed_in.organization_id}/contacts/add", f"/contacts/{typed_in.id}/edit"):
        answer = edited(as_administrator, address, {"name": "Other", "phone": "9", field: text})
        assert answer.status_code == 422
        assert words in unescape(answer.text).split(f'id="{field}-error"')[1].split("</div>")[0]
    assert kept(typed_in) == before
    assert db.session.query(Contact).count() == 1


def test_editing_changes_what_differs_and_is_logged(as_administrator: FlaskClient, typed_in: Contact) -> None:
    address = f"/contacts/{typed_in.id}/edit"
    form = as_administrator.get(address).text
    assert 'value="Cora Clark"' in form
    first = typed_in.email
    sent = began_with(form) | {"name": "Cora Clerk", "email": "new@contoso.example", "emails": first, "notes": "n"}
    assert as_administrator.post(address, data=sent).status_code == 302
    stored = kept(typed_in)
    assert (stored["name"], stored["email"], stored["notes"]) == ("Cora Clerk", "new@contoso.example", "n")
    assert sorted(stored["emails"]) == sorted([first, "new@contoso.example"])
    assert "new@contoso.example" in stored["search_folded"]
    entry = db.session.scalars(select(AuditEntry)).one()
    assert entry.event == "Changed the contact Cora Clark of Contoso"
    assert [change["field"] for change in entry.details["changed"]] == ["name", "emails", "notes"]
    as_administrator.post(address, data=sent)
    assert len(events()) == 1


def test_what_microsoft_told_and_nobody_could_type_keeps_nobody_from_editing_the_rest(
    as_administrator: FlaskClient, make: Make, organization: Organization
) -> None:
    """A mailbox may have hundreds of addresses, some of which are none elsewhere."""
    addresses = ["Dora@Contoso.EXAMPLE", "dora@server", *(f"alias{number}@contoso.example" for number in range(60))]
    told = {"name": "D  " + "e" * 250, "title": "t" * 250, "user_principal_name": "u" * 300}
    contact = make.contact(organization=organization, email=addresses[0], unlinked_at=utc_now(), **told)
    contact.emails += [ContactEmail(organization_id=organization.id, address=address) for address in addresses[1:]]
    db.session.commit()
    left_alone = {**told, "email": addresses[0], "emails": "\r\n".join(addresses[1:])}
    assert edit(as_administrator, contact, **left_alone, notes="Left in May").status_code == 302
    stored = kept(contact)
    assert (stored["emails"], {field: stored[field] for field in told}) == (addresses, told)
    [entry] = db.session.scalars(select(AuditEntry))
    assert [change["field"] for change in entry.details["changed"]] == ["notes"]

    fewer = {**left_alone, "email": "dora@server", "emails": "\n".join([*addresses[3:], "new@contoso.example"])}
    assert edit(as_administrator, contact, **fewer).status_code == 302
    assert kept(contact)["emails"] == ["dora@server", *addresses[3:], "new@contoso.example"]
    more = {**fewer, "emails": "\n".join([*addresses[3:], *(f"more{number}@contoso.example" for number in range(4))])}
    assert edit(as_administrator, contact, **more).status_code == 422


def test_an_address_keeps_its_row_when_only_its_case_changes(as_administrator: FlaskClient, typed_in: Contact) -> None:
    address = typed_in.email
    [row_id] = [row.id for row in typed_in.emails]
    edit(as_administrator, typed_in, name=typed_in.name, email=address.upper())
    db.session.expire_all()
    assert [(row.id, row.address.lower()) for row in typed_in.emails] == [(row_id, address)]
    edit(as_administrator, typed_in, name=typed_in.name, email="", emails="")
    assert (kept(typed_in)["email"], kept(typed_in)["emails"]) == ("", [])


def test_a_linked_contact_says_where_its_fields_come_from_and_offers_only_its_own(
    as_administrator: FlaskClient, linked: Contact
) -> None:
    html = as_administrator.get(f"/contacts/{linked.id}").text
    assert "Synced from Office 365 · <bdi>Partner tenant</bdi> · <bdi>Contoso EU</bdi> · last <time" in html
    form = as_administrator.get(f"/contacts/{linked.id}/edit").text
    assert "Locked" in form
    assert 'name="notes"' in form
    assert 'name="location"' in form
    for field in (*SYNCED_FIELDS, "emails"):
        assert f'name="{field}"' not in form


def test_a_forged_post_changes_no_locked_field(as_administrator: FlaskClient, linked: Contact) -> None:
    before = kept(linked)
    forged = {field: f"Forged {field}" for field in SYNCED_FIELDS}
    forged |= {"email": "forged@evil.example", "emails": "more@evil.example", "organization_id": "1", "id": "1"}
    forged |= {"unlinked_at": "2020-01-01", "unlinked_reason": "forged", "name_folded": "x", "search_folded": "x"}
    answer = edit(as_administrator, linked, **forged, location="Bonn", notes="New")
    assert "The other fields are locked" in as_administrator.get(answer.location or "").text
    assert kept(linked) == before | {"location": "Bonn", "notes": "New"}
    assert len(users_of(linked)) == 1


def test_a_linked_contact_s_addresses_stay_though_the_one_to_write_to_is_not_among_them(
    as_administrator: FlaskClient, linked: Contact
) -> None:
    linked.email = "elsewhere@contoso.example"
    db.session.commit()
    before = kept(linked)
    edit(as_administrator, linked, location="Berlin", notes="New")
    assert kept(linked) == before | {"notes": "New"}


def unlock_by_removal(tenant: Tenant) -> None:
    tenant.integration.disconnect(Removal.KEEP, utc_now())


@pytest.mark.parametrize("unlock", [unlock_by_rules, unlock_by_removal])
def test_what_is_linked_no_more_is_open_again(
    as_administrator: FlaskClient, linked: Contact, tenant: Tenant, unlock: Any
) -> None:
    unlock(tenant)
    db.session.commit()
    assert 'name="first_name"' in as_administrator.get(f"/contacts/{linked.id}/edit").text
    edit(as_administrator, linked, name="Ann New")
    assert kept(linked)["name"] == "Ann New"
    assert as_administrator.post(f"/contacts/{linked.id}/delete").status_code == 302


def test_an_unlinked_contact_says_since_when_and_why(as_reader: FlaskClient, unlinked: Contact) -> None:
    html = as_reader.get(f"/contacts/{unlinked.id}").text
    assert "No longer linked to Microsoft 365" in html
    assert "No longer licensed" in html
    assert "<time" in html.split("No longer linked to Microsoft 365")[1].split("No longer licensed")[0]


def test_a_contact_lists_the_licenses_that_it_holds(
    as_reader: FlaskClient, make: Make, linked: Contact, tenant: Tenant
) -> None:
    license = make.license(tenant=tenant, product=make.product(name="Microsoft 365 E3"))
    make.assignment(license, users_of(linked)[0], is_through_group=True)
    html = as_reader.get(f"/contacts/{linked.id}").text
    assert f'href="/licenses/{license.id}"' in html
    assert "Through a group" in html


def test_what_was_typed_is_escaped(as_administrator: FlaskClient, make: Make, organization: Organization) -> None:
    bad = "<script>alert(1)</script>"
    contact = make.contact(
        organization=organization, name=bad, title=bad, phone=bad, notes=bad, unlinked_at=utc_now(), unlinked_reason=bad
    )
    for address in (
        f"/contacts/{contact.id}",
        f"/contacts/{contact.id}/edit",
        f"/contacts/{contact.id}/delete",
        "/global/contacts",
        f"/organizations/{organization.id}/contacts",
    ):
        html = as_administrator.get(address).text
        assert bad not in html, address
        assert str(escape(bad)) in html, address
