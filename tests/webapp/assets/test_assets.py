"""One asset: adding, editing, its history, deleting."""

from __future__ import annotations

import re
from datetime import date

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.conftest import signed_in
from tests.support.factories import Make, asset_field
from tests.webapp.assets.conftest import add_url, edit, form_of, keys
from webapp.assets import asset_views, contacts
from webapp.extensions import db
from webapp.models import (
    AssetChange,
    AssetContact,
    AuditEntry,
    ChangeKind,
    FieldKind,
    FlexibleAsset,
    FlexibleAssetType,
    Organization,
    Role,
)

NAMES = ("Ann", "Bob", "Cid", "Dan", "Eve")


def test_an_asset_is_added_with_a_value_of_each_kind(
    as_administrator: FlaskClient, make: Make, servers: FlexibleAssetType, organization: Organization
) -> None:
    ann, bob = (make.contact(organization=organization, name=name) for name in ("Ann", "Bob"))
    notes, price, bought, backed_up, state, owners = keys(servers)
    data = {
        "name": "SRV<1>",
        notes: "one\r\ntwo",
        price: "12.50",
        bought: "2026-01-31",
        backed_up: "y",
        state: "Old",
        owners: [str(ann.id), str(bob.id)],
    }
    answer = as_administrator.post(add_url(organization), data=data)
    asset = db.session.scalars(select(FlexibleAsset)).one()
    assert answer.location == f"/assets/{asset.id}"
    ids = [str(field.id) for field in servers.fields]
    assert asset.content == dict(
        zip(ids, ["one\ntwo", "12.50", date(2026, 1, 31).isoformat(), True, "Old"], strict=False)
    )
    assert asset.search_folded == "srv<1> one two 12.50 2026-01-31 old"
    page = as_administrator.get(answer.location).text
    for text in ("SRV&lt;1&gt;", "one\ntwo", "12.50", "2026-01-31", "Yes", "Old", f"/contacts/{ann.id}", "Bob"):
        assert text in page
    change = db.session.scalars(select(AssetChange)).one()
    assert (change.kind, change.asset_id, change.run_id) == (ChangeKind.CREATED, asset.id, None)
    assert {entry["field"]: entry["to"] for entry in change.fields}["Owners"] == "Ann, Bob"


@pytest.mark.parametrize(
    ("index", "value"),
    [(1, "1,5"), (2, "31.1.2026"), (4, "Newest"), (0, "x" * 5001), (5, "987654"), (5, "x"), (5, "-1"), (5, "9" * 30)],
)
def test_what_does_not_fit_a_field_is_refused_and_nothing_saved(
    as_administrator: FlaskClient, servers: FlexibleAssetType, organization: Organization, index: int, value: str
) -> None:
    answer = as_administrator.post(add_url(organization), data={"name": "One", keys(servers)[index]: value})
    assert answer.status_code == 422
    assert "invalid-feedback" in answer.text
    assert db.session.scalars(select(FlexibleAsset)).all() == []


@pytest.mark.parametrize("name", ["", " \0", "x" * 201, "x" * 5000])
def test_a_name_is_needed(
    as_administrator: FlaskClient, servers: FlexibleAssetType, organization: Organization, name: str
) -> None:
    assert as_administrator.post(add_url(organization), data={"name": name}).status_code == 422


def test_a_contact_of_another_organization_is_refused(
    as_administrator: FlaskClient, make: Make, servers: FlexibleAssetType, organization: Organization
) -> None:
    foreign = make.contact()
    answer = as_administrator.post(add_url(organization), data={"name": "One", keys(servers)[5]: [str(foreign.id)]})
    assert answer.status_code == 422
    assert foreign.name not in answer.text
    assert db.session.scalars(select(AssetContact)).all() == []


def test_required_fields_are_required(as_administrator: FlaskClient, make: Make, organization: Organization) -> None:
    kinds = (FieldKind.TEXT, FieldKind.SELECT, FieldKind.CONTACTS)
    kind = make.asset_type(
        *(asset_field(each.value, each, is_required=True, options=["A"]) for each in kinds), slug="servers"
    )
    answer = as_administrator.post(add_url(organization), data={"name": "One"})
    assert answer.text.count("invalid-feedback d-block") == len(kind.fields)


def test_an_edit_that_changes_nothing_writes_nothing(
    as_administrator: FlaskClient, make: Make, servers: FlexibleAssetType, organization: Organization
) -> None:
    as_administrator.post(add_url(organization), data={"name": "One", keys(servers)[0]: "same"})
    asset = db.session.scalars(select(FlexibleAsset)).one()
    changed_at = asset.changed_at
    data = {**form_of(as_administrator, asset.id), "name": "One", keys(servers)[0]: "same"}
    assert edit(as_administrator, asset.id, data).status_code == 302
    assert db.session.get_one(FlexibleAsset, asset.id).changed_at == changed_at
    assert len(db.session.scalars(select(AssetChange)).all()) == 1


def test_the_history_tells_who_changed_what_from_what_to_what(
    app: Flask, make: Make, servers: FlexibleAssetType, organization: Organization
) -> None:
    ann = make.contact(organization=organization, name="Ann <script>")
    client = signed_in(app, make.user(email="editor@msp.example", role=Role.EDITOR))
    asset = make.asset(type=servers, organization=organization, name="One", content={str(servers.fields[1].id): "5"})
    notes, price, _, backed_up, _, owners = keys(servers)
    data = {**form_of(client, asset.id), "name": "Two", notes: "", price: "6", backed_up: "y", owners: [str(ann.id)]}
    assert edit(client, asset.id, data).status_code == 302
    change = db.session.scalars(select(AssetChange)).one()
    assert (change.who, change.kind) == ("editor@msp.example", ChangeKind.CHANGED)
    assert change.fields == [
        {"field": "Name", "from": "One", "to": "Two"},
        {"field": "Price", "from": "5", "to": "6"},
        {"field": "Backed up", "from": "", "to": "Yes"},
        {"field": "Owners", "from": "", "to": "Ann <script>"},
    ]
    page = client.get(f"/assets/{asset.id}").text
    assert "Ann &lt;script&gt;" in page
    assert "Ann <script>" not in page
    assert "editor@msp.example" in page


