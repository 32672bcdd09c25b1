"""Whose contacts somebody sees and may touch, on every way to one."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import signed_in
from tests.support.factories import Make
from webapp.extensions import db
from webapp.models import Contact, Organization, OrganizationGrant, Role

from .reading import GLOBAL, exported, listed


@pytest.fixture
def mine(make: Make) -> Contact:
    return make.contact(organization=make.organization(name="Mine"), name="My contact")


@pytest.fixture
def theirs(make: Make) -> Contact:
    return make.contact(organization=make.organization(name="Theirs"), name="Their contact")


def given(app: Flask, make: Make, role: Role, organization: Organization) -> FlaskClient:
    """Somebody of this role who is given this organization alone."""
    user = make.user(role=role, all_organizations=False)
    db.session.add(OrganizationGrant(organization_id=organization.id, user_id=user.id))
    db.session.commit()
    return signed_in(app, user)


@pytest.mark.parametrize("role", [Role.EDITOR, Role.CREATOR, Role.LITE, Role.READ_ONLY])
def test_lists_exports_and_choices_hold_one_s_own_only(
    app: Flask, make: Make, mine: Contact, theirs: Contact, role: Role
) -> None:
    client = given(app, make, role, mine.organization)
    assert listed(client) == ["My contact"]
    for path in (GLOBAL, f"{GLOBAL}?q=contact", f"{GLOBAL}?page=9", f"{GLOBAL}?q=contact&page=9"):
        assert "1–1 of 1" in client.get(path).text, path
    assert listed(client, q="contact") == ["My contact"]
    assert [row["name"] for row in exported(client)] == ["My contact"]
    for query in ({"organization": "Theirs"}, {"organization": str(theirs.organization_id)}, {"q": "their"}):
        assert listed(client, **query) == []
        assert exported(client, **query) == []
    assert "Their contact" not in client.get(GLOBAL).text
    assert client.get(f"{GLOBAL}/organizations?q=theirs").get_json() == []


@pytest.mark.parametrize("role", [Role.EDITOR, Role.CREATOR, Role.LITE, Role.READ_ONLY])
def test_a_hidden_contact_and_a_missing_one_answer_alike(
    app: Flask, make: Make, mine: Contact, theirs: Contact, role: Role
) -> None:
    client = given(app, make, role, mine.organization)
    contact_id, organization_id = theirs.id, theirs.organization_id
    for method, path in (
        ("GET", "/contacts/{}"),
        ("GET", "/contacts/{}/edit"),
        ("POST", "/contacts/{}/edit"),
        ("GET", "/contacts/{}/delete"),
        ("POST", "/contacts/{}/delete"),
    ):
        hidden = client.open(path.format(contact_id), method=method, data={"name": "Taken over"})
        missing = client.open(path.format(987654), method=method, data={"name": "Taken over"})
        assert hidden.status_code == missing.status_code, path
        assert hidden.status_code in {403, 404}, path
    for path in ("contacts", "contacts/add", "contacts?format=csv"):
        assert client.get(f"/organizations/{organization_id}/{path}").status_code in {403, 404}
    add = client.post(f"/organizations/{organization_id}/contacts/add", data={"name": "Mine now"})
    assert add.status_code in {403, 404}
    db.session.expire_all()
    assert [contact.name for contact in db.session.query(Contact).order_by(Contact.id)] == [
        "My contact",
        "Their contact",
    ]


@pytest.mark.parametrize(
    ("role", "edits", "deletes"),
    [
        (Role.ADMINISTRATOR, 200, 200),
        (Role.MANAGER, 200, 200),
        (Role.EDITOR, 200, 200),
        (Role.CREATOR, 200, 403),
        (Role.LITE, 403, 403),
        (Role.READ_ONLY, 403, 403),
    ],
)
def test_each_role_does_what_it_may(
    app: Flask, make: Make, mine: Contact, role: Role, edits: int, deletes: int
) -> None:
    client = given(app, make, role, mine.organization)
    page, contact_id = f"/organizations/{mine.organization_id}/contacts", mine.id
    assert client.get(f"{page}/add").status_code == edits
    assert client.get(f"/contacts/{contact_id}/edit").status_code == edits
    assert client.get(f"/contacts/{contact_id}/delete").status_code == deletes
    html = client.get(f"/contacts/{contact_id}").text
    assert (f"/contacts/{contact_id}/edit" in html) == (edits == 200)
    assert (f"/contacts/{contact_id}/delete" in html) == (deletes == 200)
    assert client.post(f"/contacts/{contact_id}/delete").status_code == (302 if deletes == 200 else 403)


def test_nobody_reads_without_signing_in(client: FlaskClient, mine: Contact) -> None:
    for address in (GLOBAL, f"/contacts/{mine.id}", f"{GLOBAL}?format=csv"):
        answer = client.get(address)
        assert answer.status_code in {302, 401}
        assert "My contact" not in answer.text


@pytest.mark.parametrize("contact_id", [0, 987654, 2**31, 10**30])
def test_a_contact_that_is_not_there_is_not_found(as_administrator: FlaskClient, contact_id: int) -> None:
    for path in ("", "/edit", "/delete"):
        assert as_administrator.get(f"/contacts/{contact_id}{path}").status_code == 404
