"""Adding an organization, and editing one."""

from __future__ import annotations

from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.conftest import signed_in
from tests.support.factories import Make
from tests.support.forms import began_with, edited, opened
from webapp.extensions import db
from webapp.models import AuditEntry, Organization, Role, utc_now


def stored() -> list[str]:
    return list(db.session.scalars(select(Organization.name).order_by(Organization.id)))


def test_an_organization_is_added(as_administrator: FlaskClient) -> None:
    answer = as_administrator.post("/organizations/add", data={"name": "Müller & Söhne"}, follow_redirects=True)
    html = answer.get_data(as_text=True)
    assert "Müller &amp; Söhne was added." in html
    assert stored() == ["Müller & Söhne"]


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("  Contoso  ", "Contoso"),
        ("Con\0to\x07so", "Contoso"),
        ("a\tb\r\nc", "a b c"),
        ("日本\u3000商事", "日本 商事"),
        ("Con\u202eto\u200bso", "Contoso"),
    ],
)
def test_a_name_is_tidied(as_administrator: FlaskClient, typed: str, name: str) -> None:
    as_administrator.post("/organizations/add", data={"name": typed})
    assert stored() == [name]


@pytest.mark.parametrize("typed", ["", "   ", "\0", "\t\r\n", "\u200b", "\u202e\u200d", "x" * 201])
def test_a_name_has_1_to_200_characters(as_administrator: FlaskClient, typed: str) -> None:
    answer = as_administrator.post("/organizations/add", data={"name": typed})
    assert "invalid-feedback" in answer.get_data(as_text=True)
    assert stored() == []


def test_a_name_of_200_characters_is_taken(as_administrator: FlaskClient) -> None:
    assert as_administrator.post("/organizations/add", data={"name": "長" * 200}).status_code == 302


@pytest.mark.parametrize("typed", ["contoso gmbh", "ＣＯＮＴＯＳＯ  GmbH"])
def test_a_name_that_another_has_is_refused(as_administrator: FlaskClient, make: Make, typed: str) -> None:
    make.organization(name="Contoso GmbH")
    answer = as_administrator.post("/organizations/add", data={"name": typed})
    assert "There is an organization with this name already." in answer.get_data(as_text=True)
    assert stored() == ["Contoso GmbH"]


def test_an_organization_is_renamed_also_in_case_only(as_administrator: FlaskClient, make: Make) -> None:
    organization = make.organization(name="contoso")
    make.organization(name="Fabrikam")
    address = f"/organizations/{organization.id}/edit"
    assert 'value="contoso"' in as_administrator.get(address).get_data(as_text=True)
    assert edited(as_administrator, address, {"name": "Contoso"}).status_code == 302
    assert stored() == ["Contoso", "Fabrikam"]
    assert edited(as_administrator, address, {"name": "FABRIKAM"}).status_code == 422
    assert stored() == ["Contoso", "Fabrikam"]
    assert [row.id for row in db.session.scalars(select(Organization).filter_by(name_folded="contoso"))] == [
        organization.id
    ]


DETAILS = {
    "name": "Contoso",
    "address": " Main Street 1 \r\n\r\n\r\n12345\tTown ",
    "phone": " +49 30\u200b 123 ",
    "domains": "Contoso.COM, www.contoso.com\r\nMÜNCHEN.example;contoso.com",
}


def details(organization: Organization) -> tuple[str, str, str, list[str]]:
    db.session.expire_all()
    domains = [row.domain for row in organization.domains]
    return organization.name, organization.address, organization.phone, domains


def test_address_phone_and_domains_are_tidied_and_shown(as_administrator: FlaskClient) -> None:
    answer = as_administrator.post("/organizations/add", data=DETAILS, follow_redirects=True)
    domains = ["contoso.com", "www.contoso.com", "münchen.example"]
    organization = db.session.scalars(select(Organization)).one()
    assert details(organization) == ("Contoso", "Main Street 1\n\n12345 Town", "+49 30 123", domains)
    for text in ("Main Street 1<br>", "12345 Town", "+49 30 123", "münchen.example"):
        assert text in answer.text