def test_in_a_large_organization_contacts_are_found_by_search_with_and_without_script(
    as_administrator: FlaskClient,
    make: Make,
    servers: FlexibleAssetType,
    organization: Organization,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(contacts, "MOST_LISTED", 3)
    people = [make.contact(organization=organization, name=f"{name} Person") for name in NAMES]
    make.contact(name="Dan Person elsewhere")
    owners, field_id = keys(servers)[5], servers.fields[5].id
    page = as_administrator.get(add_url(organization)).text
    assert "Bob Person" not in page
    assert "data-choices-url" in page
    found = as_administrator.get(f"/organizations/{organization.id}/assets/contacts?q=person+dan").json
    assert [option["value"] for option in found or ()] == [str(people[3].id)]
    data = {"name": "Typed already", owners: [str(people[1].id)], "find": str(field_id), f"q_{field_id}": "person dan"}
    answer = as_administrator.post(add_url(organization), data=data)
    assert answer.status_code == 200
    assert re.search(rf'<option selected value="{people[1].id}">', answer.text)
    assert f'value="{people[3].id}">Dan Person' in answer.text
    assert "Typed already" in answer.text
    assert "elsewhere" not in answer.text
    assert '<div class="form-hint" role="status">1 contact found.' in answer.text
    monkeypatch.setattr(contacts, "MOST_FOUND", 2)
    monkeypatch.setattr(asset_views, "MOST_FOUND", 2)
    answer = as_administrator.post(add_url(organization), data={**data, f"q_{field_id}": "person"})
    assert "The first 2 contacts found." in answer.text
    assert db.session.scalars(select(FlexibleAsset)).all() == []
    data = {"name": "Now", owners: [str(people[1].id), str(people[3].id)]}
    as_administrator.post(add_url(organization), data=data)
    assert len(db.session.scalars(select(AssetContact)).all()) == 2


@pytest.mark.parametrize(
    ("role", "may_edit", "may_delete"),
    [
        (Role.MANAGER, True, True),
        (Role.EDITOR, True, True),
        (Role.CREATOR, True, False),
        (Role.READ_ONLY, False, False),
    ],
)
def test_each_role_does_what_it_may(
    app: Flask, make: Make, servers: FlexibleAssetType, role: Role, may_edit: bool, may_delete: bool
) -> None:
    asset = make.asset(type=servers)
    client = signed_in(app, make.user(role=role))
    assert client.get(f"/assets/{asset.id}").status_code == 200
    assert client.get(f"/assets/{asset.id}/edit").status_code == (200 if may_edit else 403)
    add = f"/organizations/{asset.organization_id}/assets/servers/add"
    assert client.post(add, data={"name": "New"}).status_code == (302 if may_edit else 403)
    assert client.get(f"/assets/{asset.id}/security").status_code == (200 if may_delete else 403)
    assert client.get(f"/assets/{asset.id}/delete").status_code == (200 if may_delete else 403)
    assert client.post(f"/assets/{asset.id}/delete").status_code == (303 if may_delete else 403)
    assert ("security-settings" in client.get(f"/assets/{make.asset(type=servers).id}/edit").text) is may_delete


def test_an_asset_is_deleted_with_its_history_and_the_audit_log_keeps_what_it_held(
    as_administrator: FlaskClient, make: Make, servers: FlexibleAssetType
) -> None:
    asset = make.asset(type=servers, name="Gone", content={str(servers.fields[0].id): "kept in the log"})
    organization_id = asset.organization_id
    assert "deleted for ever" in as_administrator.get(f"/assets/{asset.id}/delete").text
    answer = as_administrator.post(f"/assets/{asset.id}/delete")
    assert answer.location == f"/organizations/{organization_id}/assets/servers"
    assert db.session.scalars(select(FlexibleAsset)).all() == []
    entry = db.session.scalars(select(AuditEntry)).one()
    assert entry.details["fields"] == {"Name": "Gone", "Notes": "kept in the log"}


def test_nobody_adds_a_license_by_hand(as_administrator: FlaskClient, make: Make, organization: Organization) -> None:
    make.integration()
    address = f"/organizations/{organization.id}/assets/office-365-licenses"
    assert as_administrator.get(address).location.endswith("/office-365-licenses")
    for answer in (as_administrator.get(f"{address}/add"), as_administrator.post(f"{address}/add", data={"name": "x"})):
        assert answer.status_code == 403
        assert "by hand" in answer.text


@pytest.mark.parametrize(
    "address",
    [
        "/assets/987654",
        "/assets/99999999999999999999",
        "/organizations/987654/assets/servers",
        "/organizations/987654/assets/servers/add",
        "/global/assets/nothing",
        "/global/assets/%00",
        "/assets/987654/history",
        "/assets/987654/security",
        "/licenses/987654/edit",
        "/licenses/987654/figures",
        "/licenses/987654/history",
    ],
)
def test_what_is_not_there_is_not_found(
    as_administrator: FlaskClient, servers: FlexibleAssetType, address: str
) -> None:
    assert as_administrator.get(address).status_code == 404
