"""Account > Flexible asset types: making, changing, archiving, and the one that nobody can edit."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.conftest import signed_in
from tests.support.factories import Make, asset_field
from tests.support.forms import edited, opened
from webapp.assets import limits, types
from webapp.extensions import db
from webapp.models import (
    OFFICE_365_LICENSES,
    AssetField,
    AuditEntry,
    FieldKind,
    FlexibleAssetType,
    Role,
    utc_now,
)

INDEX = "/account/flexible-asset-types"


def created(client: FlaskClient, name: str, **values: str) -> FlexibleAssetType | None:
    client.post(f"{INDEX}/add", data={"name": name, "icon": "server", "description": "", **values})
    return db.session.scalar(select(FlexibleAssetType).where(FlexibleAssetType.is_synced.is_(False)))


def locked(make: Make) -> FlexibleAssetType:
    make.integration()
    return db.session.scalars(select(FlexibleAssetType).where(FlexibleAssetType.is_synced)).one()


def test_a_type_is_created_listed_and_in_the_menu_and_the_sidebar(as_administrator: FlaskClient, make: Make) -> None:
    organization = make.organization()
    kind = created(as_administrator, "Servers & <Racks>")
    assert kind is not None
    assert (kind.slug, kind.icon, kind.is_synced) == ("servers-racks", "server", False)
    assert "Servers &amp; &lt;Racks&gt;" in as_administrator.get(INDEX).text
    page = as_administrator.get(f"/organizations/{organization.id}").text
    assert "/global/assets/servers-racks" in page
    assert f"/organizations/{organization.id}/assets/servers-racks" in page
    assert db.session.scalars(select(AuditEntry.event)).all() == ["Created the flexible asset type Servers & <Racks>"]


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Ünïcode  Ärger", "unicode-arger"),
        ("日本", "type"),
        ("../../etc/passwd", "etc-passwd"),
        ("Office 365-Licenses", "office-365-licenses-2"),
        ("Add", "add-2"),
        ("Contacts", "contacts-2"),
        ("Office-365-licenses!", "office-365-licenses-2"),
        ("x" * 100, "x" * 60),
        ("'; DROP TABLE user_account; --", "drop-table-user-account"),
    ],
)
def test_the_address_is_made_of_the_name_and_is_no_word_of_another(
    as_administrator: FlaskClient, name: str, slug: str
) -> None:
    kind = created(as_administrator, name)
    assert kind is not None
    assert kind.slug == slug
    assert as_administrator.get(f"/global/assets/{slug}").status_code == 200


def test_the_address_stays_when_a_type_is_renamed(as_administrator: FlaskClient, make: Make) -> None:
    kind = make.asset_type(name="Servers", slug="servers")
    typed = {"name": "Machines", "icon": "box", "description": "d"}
    assert edited(as_administrator, f"{INDEX}/{kind.id}/edit", typed).status_code == 302
    stored = db.session.get_one(FlexibleAssetType, kind.id)
    assert (stored.name, stored.slug, stored.icon, stored.description) == ("Machines", "servers", "box", "d")


@pytest.mark.parametrize(
    "values",
    [
        {"name": ""},
        {"name": "\0\u200b"},
        {"name": "x" * 101},
        {"name": "x" * 5000},
        {"name": "SERVERS"},
        {"name": "office 365 licenses"},
        {"icon": "../../../etc/passwd"},
        {"icon": ""},
        {"description": "x" * 501},
    ],
)
def test_a_type_that_makes_no_sense_is_refused(
    as_administrator: FlaskClient, make: Make, values: dict[str, str]
) -> None:
    make.asset_type(name="Servers")
    data = {"name": "Backups", "icon": "server", "description": "", **values}
    answer = as_administrator.post(f"{INDEX}/add", data=data)
    assert answer.status_code == 422
    assert "invalid-feedback" in answer.text
    assert db.session.scalars(select(FlexibleAssetType.name)).all() == ["Servers"]


def test_there_are_so_many_types_and_no_more_until_one_is_archived(
    as_administrator: FlaskClient, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(types, "MOST_TYPES", 1)
    first = make.asset_type()
    assert (
        "as many as there may be" in as_administrator.post(f"{INDEX}/add", data={"name": "Second", "icon": "box"}).text
    )
    assert as_administrator.post(f"{INDEX}/{first.id}/archive").status_code == 303
    assert as_administrator.post(f"{INDEX}/add", data={"name": "Second", "icon": "box"}).status_code == 302
    as_administrator.post(f"{INDEX}/{first.id}/bring-back")
    assert db.session.get_one(FlexibleAssetType, first.id).archived_at is not None


def test_further_pages_of_types_are_opened_as_a_whole(as_administrator: FlaskClient, make: Make) -> None:
    for number in range(51):
        make.asset_type(name=f"Type {number:02}")
    _, first = as_administrator.get(INDEX).text.split("</table>")
    assert "1–50 of 51" in first
    assert f'href="{INDEX}?page=2"' in first
    # Without it, HTMX would put the whole page where the link is.
    assert "hx-disable" in first.split("<nav")[0]


def test_an_archived_type_takes_no_assets_and_keeps_those_that_it_has(
    as_administrator: FlaskClient, make: Make
) -> None:
    kind = make.asset_type(name="Servers", slug="servers")
    asset = make.asset(type=kind)
    as_administrator.post(f"{INDEX}/{kind.id}/archive")
    organization_id = asset.organization_id
    page = as_administrator.get(f"/organizations/{organization_id}").text
    assert "assets/servers" not in page
    assert "Servers" not in as_administrator.get(INDEX).text
    assert "Servers" in as_administrator.get(f"{INDEX}?archived=1").text
    add = f"/organizations/{organization_id}/assets/servers/add"
    for answer in (as_administrator.get(add), as_administrator.post(add, data={"name": "New"})):
        assert answer.status_code == 409
    assert as_administrator.get(f"/assets/{asset.id}").status_code == 200
    as_administrator.post(f"{INDEX}/{kind.id}/bring-back")
    assert as_administrator.get(add).status_code == 200


@pytest.mark.parametrize("role", [Role.EDITOR, Role.CREATOR, Role.LITE, Role.READ_ONLY])
def test_only_who_manages_types_reaches_them(app: Flask, make: Make, role: Role) -> None:
    kind = make.asset_type(asset_field("One"))
    client = signed_in(app, make.user(role=role))
    for address in ("", "/add", f"/{kind.id}", f"/{kind.id}/edit", f"/{kind.id}/fields/add"):
        assert client.get(f"{INDEX}{address}").status_code == 403
    assert client.post(f"{INDEX}/{kind.id}/archive").status_code == 403
    assert "flexible-asset-types" not in client.get("/organizations").text


def test_the_synced_type_is_shown_locked_with_its_fields(as_administrator: FlaskClient, make: Make) -> None:
    kind = locked(make)
    assert "The integration, locked" in as_administrator.get(INDEX).text
    page = as_administrator.get(f"{INDEX}/{kind.id}").text
    for text in ("cannot be edited by anyone", "Consumed", "Locked out", "Part number"):
        assert text in page
    assert f"{INDEX}/{kind.id}/edit" not in page
    assert "<form" not in page.partition('<main id="content"')[2]


def test_nobody_edits_the_synced_type_by_any_address(app: Flask, make: Make, as_administrator: FlaskClient) -> None:
    kind = locked(make)
    other = make.asset_type(asset_field("Serial"))
    # As if somebody had put one there by hand.
    db.session.add(AssetField(type_id=kind.id, name="Smuggled", kind=FieldKind.TEXT, options=[]))
    db.session.commit()
    smuggled = db.session.scalars(select(AssetField).where(AssetField.type_id == kind.id)).one()
    base = f"{INDEX}/{kind.id}"
    form = {"name": "Forged", "icon": "box", "description": "", "kind": "text", "type_id": str(kind.id), "way": "up"}
    posts = ["edit", "archive", "bring-back", "fields/add"]
    for field_id in (smuggled.id, other.fields[0].id):
        posts += [f"fields/{field_id}/{verb}" for verb in ("edit", "move", "archive", "bring-back")]
    for path in posts:
        answer = as_administrator.post(f"{base}/{path}", data=form)
        assert answer.status_code == 403, path
        assert "locked" in answer.text, path
    for path in ("edit", "fields/add", f"fields/{smuggled.id}/edit"):
        assert as_administrator.get(f"{base}/{path}").status_code == 403, path
    stored = db.session.get_one(FlexibleAssetType, kind.id)
    assert (stored.name, stored.slug, stored.archived_at) == ("Office 365 Licenses", OFFICE_365_LICENSES, None)
    assert [field.name for field in stored.fields] == ["Smuggled"]


def test_a_field_is_reached_only_through_its_own_type_and_moves_into_no_other(
    as_administrator: FlaskClient, make: Make
) -> None:
    kind = locked(make)
    own, other = make.asset_type(asset_field("Serial")), make.asset_type(asset_field("Model"))
    field = other.fields[0]
    form = {"name": "Forged", "kind": "number", "type_id": str(kind.id), "way": "up"}
    for verb in ("edit", "move", "archive", "bring-back"):
        assert as_administrator.post(f"{INDEX}/{own.id}/fields/{field.id}/{verb}", data=form).status_code == 404
    assert edited(as_administrator, f"{INDEX}/{other.id}/fields/{field.id}/edit", form).status_code == 303
    stored = db.session.get_one(AssetField, field.id)
    assert (stored.type_id, stored.name) == (other.id, "Forged")


def test_what_others_changed_of_a_type_or_a_field_meanwhile_stays(as_administrator: FlaskClient, make: Make) -> None:
    kind = make.asset_type(asset_field("State", FieldKind.SELECT, options=["New", "Old"]), name="Servers", icon="box")
    types = f"{INDEX}/{kind.id}/edit", {"name": "Servers", "icon": "box", "description": ""}, "description"
    field = {"name": "State", "kind": "select", "options": "New\r\nOld"}
    fields = f"{INDEX}/{kind.id}/fields/{kind.fields[0].id}/edit", field, "options"
    for address, form, changed in (types, fields):
        mine = opened(as_administrator, address)
        edited(as_administrator, address, {**form, changed: "theirs"})
        assert as_administrator.post(address, data={**mine, **form, "name": "Mine"}).status_code in {302, 303}
        assert as_administrator.post(address, data={**mine, **form, "name": "Mine", changed: "x"}).status_code == 409
    stored = db.session.get_one(FlexibleAssetType, kind.id)
    assert (stored.name, stored.description) == ("Mine", "theirs")
    assert (stored.fields[0].name, stored.fields[0].options) == ("Mine", ["theirs"])


def test_the_limits_are_those_that_the_forms_tell() -> None:
    assert (limits.MOST_TYPES, limits.MOST_FIELDS, limits.MOST_OPTIONS, limits.LONGEST_NAME) == (100, 50, 200, 100)


def test_the_menu_takes_one_query_however_many_types(
    as_administrator: FlaskClient, make: Make, count_queries: list[str]
) -> None:
    def queries() -> int:
        count_queries.clear()
        assert as_administrator.get("/organizations").status_code == 200
        return len(count_queries)

    make.asset_type()
    before = queries()
    for _ in range(5):
        make.asset_type(archived_at=None)
    make.asset_type(archived_at=utc_now())
    assert queries() == before
