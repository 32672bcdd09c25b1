"""The page of one organization."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from tests.support.factories import Make
from webapp.models import utc_now


def test_it_shows_its_tenants_and_sums_their_licenses(as_reader: FlaskClient, make: Make) -> None:
    organization = make.organization(name="Contoso")
    tenant = make.tenant(organization=organization, name="Contoso EU", last_synced_at=utc_now())
    make.tenant(organization=organization, name="Contoso US")
    make.license(tenant=tenant, active=1000, consumed=14)
    make.license()
    html = as_reader.get(f"/organizations/{organization.id}").get_data(as_text=True)
    for text in ("Contoso EU", "Contoso US", tenant.tenant_id, "Not synced yet", ">1,000<", ">986<"):
        assert text in html
    assert f'href="/organizations/{organization.id}/office-365-licenses?sort=-unused"' in html


@pytest.mark.parametrize(("since", "state"), [("left_out_at", "Left out"), ("gone_at", "Gone")])
def test_a_tenant_that_no_sync_reads_any_more_is_not_called_synced(
    as_reader: FlaskClient, make: Make, since: str, state: str
) -> None:
    organization = make.organization()
    ended = datetime(2026, 3, 1, tzinfo=UTC)
    make.tenant(organization=organization, last_synced_at=ended, **{since: ended})
    html = as_reader.get(f"/organizations/{organization.id}").get_data(as_text=True)
    assert re.search(rf">{state}</span> <span[^>]*>since <time[^>]*>2026-03-01<", html)
    assert ">Synced<" not in html


def test_a_tenant_of_which_only_users_are_synced_is_called_synced(as_reader: FlaskClient, make: Make) -> None:
    organization, at = make.organization(), datetime(2026, 3, 1, tzinfo=UTC)
    make.tenant(organization=organization, integration=make.integration(sync_licenses=False), users_synced_at=at)
    html = as_reader.get(f"/organizations/{organization.id}").get_data(as_text=True)
    assert ">Synced<" in html
    assert "2026-03-01" in html
    assert "Not synced yet" not in html


def test_the_sidebar_names_the_flexible_asset_types_once_there_are_any(as_reader: FlaskClient, make: Make) -> None:
    organization = make.organization()
    address = f"/organizations/{organization.id}"
    sidebar = as_reader.get(address).get_data(as_text=True).split('<nav class="card"')[1].split("</nav>")[0]
    assert "Office 365 Licenses" not in sidebar
    make.integration()
    sidebar = as_reader.get(address).get_data(as_text=True).split('<nav class="card"')[1].split("</nav>")[0]
    assert "Office 365 Licenses" in sidebar
    assert f"{address}/office-365-licenses" in sidebar


def test_without_a_tenant_only_an_administrator_is_led_to_match_one(
    as_administrator: FlaskClient, as_reader: FlaskClient, make: Make
) -> None:
    address = f"/organizations/{make.organization().id}"
    assert "Open integrations" in as_administrator.get(address).get_data(as_text=True)
    html = as_reader.get(address).get_data(as_text=True)
    assert "No tenant is matched" in html
    assert "/account/integrations" not in html


@pytest.mark.parametrize("organization_id", [0, 987654, 2**31, 10**30])
def test_an_organization_that_is_not_there_is_not_found(as_administrator: FlaskClient, organization_id: int) -> None:
    for address in (f"/organizations/{organization_id}", f"/organizations/{organization_id}/edit"):
        assert as_administrator.get(address).status_code == 404
