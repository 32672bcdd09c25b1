"""Security settings: who may see an asset, on every way to it; and the synced fields, which no post changes."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.conftest import signed_in
from tests.support.factories import Make
from tests.support.forms import began_with, edited, opened
from webapp.extensions import db
from webapp.models import (
    AssetAccess,
    AssetChange,
    AuditArea,
    AuditEntry,
    ChangeKind,
    FlexibleAsset,
    GroupMember,
    License,
    OrganizationGrant,
    Role,
    User,
    UserGroup,
    utc_now,
)

FIGURES = (
    "active",
    "consumed",
    "unused",
    "over",
    "warning",
    "suspended",
    "locked_out",
    "status",
    "sku_id",
    "sku_part_number",
)


def a_group(*members: User, name: str = "Sales") -> UserGroup:
    group = UserGroup(name=name)
    db.session.add(group)
    db.session.flush()
    db.session.add_all(GroupMember(group_id=group.id, user_id=member.id) for member in members)
    db.session.commit()
    return group


def restrict(record: License | FlexibleAsset, *named: User | UserGroup) -> None:
    record.is_restricted = True
    key = "license_id" if isinstance(record, License) else "asset_id"
    for one in named:
        column = "user_id" if isinstance(one, User) else "group_id"
        db.session.add(AssetAccess(**{key: record.id, column: one.id}))
    db.session.commit()


def is_restricted(record: License | FlexibleAsset) -> bool:
    """As it is stored."""
    db.session.expire_all()
    return record.is_restricted


def address_of(record: License | FlexibleAsset) -> str:
    return f"/licenses/{record.id}/edit" if isinstance(record, License) else f"/assets/{record.id}/security"


@pytest.fixture(params=["license", "asset"])
def record(request: pytest.FixtureRequest, make: Make) -> License | FlexibleAsset:
    return make.license() if request.param == "license" else make.asset()


def test_the_edit_page_shows_the_synced_fields_locked_and_where_they_come_from(
    as_administrator: FlaskClient, make: Make
) -> None:
    tenant = make.tenant(
        organization=make.organization(),
        integration=make.integration(name="Partner <1>"),
        name="Contoso EU",
        last_synced_at=utc_now(),
    )
    license = make.license(tenant=tenant, consumed=28)
    page = as_administrator.get(f"/licenses/{license.id}/edit").text
    for text in (
        "Synced fields",
        "Locked",
        "Partner &lt;1&gt; · Contoso EU",
        'value="28" disabled',
        "last synced <time",
    ):
        assert text in page
    assert "Administrators and Managers always see everything" in page
    for name in FIGURES:
        assert f'name="{name}"' not in page


def test_a_forged_post_changes_nothing_that_is_synced(as_administrator: FlaskClient, make: Make) -> None:
    license, user = make.license(), make.user(role=Role.EDITOR)
    product_id, tenant_id = license.product_id, license.tenant_id
    before = {name: getattr(license, name) for name in FIGURES}
    forged: dict[str, Any] = dict.fromkeys(FIGURES, "999999")
    forged |= {"name": "Forged", "product": "Forged", "product_id": "1", "tenant_id": "1", "gone_at": "2020-01-01"}
    forged |= {"who": "named", "users": [str(user.id)]}
    assert edited(as_administrator, f"/licenses/{license.id}/edit", forged).status_code == 303
    stored = db.session.get_one(License, license.id)
    assert {name: getattr(stored, name) for name in FIGURES} == before
    assert (stored.product_id, stored.tenant_id, stored.gone_at) == (product_id, tenant_id, None)
    assert stored.is_restricted
    assert as_administrator.post(f"/licenses/{license.id}/figures", data=forged).status_code == 403
    assert as_administrator.post(f"/licenses/{license.id}", data=forged).status_code == 405


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


@pytest.fixture
def viewers(app: Flask, make: Make) -> dict[str, tuple[User, FlaskClient]]:
    """Browsers of those who differ in what they may see."""
    roles = {
        "administrator": Role.ADMINISTRATOR,
        "manager": Role.MANAGER,
        "named": Role.READ_ONLY,
        "member": Role.EDITOR,
        "other": Role.EDITOR,
    }
    users = {name: make.user(email=f"{name}@msp.example", role=role) for name, role in roles.items()}
    return {name: (user, signed_in(app, user)) for name, user in users.items()}


@pytest.mark.parametrize("viewer", ["administrator", "manager", "named", "member", "other"])
def test_a_restricted_license_is_hidden_on_every_way_to_it(
    make: Make, viewers: dict[str, tuple[User, FlaskClient]], viewer: str
) -> None:
    organization = make.organization(name="Contoso")
    tenant = make.tenant(organization=organization)
    product = make.product(name="Secret product", part_number="SECRET_PART")
    secret = make.license(tenant=tenant, product=product, active=777, consumed=70)
    make.license(tenant=tenant, product=make.product(name="Open product"), active=100, consumed=40)
    restrict(secret, viewers["named"][0], a_group(viewers["member"][0]))
    sees = viewer != "other"
    client = viewers[viewer][1]

    def shows(address: str, text: str = "Secret product") -> bool:
        answer = client.get(address)
        assert answer.status_code == 200, address
        return text in answer.text

    own = f"/organizations/{organization.id}/office-365-licenses"
    for address in (
        "/global/office-365-licenses",
        own,
        f"{own}?format=csv",
        "/global/office-365-licenses?format=csv",
        "/licenses/choices/product?q=secret",
        f"/licenses/choices/product?within={organization.id}",
        "/global/office-365-licenses?q=secret",
    ):
        assert shows(address) is sees, address
    assert shows(own, 'data-total="active">877<') is sees
    assert shows(own, 'data-total="active">100<') is not sees
    assert shows(f"/organizations/{organization.id}", ">877<") is sees
    assert shows("/organizations", ">877<") is sees
    assert shows(own, 'badge bg-secondary-lt ms-auto">2<') is sees
    for page in ("", "/history"):
        assert client.get(f"/licenses/{secret.id}{page}").status_code == (200 if sees else 404)
    if viewer in {"other", "member"}:
        for page in ("/edit", "/figures"):
            hidden = client.get(f"/licenses/{secret.id}{page}").status_code == 404
            assert hidden is not sees
        assert edited(client, f"/licenses/{secret.id}/edit", {"who": "everyone"}).status_code == (303 if sees else 404)


@pytest.mark.parametrize("viewer", ["administrator", "manager", "named", "member", "other"])
def test_a_restricted_asset_is_hidden_on_every_way_to_it(
    make: Make, viewers: dict[str, tuple[User, FlaskClient]], viewer: str
) -> None:
    organization, kind = make.organization(), make.asset_type(slug="servers")
    secret = make.asset(type=kind, organization=organization, name="Secret box")
    make.asset(type=kind, organization=organization, name="Open box")
    restrict(secret, viewers["named"][0], a_group(viewers["member"][0]))
    sees = viewer != "other"
    client = viewers[viewer][1]
    own = f"/organizations/{organization.id}/assets/servers"
    for address in (own, "/global/assets/servers", f"{own}?format=csv", f"{own}?q=secret"):
        assert ("Secret box" in client.get(address).text) is sees, address
    assert ('badge bg-secondary-lt ms-auto">2<' in client.get(own).text) is sees
    for page in ("", "/history", "/edit", "/security", "/delete"):
        status = client.get(f"/assets/{secret.id}{page}").status_code
        assert status == (404 if not sees else status), page
        assert status in ({200, 403} if sees else {404}), page
    if viewer == "other":
        for page in ("edit", "security", "delete"):
            assert client.post(f"/assets/{secret.id}/{page}", data={"name": "x", "who": "everyone"}).status_code == 404


def test_who_is_named_still_needs_the_organization(app: Flask, make: Make, record: License | FlexibleAsset) -> None:
    outsider = make.user(role=Role.LITE)
    restrict(record, outsider)
    address = f"/licenses/{record.id}" if isinstance(record, License) else f"/assets/{record.id}"
    assert signed_in(app, outsider).get(address).status_code == 404


def test_a_license_moves_with_its_tenant_and_stays_restricted(
    app: Flask, make: Make, as_administrator: FlaskClient
) -> None:
    license, editor = make.license(), make.user(role=Role.EDITOR)
    restrict(license, make.user(role=Role.LITE))
    tenant = license.tenant
    tenant.unmatch()
    db.session.commit()
    tenant.match(make.organization())
    db.session.commit()
    assert db.session.get_one(License, license.id).is_restricted
    assert signed_in(app, editor).get(f"/licenses/{license.id}").status_code == 404
    assert as_administrator.get(f"/licenses/{license.id}").status_code == 200


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
