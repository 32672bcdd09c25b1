"""The fields of a type: adding, changing, ordering, archiving."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from tests.support.browser import HTMX
from tests.support.factories import Make, asset_field
from tests.support.forms import began_with, edited
from webapp.assets import fields
from webapp.extensions import db
from webapp.models import AssetContact, AssetField, FieldKind, FlexibleAsset, FlexibleAssetType

INDEX = "/account/flexible-asset-types"


def names(kind: FlexibleAssetType) -> list[str]:
    db.session.rollback()
    return [field.name for field in fields.active(db.session.get_one(FlexibleAssetType, kind.id))]


@pytest.mark.parametrize("kind", [kind.value for kind in FieldKind])
def test_a_field_of_each_kind_is_added_behind_the_others(as_administrator: FlaskClient, make: Make, kind: str) -> None:
    type = make.asset_type(asset_field("First"))
    data = {"name": "  Second\0 ", "kind": kind, "options": "One\n\n two \r\nONE\nThree", "is_required": "y"}
    assert as_administrator.post(f"{INDEX}/{type.id}/fields/add", data=data).status_code == 303
    assert names(type) == ["First", "Second"]
    field = db.session.get_one(FlexibleAssetType, type.id).fields[1]
    assert field.kind == kind
    assert field.options == (["One", "two", "Three"] if kind == "select" else [])
    assert field.is_required is (kind != "checkbox")


@pytest.mark.parametrize(
    "values",
    [
        {"name": ""},
        {"name": "x" * 5000},
        {"name": "SERIAL"},
        {"name": "name"},
        {"kind": "formula"},
        {"kind": ""},
        {"kind": "select", "options": " \n\n"},
        {"kind": "select", "options": "x" * 101},
        {"kind": "select", "options": "\n".join(map(str, range(201)))},
        {"kind": "select", "options": "\n".join(map(str, range(100_000)))},
    ],
)
def test_a_field_that_makes_no_sense_is_refused(
    as_administrator: FlaskClient, make: Make, values: dict[str, str]
) -> None:
    type = make.asset_type(asset_field("Serial"))
    data = {"name": "New", "kind": "text", "options": "", **values}
    answer = as_administrator.post(f"{INDEX}/{type.id}/fields/add", data=data)
    assert answer.status_code in {422, 413}
    assert names(type) == ["Serial"]


def test_a_type_has_so_many_fields_and_no_more_until_one_is_archived(
    as_administrator: FlaskClient, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fields, "MOST_FIELDS", 2)
    type = make.asset_type(asset_field("One"), asset_field("Two"))
    data = {"name": "Three", "kind": "text"}
    assert "may have 2 fields" in as_administrator.post(f"{INDEX}/{type.id}/fields/add", data=data).text
    one = type.fields[0]
    as_administrator.post(f"{INDEX}/{type.id}/fields/{one.id}/archive")
    as_administrator.post(f"{INDEX}/{type.id}/fields/add", data=data)
    assert names(type) == ["Two", "Three"]
    as_administrator.post(f"{INDEX}/{type.id}/fields/{one.id}/bring-back")
    assert names(type) == ["Two", "Three"]


def test_fields_are_ordered_by_their_buttons_with_and_without_script(as_administrator: FlaskClient, make: Make) -> None:
    type = make.asset_type(asset_field("One"), asset_field("Two"), asset_field("Three"))
    one, _, three = type.fields
    base = f"{INDEX}/{type.id}/fields"
    assert as_administrator.post(f"{base}/{three.id}/move", data={"way": "up"}).status_code == 303
    assert names(type) == ["One", "Three", "Two"]
    partial = as_administrator.post(f"{base}/{one.id}/move", data={"way": "down"}, headers=HTMX)
    assert names(type) == ["Three", "One", "Two"]
    assert "<html" not in partial.text
    assert partial.text.index("Three") < partial.text.index(">One<") < partial.text.index(">Two<")
    as_administrator.post(f"{base}/{three.id}/move", data={"way": "up"})
    assert names(type) == ["Three", "One", "Two"]
    assert as_administrator.post(f"{base}/{three.id}/move", data={"way": "sideways"}).status_code == 400


@pytest.mark.parametrize("kind", [FieldKind.TEXT, FieldKind.CHECKBOX, FieldKind.CONTACTS])
def test_the_kind_of_a_field_that_has_values_stays(as_administrator: FlaskClient, make: Make, kind: FieldKind) -> None:
    type = make.asset_type(asset_field("Serial", kind))
    field = type.fields[0]
    edit = f"{INDEX}/{type.id}/fields/{field.id}/edit"
    asset = make.asset(type=type)
    if kind == FieldKind.CONTACTS:
        contact = make.contact(organization=asset.organization)
        db.session.add(AssetContact(asset_id=asset.id, field_id=field.id, contact_id=contact.id))
    else:
        asset.content = {str(field.id): False if kind == FieldKind.CHECKBOX else "abc"}
    db.session.commit()
    answer = edited(as_administrator, edit, {"name": "Serial", "kind": "number"})
    assert answer.status_code == 422
    assert "Assets have values in this field" in answer.text
    assert db.session.get_one(AssetField, field.id).kind == kind
    assert edited(as_administrator, edit, {"name": "Renamed", "kind": kind.value}).status_code == 303


def test_the_kind_of_a_field_without_values_changes(as_administrator: FlaskClient, make: Make) -> None:
    type = make.asset_type(asset_field("Serial"), asset_field("Other"))
    field, other = type.fields
    make.asset(type=type, content={str(other.id): "text"})
    edit = f"{INDEX}/{type.id}/fields/{field.id}/edit"
    assert edited(as_administrator, edit, {"name": "Serial", "kind": "number"}).status_code == 303
    assert db.session.get_one(AssetField, field.id).kind == FieldKind.NUMBER


def test_an_option_that_is_removed_keeps_old_values_readable(as_administrator: FlaskClient, make: Make) -> None:
    type = make.asset_type(asset_field("State", FieldKind.SELECT, options=["New", "Old"]))
    field = type.fields[0]
    asset = make.asset(type=type, content={str(field.id): "Old"})
    data = {"name": "State", "kind": "select", "options": "New\nNewer"}
    edited(as_administrator, f"{INDEX}/{type.id}/fields/{field.id}/edit", data)
    assert ">Old<" in as_administrator.get(f"/assets/{asset.id}").text
    form = as_administrator.get(f"/assets/{asset.id}/edit").text
    assert "Old (no longer offered)" in form
    assert '<option selected value="Old">' in form


def test_an_archived_field_is_in_no_form_and_what_it_held_is_kept(as_administrator: FlaskClient, make: Make) -> None:
    type = make.asset_type(asset_field("Serial"), asset_field("Model"))
    serial, model = type.fields
    asset = make.asset(type=type, name="Box", content={str(serial.id): "needle", str(model.id): "M1"})
    list_url = f"/organizations/{asset.organization_id}/assets/{type.slug}"
    base = f"{INDEX}/{type.id}/fields/{serial.id}"
    as_administrator.post(f"{base}/archive")
    page = as_administrator.get(f"/assets/{asset.id}/edit").text
    assert f"field_{serial.id}" not in page
    data = {"name": "Renamed", f"field_{model.id}": "M2", f"field_{serial.id}": "forged", **began_with(page)}
    assert as_administrator.post(f"/assets/{asset.id}/edit", data=data).status_code == 302
    stored = db.session.get_one(FlexibleAsset, asset.id)
    assert stored.content == {str(serial.id): "needle", str(model.id): "M2"}
    assert "Renamed" not in as_administrator.get(list_url, query_string={"q": "needle"}).text
    as_administrator.post(f"{base}/bring-back")
    assert "Renamed" in as_administrator.get(list_url, query_string={"q": "needle"}).text
    assert "needle" in as_administrator.get(f"/assets/{asset.id}").text


def test_a_form_of_a_field_shows_it_as_it_is_stored_an_option_a_line(as_administrator: FlaskClient, make: Make) -> None:
    type = make.asset_type(asset_field("State", FieldKind.SELECT, options=["New", "Old"], is_required=True))
    page = as_administrator.get(f"{INDEX}/{type.id}/fields/{type.fields[0].id}/edit").text
    assert "New\nOld</textarea>" in page
    assert 'value="State"' in page
    assert '<option selected value="select">' in page
    assert re.search(r"<input[^>]*\bchecked\b[^>]*name=\"is_required\"", page)
