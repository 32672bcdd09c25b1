"""Adding an organization, and editing one."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.support.factories import Make
from webapp.extensions import db
from webapp.models import Organization


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
    assert as_administrator.post(address, data={"name": "Contoso"}).status_code == 302
    assert stored() == ["Contoso", "Fabrikam"]
    assert as_administrator.post(address, data={"name": "FABRIKAM"}).status_code == 422
    assert stored() == ["Contoso", "Fabrikam"]
    assert [row.id for row in db.session.scalars(select(Organization).filter_by(name_folded="contoso"))] == [
        organization.id
    ]


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
