"""Security settings: choosing who may see a license or an asset, and who may choose it."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.conftest import signed_in
from tests.support.factories import Make
from tests.support.forms import began_with, edited, opened
from tests.webapp.assets.restricting import a_group, address_of, restrict
from webapp.extensions import db
from webapp.models import (
    AssetAccess,
    AssetChange,
    AuditArea,
    AuditEntry,
    ChangeKind,
    FlexibleAsset,
    License,
    OrganizationGrant,
    Role,
    User,
    UserGroup,
)


def is_restricted(record: License | FlexibleAsset) -> bool:
    """As it is stored."""
    db.session.expire_all()
    return record.is_restricted


def test_settings_are_stored_told_in_the_history_and_in_the_audit_log_and_taken_back(
    as_administrator: FlaskClient, make: Make, record: License | FlexibleAsset
) -> None:
    user = make.user(email="lite@msp.example", role=Role.LITE)
    group = a_group(user)
    data = {"who": "named", "users": [str(user.id)], "groups": [str(group.id)]}
    address = address_of(record)
    assert edited(as_administrator, address, data).status_code == 303
    assert is_restricted(record)
    change = db.session.scalars(select(AssetChange)).one()
    assert change.kind == ChangeKind.SECURITY
    told = {"from": "Everyone in the organization", "to": "lite@msp.example, the group Sales"}
    assert change.fields == [{"field": "Seen by", **told}]
    entry = db.session.scalars(select(AuditEntry)).one()
    assert entry.area == AuditArea.RIGHTS
    assert edited(as_administrator, address, data).status_code == 303
    assert len(db.session.scalars(select(AssetChange)).all()) == 1, "the same again is no change"
    page = as_administrator.get(address).text
    assert f'value="{user.id}" checked' in page
    assert edited(as_administrator, address, {"who": "everyone", "users": [str(user.id)]}).status_code == 303
    assert not is_restricted(record)
    assert db.session.scalars(select(AssetAccess)).all() == []


def test_who_may_not_see_one_record_any_more_still_sees_the_others(as_administrator: FlaskClient, make: Make) -> None:
    user, group = make.user(role=Role.LITE), a_group()
    changed = make.license()
    others: list[License | FlexibleAsset] = [make.asset(), make.license(), make.asset()]
    for record in (changed, *others):
        restrict(record, user, group)
    assert edited(as_administrator, address_of(changed), {"who": "named", "groups": [str(group.id)]}).status_code == 303
    db.session.expire_all()
    named = {
        (access.license_id, access.asset_id)
        for access in db.session.scalars(select(AssetAccess).where(AssetAccess.user_id == user.id))
    }
    assert named == {(record.id, None) if isinstance(record, License) else (None, record.id) for record in others}


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"who": "nobody"},
        {"who": "named"},
        {"who": "named", "users": ["987654"]},
        {"who": "named", "users": ["x"]},
        {"who": "named", "users": ["-1"]},
        {"who": "named", "users": ["9" * 40]},
        {"who": "named", "groups": ["987654"]},
        {"who": "named", "users": [str(number) for number in range(1, 600)]},
    ],
)
def test_settings_that_make_no_sense_are_refused(
    as_administrator: FlaskClient, record: License | FlexibleAsset, data: dict[str, Any]
) -> None:
    answer = edited(as_administrator, address_of(record), data)
    assert answer.status_code == 422
    assert "invalid-feedback" in answer.text
    assert not is_restricted(record)


def test_who_would_lock_themselves_out_is_warned_first(app: Flask, make: Make, record: License | FlexibleAsset) -> None:
    editor, other = make.user(role=Role.EDITOR), make.user(role=Role.LITE)
    client, address = signed_in(app, editor), address_of(record)
    data: dict[str, Any] = {"who": "named", "users": [str(other.id)]}
    answer = edited(client, address, data)
    assert answer.status_code == 422
    assert "would not see it any more yourself" in answer.text
    assert not is_restricted(record)
    group = a_group(editor)
    assert edited(client, address, {**data, "groups": [str(group.id)]}).status_code == 303
    answer = edited(client, address, {**data, "confirm": "y"})
    assert answer.status_code == 303
    assert client.get(answer.location).status_code == 200
    assert client.get(address).status_code == 404


def named_ones(record: License | FlexibleAsset) -> set[int]:
    """The users and groups who are named."""
    key = AssetAccess.license_id if isinstance(record, License) else AssetAccess.asset_id
    rows = db.session.execute(select(AssetAccess.user_id, AssetAccess.group_id).where(key == record.id))
    return {id for row in rows for id in row if id is not None}


def test_whom_others_named_meanwhile_stays_named(
    as_administrator: FlaskClient, make: Make, record: License | FlexibleAsset
) -> None:
    user, group, address = make.user(email="lite@msp.example"), a_group(), address_of(record)
    mine = opened(as_administrator, address)
    edited(as_administrator, address, {"who": "named", "users": [str(user.id)]})
    data = {**mine, "who": "named", "groups": [str(group.id)]}
    assert as_administrator.post(address, data=data).status_code == 303
    assert named_ones(record) == {user.id, group.id}

    answer = as_administrator.post(address, data={**mine, "who": "named", "users": ["987654"]})
    assert answer.status_code == 409
    assert "Somebody else changed Users while you were editing" in answer.text
    assert "lite@msp.example</strong>" in answer.text
    assert named_ones(record) == {user.id, group.id}


def test_who_names_somebody_while_others_let_everyone_see_it_or_the_other_way_round_is_told(
    as_administrator: FlaskClient, make: Make, record: License | FlexibleAsset
) -> None:
    user, group, address = make.user(email="lite@msp.example"), a_group(name="North"), address_of(record)
    restrict(record, user)
    names, lets_see = {"who": "named", "users": [str(user.id)], "groups": [str(group.id)]}, {"who": "everyone"}
    mine = opened(as_administrator, address)
    edited(as_administrator, address, lets_see)
    answer = as_administrator.post(address, data={**mine, **names})
    assert answer.status_code == 409
    assert "Everyone in the organization</strong>" in answer.text
    assert not is_restricted(record)

    restrict(record, user)
    mine = opened(as_administrator, address)
    edited(as_administrator, address, names)
    answer = as_administrator.post(address, data={**mine, **lets_see, "users": [str(user.id)]})
    assert answer.status_code == 409
    assert "Somebody else changed Groups while you were editing" in answer.text
    assert "North</strong>" in answer.text
    assert is_restricted(record)
    again = {**began_with(answer.text), **lets_see}
    assert as_administrator.post(address, data=again).status_code == 303
    assert not is_restricted(record)


def test_an_asset_s_form_that_is_refused_shows_its_security_settings_as_they_are(
    as_administrator: FlaskClient, make: Make
) -> None:
    asset, user = make.asset(), make.user()
    restrict(asset, user)
    page = edited(as_administrator, f"/assets/{asset.id}/edit", {"name": ""})
    assert page.status_code == 422
    data = {**began_with(page.text), "who": "everyone", "users": [str(user.id)]}
    assert as_administrator.post(address_of(asset), data=data).status_code == 303
    assert not is_restricted(asset)


def test_the_page_marks_who_could_not_see_it_all_the_same(
    as_administrator: FlaskClient, make: Make, record: License | FlexibleAsset
) -> None:
    mark = "has no access to this organization"
    make.user(email="all@msp.example", role=Role.EDITOR)
    assert mark not in as_administrator.get(address_of(record)).text
    outsider = make.user(email="outsider@msp.example", role=Role.LITE)
    a_group(outsider)
    page = as_administrator.get(address_of(record)).text
    assert page.count(mark) == 1
    assert "no member has access to this organization" in page
    organization_id = record.tenant.organization_id if isinstance(record, License) else record.organization_id
    db.session.add(OrganizationGrant(organization_id=organization_id, user_id=outsider.id))
    db.session.commit()
    page = as_administrator.get(address_of(record)).text
    assert mark not in page
    assert "no member has access" not in page


@pytest.mark.parametrize("role", [Role.CREATOR, Role.READ_ONLY, Role.LITE])
def test_only_who_secures_records_reaches_the_settings(
    app: Flask, make: Make, record: License | FlexibleAsset, role: Role
) -> None:
    client = signed_in(app, make.user(role=role))
    assert client.get(address_of(record)).status_code == 403
    assert edited(client, address_of(record), {"who": "everyone"}).status_code == 403


def test_a_user_or_group_that_is_deleted_is_named_no_more_and_the_asset_stays_restricted(
    make: Make, record: License | FlexibleAsset
) -> None:
    user = make.user(role=Role.LITE)
    restrict(record, user, a_group())
    db.session.delete(db.session.get_one(User, user.id))
    db.session.delete(db.session.scalars(select(UserGroup)).one())
    db.session.commit()
    assert db.session.scalars(select(AssetAccess)).all() == []
    assert is_restricted(record)


def test_the_settings_take_as_many_queries_however_many_people(
    as_administrator: FlaskClient, make: Make, record: License | FlexibleAsset, count_queries: list[str]
) -> None:
    def queries() -> int:
        count_queries.clear()
        assert as_administrator.get(address_of(record)).status_code == 200
        return len(count_queries)

    a_group(make.user())
    before = queries()
    for number in range(5):
        a_group(make.user(), name=f"Group {number}")
    assert queries() == before
