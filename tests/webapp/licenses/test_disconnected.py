"""Licenses that were kept when their integration was removed: shown, sorted, filtered and exported as such."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient, FlaskCliRunner

from tests.support.factories import Make
from tests.webapp.licenses.reading import GLOBAL, exported, products, totals
from webapp.models import Removal, Tenant, utc_now

EARLIER, LATER = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


def kept(make: Make, product: str, since: datetime = EARLIER) -> Tenant:
    """A tenant whose integration was removed, with one license."""
    integration = make.integration(name=f"Former {product}", disconnected_at=since, removal=Removal.KEEP)
    tenant = make.tenant(integration=integration, organization=make.organization(), last_synced_at=utc_now())
    make.license(tenant=tenant, product=make.product(name=product))
    return tenant


@pytest.fixture
def three(make: Make) -> None:
    kept(make, "Later", LATER)
    make.license(product=make.product(name="Live"))
    kept(make, "Earlier", EARLIER)


def since(moment: datetime) -> str:
    """As the browser gets it, which shows the day in the reader's zone."""
    return f'since <time datetime="{moment.isoformat()}" data-day>{moment:%Y-%m-%d}</time>'


def listed(client: FlaskClient, query: str = "") -> list[str]:
    return products(client.get(f"{GLOBAL}?{query}").get_data(as_text=True))


@pytest.mark.usefixtures("three")
def test_it_stays_in_the_list_marked_with_the_date(as_reader: FlaskClient) -> None:
    html = as_reader.get(GLOBAL).get_data(as_text=True)
    assert products(html) == ["Earlier", "Later", "Live"]
    assert totals(html)["licenses"] == "3"
    earlier, later, live = html.split('<td class="license-name">')[1:]
    assert "Disconnected" in earlier
    assert since(EARLIER) in earlier
    assert since(LATER) in later
    assert "Disconnected" not in live


@pytest.mark.usefixtures("three")
def test_it_is_filtered_by(as_reader: FlaskClient) -> None:
    assert listed(as_reader, "connection=disconnected") == ["Earlier", "Later"]
    assert listed(as_reader, "connection=connected") == ["Live"]
    assert listed(as_reader, "connection=connected&connection=disconnected") == ["Earlier", "Later", "Live"]
    assert listed(as_reader, "connection=whatever") == ["Earlier", "Later", "Live"]
    html = as_reader.get(f"{GLOBAL}?connection=disconnected").get_data(as_text=True)
    assert totals(html)["licenses"] == "2"


@pytest.mark.usefixtures("three")
def test_it_is_sorted_by(as_reader: FlaskClient) -> None:
    assert listed(as_reader, "sort=disconnected") == ["Live", "Earlier", "Later"]
    assert listed(as_reader, "sort=-disconnected") == ["Later", "Earlier", "Live"]


@pytest.mark.usefixtures("three")
def test_it_is_exported(as_reader: FlaskClient) -> None:
    rows = exported(as_reader, GLOBAL)
    assert {row["product"]: row["disconnected_at"] for row in rows} == {
        "Earlier": "2026-01-02T03:04:05+00:00",
        "Later": "2026-02-03T04:05:06+00:00",
        "Live": "",
    }
    assert [row["product"] for row in exported(as_reader, GLOBAL, connection="connected")] == ["Live"]


@pytest.mark.usefixtures("three")
def test_the_command_tells_of_it_and_filters_by_it(run_command: FlaskCliRunner) -> None:
    def names(*arguments: str) -> dict[str, str | None]:
        result = run_command.invoke(args=["licenses", "list", "--json", *arguments])
        return {record["name"]: record["disconnected_at"] for record in json.loads(result.stdout)}

    assert names() == {"Earlier": EARLIER.isoformat(), "Later": LATER.isoformat(), "Live": None}
    assert set(names("--connection", "disconnected")) == {"Earlier", "Later"}
    assert set(names("--connection", "connected", "--sort", "disconnected")) == {"Live"}
    assert run_command.invoke(args=["licenses", "list", "--connection", "never"]).exit_code == 2


def test_the_filter_is_offered_only_where_something_is_disconnected(as_reader: FlaskClient, make: Make) -> None:
    organization = make.organization()
    make.license(organization=organization)
    kept(make, "Elsewhere")
    own = f"/organizations/{organization.id}/office-365-licenses"
    offered = 'name="connection"'
    assert offered in as_reader.get(GLOBAL).get_data(as_text=True)
    assert offered not in as_reader.get(own).get_data(as_text=True)
    assert offered in as_reader.get(f"{own}?connection=disconnected").get_data(as_text=True)


def test_its_page_says_so_instead_of_locked(as_reader: FlaskClient, make: Make) -> None:
    tenant = kept(make, "Earlier")
    license = make.license(tenant=tenant)
    html = as_reader.get(f"/licenses/{license.id}").get_data(as_text=True)
    assert "Disconnected from Office 365" in html
    assert "2026-01-02 03:04" in html
    assert "Locked</span>" not in html
    assert "Synced fields" not in html


def test_its_organization_shows_the_tenant_as_disconnected(as_reader: FlaskClient, make: Make) -> None:
    tenant = kept(make, "Earlier")
    html = as_reader.get(f"/organizations/{tenant.organization_id}").get_data(as_text=True)
    assert "Disconnected</span>" in html
    assert since(EARLIER) in html


def test_an_empty_list_says_not_connected_where_every_integration_was_removed(
    as_administrator: FlaskClient, make: Make
) -> None:
    make.integration(disconnected_at=EARLIER, removal=Removal.KEEP)
    assert "Microsoft 365 is not connected yet" in as_administrator.get(GLOBAL).get_data(as_text=True)
