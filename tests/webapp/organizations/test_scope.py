"""Whose organizations somebody sees: only those that their scope includes, on every way to one."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from flask.testing import FlaskClient
from sqlalchemy import ColumnElement

from tests.support.factories import Make
from webapp import access
from webapp.access import Scope
from webapp.extensions import db
from webapp.models import Organization
from webapp.organizations.queries import find, listing, sidebar
from webapp.paging import count_rows

from .test_index import names, page


@dataclass(frozen=True)
class Only(Scope):
    """A scope of one organization."""

    organization_id: int = 0

    def includes(self) -> ColumnElement[bool]:
        return Organization.id == self.organization_id


@pytest.fixture
def mine(make: Make, monkeypatch: pytest.MonkeyPatch) -> Organization:
    """The one organization that everybody may see."""
    organization = make.organization(name="Mine")
    scope = Only(organization.id)
    monkeypatch.setattr(access, "scope_of", lambda user: scope)
    return organization


@pytest.fixture
def theirs(make: Make) -> Organization:
    organization = make.organization(name="Theirs")
    make.tenant(organization=organization, name="Their tenant")
    return organization


def test_the_list_and_its_count_hold_what_the_scope_includes(
    as_reader: FlaskClient, mine: Organization, theirs: Organization
) -> None:
    html = page(as_reader)
    assert names(html) == ["Mine"]
    assert "1–1 of 1" in html
    assert count_rows(db.session, listing(Only(mine.id), "")) == 1
    for q in ("theirs", "their tenant"):
        assert names(page(as_reader, q=q)) == []


def test_another_organization_is_not_found(
    as_administrator: FlaskClient, mine: Organization, theirs: Organization
) -> None:
    address = f"/organizations/{theirs.id}"
    assert as_administrator.get(f"/organizations/{mine.id}").status_code == 200
    assert as_administrator.get(address).status_code == 404
    assert as_administrator.get(f"{address}/edit").status_code == 404
    assert as_administrator.post(f"{address}/edit", data={"name": "Taken over"}).status_code == 404
    assert as_administrator.get(f"{address}/office-365-licenses").status_code == 404
    assert find(db.session, Only(mine.id), theirs.id) is None
    assert db.session.get_one(Organization, theirs.id).name == "Theirs"


def test_the_sidebar_counts_within_the_scope(
    as_reader: FlaskClient, make: Make, mine: Organization, theirs: Organization
) -> None:
    for organization in (mine, theirs):
        make.license(organization=organization)
    with as_reader.application.test_request_context():
        assert [entry.count for entry in sidebar(db.session, Only(mine.id), mine)] == [1]
        assert [entry.count for entry in sidebar(db.session, Only(mine.id), theirs)] == [0]