def test_editing_changes_what_was_sent_and_is_logged(as_administrator: FlaskClient, make: Make) -> None:
    as_administrator.post("/organizations/add", data=DETAILS)
    organization = db.session.scalars(select(Organization)).one()
    address = f"/organizations/{organization.id}/edit"
    typed = {"name": "Contoso", "address": "", "phone": "1", "domains": "b.example contoso.com"}
    sent = opened(as_administrator, address) | typed
    assert as_administrator.post(address, data=sent).status_code == 302
    assert details(organization) == ("Contoso", "", "1", ["contoso.com", "b.example"])
    log = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [entry.event for entry in log] == ["Created the organization Contoso", "Changed the organization Contoso"]
    assert [change["field"] for change in log[1].details["changed"]] == ["address", "phone", "domains"]
    as_administrator.post(address, data={"name": "Contoso"})
    assert details(organization) == ("Contoso", "", "1", ["contoso.com", "b.example"])
    assert len(db.session.scalars(select(AuditEntry)).all()) == 2


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("name", "x" * 5000, "The name has 5,000 characters; it may have 200."),
        ("address", "x" * 501, "The address has 501 characters; it may have 500."),
        ("phone", "1" * 101, "The phone number has 101 characters"),
        ("domains", "contoso.com not_a_domain", "not_a_domain is not a domain name."),
        ("domains", "https://contoso.com", "https://contoso.com is not a domain name."),
        (
            "domains",
            "a..b -a.example 1.2.3.4 localhost",
            "a..b, -a.example, 1.2.3.4 and localhost are not domain names.",
        ),
        ("domains", "\n".join(f"d{n}.de" for n in range(30_000)), "These are 30,000 domains; an organization may have"),
        ("domains", "x" * 5000, "…"),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field_and_nothing_is_saved(
    as_administrator: FlaskClient, make: Make, field: str, text: str, words: str
) -> None:
    organization = make.organization(name="As it is")
    for address in ("/organizations/add", f"/organizations/{organization.id}/edit"):
        answer = edited(as_administrator, address, {"name": "Other", "phone": "1", field: text})
        assert answer.status_code == 422
        assert words in unescape(answer.text).split(f'id="{field}-error"')[1].split("</div>")[0]
    assert details(organization) == ("As it is", "", "", [])
    assert stored() == ["As it is"]


def test_100_000_pasted_lines_are_refused(as_administrator: FlaskClient) -> None:
    data = {"name": "Contoso", "domains": "\n".join(f"domain{n}.example" for n in range(100_000))}
    assert as_administrator.post("/organizations/add", data=data).status_code == 413
    assert stored() == []


def test_an_archived_organization_s_name_is_told_to_be_one(as_administrator: FlaskClient, make: Make) -> None:
    make.organization(name="Contoso", archived_at=utc_now())
    answer = as_administrator.post("/organizations/add", data={"name": "contoso"})
    assert "An archived organization has this name." in answer.text


@pytest.mark.parametrize(("role", "edits", "creates"), [(Role.MANAGER, 200, 200), (Role.EDITOR, 200, 403)])
def test_who_edits_organizations_does_not_always_create_them(
    app: Flask, make: Make, role: Role, edits: int, creates: int
) -> None:
    organization = make.organization()
    client = signed_in(app, make.user(role=role))
    assert client.get(f"/organizations/{organization.id}/edit").status_code == edits
    for address in ("/organizations/add", "/organizations/import", f"/organizations/{organization.id}/archive"):
        assert client.get(address).status_code == creates, address
    assert ("/organizations/add" in client.get("/organizations").text) == (creates == 200)


def test_who_may_only_read_sees_no_button_and_is_refused(as_reader: FlaskClient, make: Make) -> None:
    organization = make.organization(name="Contoso")
    html = as_reader.get(f"/organizations/{organization.id}").get_data(as_text=True)
    assert "/edit" not in html
    for address in ("/organizations/add", f"/organizations/{organization.id}/edit"):
        assert as_reader.get(address).status_code == 403
        assert as_reader.post(address, data={"name": "Other"}).status_code == 403
    assert stored() == ["Contoso"]


def test_nobody_edits_without_signing_in(client: FlaskClient) -> None:
    assert client.post("/organizations/add", data={"name": "Contoso"}).status_code in {302, 401}
    assert stored() == []


def test_what_two_change_at_once_is_kept_or_told(app: Flask, as_administrator: FlaskClient, make: Make) -> None:
    as_administrator.post("/organizations/add", data={**DETAILS, "name": "Contoso"})
    organization = db.session.scalars(select(Organization)).one()
    address, other = f"/organizations/{organization.id}/edit", signed_in(app, make.user())
    name, street, phone, domains = details(organization)
    begun = {"name": name, "address": street.replace("\n", "\r\n"), "phone": phone, "domains": "\r\n".join(domains)}
    mine = opened(as_administrator, address)
    edited(other, address, {**begun, "phone": "theirs", "domains": "theirs.example"})

    typed = {**begun, "address": "Mine"}
    assert as_administrator.post(address, data={**mine, **typed}).status_code == 302
    assert details(organization) == (name, "Mine", "theirs", ["theirs.example"])

    typed = {**begun, "address": "Mine", "domains": "mine.example"}
    answer = as_administrator.post(address, data={**mine, **typed})
    assert answer.status_code == 409
    for text in ("Somebody else changed Domains while you were editing", "theirs.example", "mine.example</textarea>"):
        assert text in answer.text
    assert details(organization) == (name, "Mine", "theirs", ["theirs.example"])
    assert len(db.session.scalars(select(AuditEntry)).all()) == 3

    again = {**began_with(answer.text), **typed, "phone": "theirs"}
    assert as_administrator.post(address, data=again).status_code == 302
    assert details(organization) == (name, "Mine", "theirs", ["mine.example"])
