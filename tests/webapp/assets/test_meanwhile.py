"""Two who edit an asset at once: what each of them saves, and what they are told."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.conftest import signed_in
from tests.support.factories import Make, asset_field
from tests.support.forms import began_with
from tests.webapp.assets.conftest import add_url, edit, form_of, keys
from webapp.extensions import db
from webapp.models import (
    AssetChange,
    AssetContact,
    FlexibleAsset,
    FlexibleAssetType,
    Organization,
)


def test_the_second_of_two_who_edit_at_once_is_told_and_nothing_is_lost(
    as_administrator: FlaskClient, app: Flask, make: Make, servers: FlexibleAssetType, organization: Organization
) -> None:
    notes, price, *_ = keys(servers)
    asset = make.asset(type=servers, organization=organization, name="One")
    other = signed_in(app, make.user(email="first@msp.example"))
    mine, theirs = form_of(as_administrator, asset.id), form_of(other, asset.id)
    edit(other, asset.id, {**theirs, "name": "Theirs", notes: "their notes", price: ""})

    answer = edit(as_administrator, asset.id, {**mine, "name": "One", notes: "my notes", price: "7"})
    assert answer.status_code == 409
    for text in ("first@msp.example", "their notes", "my notes", 'value="7"', 'value="Theirs"'):
        assert text in answer.text
    stored = db.session.get_one(FlexibleAsset, asset.id)
    assert (stored.name, stored.content[str(servers.fields[0].id)]) == ("Theirs", "their notes")

    data = {**began_with(answer.text), "name": "Theirs", notes: "my notes", price: "7"}
    assert edit(as_administrator, asset.id, data).status_code == 302
    stored = db.session.get_one(FlexibleAsset, asset.id)
    assert (stored.name, stored.content[str(servers.fields[0].id)], stored.content[str(servers.fields[1].id)]) == (
        "Theirs",
        "my notes",
        "7",
    )


def test_of_two_who_edit_different_fields_at_once_both_are_saved(
    as_administrator: FlaskClient, app: Flask, make: Make, servers: FlexibleAssetType, organization: Organization
) -> None:
    notes, price, _, backed_up, state, owners = keys(servers)
    ids = [str(field.id) for field in servers.fields]
    ann, bob = (make.contact(organization=organization, name=name) for name in ("Ann", "Bob"))
    begun = {notes: "one\r\ntwo", state: "Old", owners: [str(bob.id), str(ann.id)]}
    as_administrator.post(add_url(organization), data={"name": "One", **begun})
    asset = db.session.scalars(select(FlexibleAsset)).one()
    other = signed_in(app, make.user(email="first@msp.example"))
    mine, theirs = form_of(as_administrator, asset.id), form_of(other, asset.id)
    changed = {notes: "theirs", backed_up: "y", state: "New", owners: [str(ann.id)]}
    assert edit(other, asset.id, {**theirs, "name": "One", **changed}).status_code == 302

    assert edit(as_administrator, asset.id, {**mine, "name": "Mine", **begun, price: "7"}).status_code == 302
    stored = db.session.get_one(FlexibleAsset, asset.id)
    assert stored.name == "Mine"
    assert stored.content == dict(zip([ids[0], ids[1], ids[3], ids[4]], ["theirs", "7", True, "New"], strict=True))
    assert [tag.contact_id for tag in db.session.scalars(select(AssetContact))] == [ann.id]
    *_, last = db.session.scalars(select(AssetChange).order_by(AssetChange.id))
    assert [entry["field"] for entry in last.fields] == ["Name", "Price"]


def test_a_form_that_was_refused_still_keeps_what_others_saved(
    as_administrator: FlaskClient, make: Make, servers: FlexibleAssetType
) -> None:
    notes, price, *_ = keys(servers)
    asset = make.asset(type=servers, name="One")
    mine, theirs = form_of(as_administrator, asset.id), form_of(as_administrator, asset.id)
    edit(as_administrator, asset.id, {**theirs, "name": "One", notes: "theirs"})
    answer = edit(as_administrator, asset.id, {**mine, "name": "One", price: "1,5"})
    assert answer.status_code == 422
    assert "theirs</textarea>" in answer.text
    data = {**began_with(answer.text), "name": "One", notes: "theirs", price: "1.5"}
    assert edit(as_administrator, asset.id, data).status_code == 302
    stored = db.session.get_one(FlexibleAsset, asset.id)
    assert [stored.content[str(field.id)] for field in servers.fields[:2]] == ["theirs", "1.5"]


def test_a_form_that_does_not_say_what_it_began_with_is_not_saved(
    as_administrator: FlaskClient, make: Make, servers: FlexibleAssetType
) -> None:
    asset = make.asset(type=servers, name="One")
    assert edit(as_administrator, asset.id, {"name": "Forged"}).status_code == 409
    assert db.session.get_one(FlexibleAsset, asset.id).name == "One"


def test_what_a_form_cannot_know_is_not_taken_from_it(
    as_administrator: FlaskClient, make: Make, servers: FlexibleAssetType
) -> None:
    asset, elsewhere, other_type = (
        make.asset(type=servers),
        make.organization(),
        make.asset_type(asset_field("Foreign")),
    )
    data = {
        **form_of(as_administrator, asset.id),
        "name": "New",
        "organization_id": elsewhere.id,
        "type_id": other_type.id,
        "is_restricted": "y",
        f"field_{other_type.fields[0].id}": "smuggled",
    }
    assert edit(as_administrator, asset.id, data).status_code == 302
    stored = db.session.get_one(FlexibleAsset, asset.id)
    assert (stored.organization_id, stored.type_id, stored.is_restricted) == (asset.organization_id, servers.id, False)
    assert str(other_type.fields[0].id) not in stored.content
