"""A type that has a field of each kind, the forms of its assets, and what may be restricted."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.factories import Make, asset_field
from tests.support.forms import opened
from webapp.models import (
    FieldKind,
    FlexibleAsset,
    FlexibleAssetType,
    License,
    Organization,
)


@pytest.fixture
def servers(make: Make) -> FlexibleAssetType:
    return make.asset_type(
        asset_field("Notes"),
        asset_field("Price", FieldKind.NUMBER),
        asset_field("Bought", FieldKind.DATE),
        asset_field("Backed up", FieldKind.CHECKBOX),
        asset_field("State", FieldKind.SELECT, options=["New", "Old"]),
        asset_field("Owners", FieldKind.CONTACTS),
        name="Servers",
        slug="servers",
    )


@pytest.fixture
def organization(make: Make) -> Organization:
    return make.organization(name="Contoso")


def keys(kind: FlexibleAssetType) -> list[str]:
    return [f"field_{field.id}" for field in kind.fields]


def add_url(organization: Organization) -> str:
    return f"/organizations/{organization.id}/assets/servers/add"


def form_of(client: FlaskClient, asset_id: int) -> dict[str, str]:
    return opened(client, f"/assets/{asset_id}/edit")


def edit(client: FlaskClient, asset_id: int, data: Mapping[str, object]) -> TestResponse:
    return client.post(f"/assets/{asset_id}/edit", data=data)


@pytest.fixture(params=["license", "asset"])
def record(request: pytest.FixtureRequest, make: Make) -> License | FlexibleAsset:
    return make.license() if request.param == "license" else make.asset()
