"""Whose organizations somebody sees: only those that their scope includes, on every way to one."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import signed_in
from tests.support.factories import Make
from tests.support.forms import edited
from tests.webapp.organizations.reading import names, page
from webapp.access import scope_of
from webapp.extensions import db
from webapp.models import Organization, Role, User
from webapp.organizations.queries import find, listing, sidebar
from webapp.paging import count_rows


@pytest.fixture
def mine(make: Make) -> Organization:
    """The one organization that the editor is given."""
    return make.organization(name="Mine")


@pytest.fixture
def theirs(make: Make) -> Organization:
    organization = make.organization(name="Theirs")
    make.tenant(organization=organization, name="Their tenant")
    return organization


@pytest.fixture
def editor(make: Make, mine: Organization) -> User:
    return make.reader(mine, role=Role.EDITOR)


@pytest.fixture
def as_editor(app: Flask, editor: User) -> FlaskClient:
    return signed_in(app, editor)


def test_the_list_and_its_count_hold_what_the_scope_includes(
    as_editor: FlaskClient, editor: User, theirs: Organization
) -> None:
    html = page(as_editor)
    assert names(html) == ["Mine"]
    assert "1–1 of 1" in html
    assert count_rows(db.session, listing(scope_of(editor), "")) == 1
    for q in ("theirs", "their tenant"):
        assert names(page(as_editor, q=q)) == []


def test_another_organization_is_not_found(
    as_editor: FlaskClient, editor: User, mine: Organization, theirs: Organization
) -> None:
    address = f"/organizations/{theirs.id}"
    assert as_editor.get(f"/organizations/{mine.id}").status_code == 200
    assert as_editor.get(address).status_code == 404
    assert as_editor.get(f"{address}/edit").status_code == 404
    assert as_editor.post(f"{address}/edit", data={"name": "Taken over"}).status_code == 404
    assert as_editor.get(f"{address}/office-365-licenses").status_code == 404
    assert as_editor.post(f"{address}/archive").status_code == 403
    assert find(db.session, scope_of(editor), theirs.id) is None
    assert db.session.get_one(Organization, theirs.id).name == "Theirs"
    assert db.session.get_one(Organization, theirs.id).archived_at is None


def test_the_sidebar_counts_within_the_scope(
    app: Flask, make: Make, editor: User, mine: Organization, theirs: Organization
) -> None:
    for organization in (mine, theirs):
        make.license(organization=organization)
        make.contact(organization=organization)
        make.contact(organization=organization)
    with app.test_request_context():
        assert [entry.count for entry in sidebar(db.session, scope_of(editor), mine)] == [2, 1]
        assert [entry.count for entry in sidebar(db.session, scope_of(editor), theirs)] == [0, 0]


def test_a_name_that_only_a_hidden_organization_has_is_free(
    as_editor: FlaskClient, mine: Organization, theirs: Organization
) -> None:
    answer = edited(as_editor, f"/organizations/{mine.id}/edit", {"name": "Theirs"})
    assert answer.status_code == 302
    assert "Theirs" in as_editor.get(f"/organizations/{mine.id}").text
