"""The page of one license."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.support.factories import Make
from webapp.models import utc_now


def test_it_shows_figures_and_where_they_come_from(as_reader: FlaskClient, make: Make) -> None:
    tenant = make.tenant(
        organization=make.organization(name="Contoso"),
        integration=make.integration(name="Partner"),
        name="Contoso EU",
        last_synced_at=utc_now(),
    )
    product = make.product(name="Office 365 E5", part_number="ENTERPRISEPREMIUM")
    license = make.license(tenant=tenant, product=product, consumed=28, applies_to="User")
    html = as_reader.get(f"/licenses/{license.id}").get_data(as_text=True)
    for text in (
        # Each is by itself, so that two in Arabic or Hebrew keep this order.
        "Synced from Office 365 · <bdi>Partner</bdi> · <bdi>Contoso EU</bdi>",
        "Locked",
        "Office 365 E5",
        "ENTERPRISEPREMIUM",
        license.sku_id,
        tenant.tenant_id,
        f"/organizations/{tenant.organization_id}/office-365-licenses",
        'class="h1 mb-0 number-large text-warning">3<',
    ):
        assert text in html
    assert "<input" not in html.split('<main id="content"')[1]


def test_a_license_of_an_unmatched_tenant_is_not_found(as_reader: FlaskClient, make: Make) -> None:
    assert as_reader.get(f"/licenses/{make.license(tenant=make.tenant()).id}").status_code == 404


@pytest.mark.parametrize("license_id", [0, 987654, 2**31, 10**30])
def test_a_license_that_is_not_there_is_not_found(as_reader: FlaskClient, license_id: int) -> None:
    assert as_reader.get(f"/licenses/{license_id}").status_code == 404
