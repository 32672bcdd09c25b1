"""Whom a restricted license or asset is hidden from: on every way to it, and whatever becomes of it."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import signed_in
from tests.support.factories import Make
from tests.support.forms import edited
from tests.webapp.assets.restricting import a_group, restrict
from webapp.extensions import db
from webapp.models import (
    FlexibleAsset,
    License,
    Role,
    User,
)


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
