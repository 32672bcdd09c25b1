"""Lists of assets: searched, sorted, paged, exported."""

from __future__ import annotations

import csv
import io
import re

import pytest
from flask.testing import FlaskClient

from tests.support.browser import HTMX
from tests.support.factories import Make, asset_field
from webapp.extensions import db
from webapp.models import AssetContact, FieldKind, FlexibleAsset, FlexibleAssetType, Organization, fold


@pytest.fixture
def kind(make: Make) -> FlexibleAssetType:
    return make.asset_type(
        asset_field("Serial"), asset_field("Owners", FieldKind.CONTACTS), name="Servers", slug="servers"
    )


@pytest.fixture
def organization(make: Make) -> Organization:
    return make.organization(name="Contoso")


def an_asset(
    make: Make, kind: FlexibleAssetType, organization: Organization, name: str, serial: str = ""
) -> FlexibleAsset:
    content = {str(kind.fields[0].id): serial} if serial else {}
    searched = fold(f"{name} {serial}")
    return make.asset(type=kind, organization=organization, name=name, content=content, search_folded=searched)


def names(client: FlaskClient, address: str, **query: object) -> list[str]:
    page = client.get(address, query_string=query).text
    return re.findall(r'class="clip d-block fw-medium" href="/assets/\d+" title="([^"]*)"', page)


def test_a_search_finds_names_values_and_contacts(
    as_reader: FlaskClient, make: Make, kind: FlexibleAssetType, organization: Organization
) -> None:
    first = an_asset(make, kind, organization, "MÜLLER box", "abc-1")
    an_asset(make, kind, organization, "Other", "100%_x")
    contact = make.contact(organization=organization, name="Ann Owner")
    db.session.add(AssetContact(asset_id=first.id, field_id=kind.fields[1].id, contact_id=contact.id))
    db.session.commit()
    address = f"/organizations/{organization.id}/assets/servers"
    assert names(as_reader, address) == ["MÜLLER box", "Other"]
    for q in ("müller", "ABC", "ann owner", "box abc ann"):
        assert names(as_reader, address, q=q) == ["MÜLLER box"], q
    assert names(as_reader, address, q="%_") == ["Other"]
    assert names(as_reader, address, q="contoso") == []
    assert names(as_reader, "/global/assets/servers", q="contoso other") == ["Other"]
    assert "Nothing matches" in as_reader.get(address, query_string={"q": "<script>"}).text


def test_lists_are_sorted_and_paged(
    as_reader: FlaskClient, make: Make, kind: FlexibleAssetType, organization: Organization
) -> None:
    for number in range(51):
        an_asset(make, kind, organization, f"Box {number:02}")
    address = f"/organizations/{organization.id}/assets/servers"
    assert names(as_reader, address)[0] == "Box 00"
    assert names(as_reader, address, page=2) == ["Box 50"]
    assert names(as_reader, address, page=10**9) == ["Box 50"]
    assert names(as_reader, address, sort="-name")[0] == "Box 50"
    assert names(as_reader, address, sort="-changed")[0] == "Box 50"
    assert names(as_reader, address, sort="; DROP", page="x")[0] == "Box 00"
    partial = as_reader.get(address, headers=HTMX)
    assert "<html" not in partial.text


def test_one_organization_s_list_and_another_type_s_hold_only_their_own(
    as_reader: FlaskClient, make: Make, kind: FlexibleAssetType, organization: Organization
) -> None:
    other_type, elsewhere = make.asset_type(slug="other"), make.organization(name="Elsewhere")
    an_asset(make, kind, organization, "Here")
    an_asset(make, kind, elsewhere, "There")
    make.asset(type=other_type, organization=organization, name="Other type")
    assert names(as_reader, f"/organizations/{organization.id}/assets/servers") == ["Here"]
    assert names(as_reader, "/global/assets/servers") == ["Here", "There"]
    assert names(as_reader, "/global/assets/servers", sort="-organization") == ["There", "Here"]


def test_an_export_has_what_is_found_with_every_field_and_is_harmless(
    as_reader: FlaskClient, make: Make, kind: FlexibleAssetType, organization: Organization
) -> None:
    asset = an_asset(make, kind, organization, "=1+1", "+cmd|' /C calc'!A0")
    an_asset(make, kind, organization, "Other")
    for name in ("@Ann", "Bob"):
        contact = make.contact(organization=organization, name=name)
        db.session.add(AssetContact(asset_id=asset.id, field_id=kind.fields[1].id, contact_id=contact.id))
    db.session.commit()
    address = f"/organizations/{organization.id}/assets/servers"
    answer = as_reader.get(address, query_string={"format": "csv", "q": "cmd"})
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="servers-')
    header, row = csv.reader(io.StringIO(answer.text.lstrip("\ufeff")))
    assert header == ["organization", "name", "Serial", "Owners", "created_at", "changed_at"]
    assert row[:4] == ["Contoso", "'=1+1", "'+cmd|' /C calc'!A0", "'@Ann, Bob"]


def test_a_list_takes_as_many_queries_however_many_rows(
    as_reader: FlaskClient,
    make: Make,
    kind: FlexibleAssetType,
    organization: Organization,
    count_queries: list[str],
) -> None:
    def queries(address: str) -> int:
        count_queries.clear()
        assert as_reader.get(address).get_data()
        return len(count_queries)

    addresses = [
        "/global/assets/servers",
        f"/organizations/{organization.id}/assets/servers",
        "/global/assets/servers?format=csv",
    ]
    an_asset(make, kind, organization, "First")
    before = [queries(address) for address in addresses]
    for number in range(10):
        asset = an_asset(make, kind, organization, f"Box {number}")
        contact = make.contact(organization=organization)
        db.session.add(AssetContact(asset_id=asset.id, field_id=kind.fields[1].id, contact_id=contact.id))
    db.session.commit()
    assert [queries(address) for address in addresses] == before


def test_an_empty_list_offers_to_add_to_who_may(
    as_administrator: FlaskClient, as_reader: FlaskClient, kind: FlexibleAssetType, organization: Organization
) -> None:
    address = f"/organizations/{organization.id}/assets/servers"
    assert "No Servers yet" in as_reader.get(address).text
    assert f"{address}/add" not in as_reader.get(address).text
    assert f"{address}/add" in as_administrator.get(address).text


def test_a_field_s_name_is_no_formula_in_an_export(as_reader: FlaskClient, make: Make) -> None:
    make.asset_type(asset_field('=HYPERLINK("https://evil.example")'), name="Servers", slug="servers")
    exported = as_reader.get("/global/assets/servers?format=csv").data.decode("utf-8-sig")
    assert next(csv.reader(io.StringIO(exported)))[2] == '\'=HYPERLINK("https://evil.example")'
