"""Account > Groups: what a group gives, its members have at once."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import signed_in
from tests.support.factories import Make
from tests.support.forms import edited, opened
from webapp.extensions import db
from webapp.models import AuditEntry, GroupMember, OrganizationGrant, Role, User, UserGroup

ADD = "/account/groups/add"


def test_a_group_gives_its_members_organizations_and_takes_them_back(
    app: Flask, as_administrator: FlaskClient, make: Make
) -> None:
    organization, user = make.organization(), make.reader()
    browser, address = signed_in(app, user), f"/organizations/{organization.id}"
    assert browser.get(address).status_code == 404
    form = {"name": "  Team   North ", "which": "chosen", "organizations": [organization.id], "members": [user.id]}
    assert as_administrator.post(ADD, data=form).status_code == 302
    group = db.session.query(UserGroup).one()
    assert group.name == "Team North"
    assert browser.get(address).status_code == 200
    out = {"name": "Team North", "which": "chosen", "members-shown": [user.id]}
    assert edited(as_administrator, f"/account/groups/{group.id}", out).status_code == 302
    assert browser.get(address).status_code == 404


def test_a_group_that_is_deleted_leaves_users_and_organizations(
    app: Flask, as_administrator: FlaskClient, make: Make
) -> None:
    organization, user = make.organization(), make.reader()
    group = make.group(user, name="North")
    make.grant(group, organization)
    assert "1 member stays a user, and loses at once" in as_administrator.get(f"/account/groups/{group.id}/delete").text
    assert as_administrator.post(f"/account/groups/{group.id}/delete").status_code == 302
    assert signed_in(app, user).get(f"/organizations/{organization.id}").status_code == 404
    assert db.session.query(GroupMember).count() == db.session.query(OrganizationGrant).count() == 0
    assert db.session.query(User).filter_by(id=user.id).count() == 1
    assert db.session.query(AuditEntry).filter_by(event="Deleted the group North").count() == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "Enter the group"),
        ("\u200b \u3164", "Enter the group"),
        ("x" * 5000, "5,000 characters"),
        ("NORTH", "named"),
    ],
)
def test_a_name_that_cannot_be_is_refused(as_administrator: FlaskClient, make: Make, name: str, message: str) -> None:
    make.group(name="North")
    other = make.group(name="Other")
    form = {"name": name, "which": "chosen"}
    for address in (ADD, f"/account/groups/{other.id}"):
        answer = edited(as_administrator, address, form)
        assert answer.status_code == 422
        assert message in answer.text
    assert {group.name for group in db.session.query(UserGroup)} == {"North", "Other"}


def test_what_changed_is_told_in_the_audit_log(as_administrator: FlaskClient, make: Make) -> None:
    group, user, organization = make.group(name="North"), make.user(role=Role.LITE), make.organization()
    form = {"name": "South", "which": "all", "members": [user.id], "organizations": [organization.id]}
    edited(as_administrator, f"/account/groups/{group.id}", form)
    entry = db.session.query(AuditEntry).one()
    assert entry.event == "Changed the group South"
    assert entry.details == {
        "name": ["North", "South"],
        "all_organizations": [False, True],
        "organizations_given": [organization.name],
        "members_added": [user.email],
    }


def test_what_others_changed_of_a_group_meanwhile_stays(as_administrator: FlaskClient, make: Make) -> None:
    group, user = make.group(name="North"), make.user()
    address, form = f"/account/groups/{group.id}", {"name": "North", "which": "chosen"}
    mine = opened(as_administrator, address)
    edited(as_administrator, address, {"name": "South", "which": "chosen"})
    assert as_administrator.post(address, data={**mine, **form, "members": [user.id]}).status_code == 302
    assert db.session.query(UserGroup).one().name == "South"
    assert db.session.query(GroupMember).one().user_id == user.id
    assert as_administrator.post(address, data={**mine, **form, "name": "West"}).status_code == 409
    assert db.session.query(UserGroup).one().name == "South"


def test_saving_what_is_so_already_is_no_change(as_administrator: FlaskClient, make: Make) -> None:
    group = make.group(name="North")
    edited(as_administrator, f"/account/groups/{group.id}", {"name": "North", "which": "chosen"})
    assert db.session.query(AuditEntry).count() == 0


def test_the_list_is_searched_and_counts(as_administrator: FlaskClient, make: Make) -> None:
    group = make.group(make.user(), make.user(), name="Team North")
    make.grant(group, make.organization())
    make.group(name="South")
    page = as_administrator.get("/account/groups?q=NORTH").text
    assert "Team North</a>" in page
    assert "South</a>" not in page
    assert 'data-label="Members">2<' in page
    assert 'data-label="Organizations">1<' in page
