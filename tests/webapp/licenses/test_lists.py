"""The lists of licenses: everyone's and an organization's, as a page, as a partial, and as a command prints them."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner

from tests.support.browser import HTMX
from tests.support.factories import Make
from tests.webapp.licenses.reading import GLOBAL, exported, license_ids, of_organization, page, products, totals
from webapp.extensions import db
from webapp.models import utc_now


@pytest.mark.parametrize(
    "address", [GLOBAL, of_organization(1), "/licenses/1", "/licenses/choices/tenant", f"{GLOBAL}?format=csv"]
)
def test_nobody_reads_licenses_without_signing_in(client: FlaskClient, address: str) -> None:
    assert client.get(address).status_code in {302, 401}


def test_everyones_list_shows_each_license_with_its_figures(as_reader: FlaskClient, make: Make) -> None:
    organization = make.organization(name="Contoso")
    tenant = make.tenant(organization=organization, name="Contoso EU", last_synced_at=utc_now())
    make.license(tenant=tenant, product=make.product(name="Office 365 E5", part_number="ENTERPRISEPREMIUM"))
    html = page(as_reader)
    assert products(html) == ["Office 365 E5"]
    for text in ("Contoso", "Contoso EU", "ENTERPRISEPREMIUM", "Enabled", "14 of 25 consumed", "<time datetime="):
        assert text in html
    assert totals(html) == {"licenses": "1", "active": "25", "consumed": "14", "unused": "11", "over": "0"}


def test_over_and_units_that_are_not_active_are_shown(as_reader: FlaskClient, make: Make) -> None:
    make.license(active=0, consumed=1400, status="Suspended", suspended=25, locked_out=3, warning=2)
    html = page(as_reader)
    for text in ("1,400 over", "25 suspended", "3 locked out", "2 in grace"):
        assert text in html
    # With nothing active there is nothing to be a share of.
    assert "<progress" not in html


def test_a_license_that_is_gone_says_since_when(as_reader: FlaskClient, make: Make) -> None:
    now = utc_now()
    make.license(active=0, consumed=0, status="Gone", gone_at=now)
    assert f'since <time datetime="{now.isoformat()}" data-day>{now:%Y-%m-%d}</time>' in page(as_reader)


def test_an_organizations_list_holds_its_own_licenses_and_counts_the_live_ones(
    as_reader: FlaskClient, make: Make
) -> None:
    tenant = make.tenant(organization=make.organization(name="Contoso"))
    mine, gone = make.license(tenant=tenant), make.license(tenant=tenant, status="Gone", active=0, consumed=0)
    make.license()
    html = page(as_reader, of_organization(tenant.organization_id))
    assert sorted(license_ids(html)) == sorted([mine.id, gone.id])
    assert re.search(r"Office 365 Licenses<span[^>]*>1<", html)
    assert 'name="organization"' not in html


def test_an_organizations_list_takes_no_other_organization_from_the_address(as_reader: FlaskClient, make: Make) -> None:
    mine, other = make.license(), make.license()
    address = of_organization(mine.tenant.organization_id)
    assert license_ids(page(as_reader, address, organization=other.tenant.organization_id)) == [mine.id]


@pytest.mark.parametrize("organization_id", [0, 987654, 2**40, 10**30])
def test_an_organization_that_is_not_there_is_not_found(as_reader: FlaskClient, organization_id: int) -> None:
    assert as_reader.get(of_organization(organization_id)).status_code == 404


def test_what_came_from_outside_is_text(as_reader: FlaskClient, make: Make) -> None:
    name = "<script>alert('x')</script>\t\"quoted\" & 株式会社"
    license = make.license(
        tenant=make.tenant(organization=make.organization(name=name), name=name),
        product=make.product(name=name, part_number="<b>part</b>"),
        status="<i>New</i>",
    )
    for address in (GLOBAL, of_organization(license.tenant.organization_id), f"/licenses/{license.id}"):
        html = page(as_reader, address)
        assert "<script>alert" not in html
        assert "<b>part" not in html
        assert "<i>New" not in html
        assert "株式会社" in html
    assert "<script>alert" not in page(
        as_reader, q="<script>alert(1)</script>", organization="<script>alert(2)</script>"
    )


def test_a_name_of_any_length_is_clipped(as_reader: FlaskClient, make: Make) -> None:
    make.license(organization=make.organization(name="長" * 5000), product=make.product(name="L" * 5000))
    html = page(as_reader)
    assert products(html) == ["L" * 5000]
    assert re.search(r'<option value="\d+">長{99}…</option>', html)


@pytest.mark.parametrize("rows", [1, 200])
def test_a_list_asks_the_database_equally_often_however_many_rows(
    as_reader: FlaskClient, make: Make, count_queries: list[str], rows: int
) -> None:
    tenant = make.tenant(organization=make.organization())
    for _ in range(rows):
        make.license(tenant=tenant)
    count_queries.clear()
    assert len(products(page(as_reader, per_page=200))) == rows
    # Who is signed in, totals, rows, what three filters offer, whether the one for what is disconnected is there, and
    # the flexible asset types of the navigation.
    assert len([statement for statement in count_queries if statement.startswith("SELECT")]) == 8
    count_queries.clear()
    as_reader.get(GLOBAL, query_string={"per_page": 200}, headers=HTMX)
    assert len([statement for statement in count_queries if statement.startswith("SELECT")]) == 3


def test_htmx_is_answered_with_the_table_and_a_clean_address(as_reader: FlaskClient, make: Make) -> None:
    make.license(organization=make.organization(name="Contoso"))
    answer = as_reader.get(f"{GLOBAL}?q=contoso&organization=&status=in+grace&status=Enabled&page=1", headers=HTMX)
    html = answer.get_data(as_text=True)
    assert "<html" not in html
    assert 'id="filters"' not in html
    assert len(products(html)) == 1
    assert answer.headers["HX-Push-Url"] == f"{GLOBAL}?q=contoso&status=Warning&status=Enabled"


def test_a_list_that_is_asked_for_from_what_is_no_address_is_answered(as_reader: FlaskClient) -> None:
    answer = as_reader.get(f"{GLOBAL}?q=contoso", headers={**HTMX, "HX-Current-URL": "http://[bad"})
    assert (answer.status_code, answer.headers["HX-Push-Url"]) == (200, f"{GLOBAL}?q=contoso")


def test_htmx_pushes_no_address_that_is_there_already(as_reader: FlaskClient, make: Make) -> None:
    make.license()
    for query in ("", "?q=a+b&sort=-unused"):
        headers = {**HTMX, "HX-Current-URL": f"http://localhost{GLOBAL}{query}"}
        assert as_reader.get(GLOBAL + query, headers=headers).headers["HX-Push-Url"] == "false"


def test_a_page_restored_from_history_is_whole(as_reader: FlaskClient, make: Make) -> None:
    make.license()
    html = as_reader.get(GLOBAL, headers={**HTMX, "HX-History-Restore-Request": "true"}).get_data(as_text=True)
    assert "<html" in html


def test_the_form_shows_what_is_filtered(as_reader: FlaskClient, make: Make) -> None:
    license = make.license(organization=make.organization(name="Contoso"))
    make.license()
    html = page(as_reader, q='"quoted"', organization="CONTOSO", status="suspended", sort="-over", per_page=20)
    assert 'value="&#34;quoted&#34;"' in html
    assert f'<option value="{license.tenant.organization_id}" selected>Contoso</option>' in html
    assert '<option value="Suspended" selected>Suspended</option>' in html
    assert '<input type="hidden" name="sort" value="-over" form="filters">' in html
    assert '<input type="hidden" name="per_page" value="20" form="filters">' in html


def test_a_value_that_names_nothing_stays_in_the_form_and_lists_nothing(as_reader: FlaskClient, make: Make) -> None:
    make.license()
    html = page(as_reader, organization="Nobody Ltd")
    assert '<option value="Nobody Ltd" selected>Nobody Ltd</option>' in html
    assert products(html) == []


def test_a_heading_sorts_and_says_so(as_reader: FlaskClient, make: Make) -> None:
    small, large = make.license(active=5, consumed=0), make.license(active=50, consumed=0)
    html = page(as_reader, sort="-unused", q="product")
    assert license_ids(html) == [large.id, small.id]
    assert re.search(r'aria-sort="descending">\s*<a id="sort-unused"', html)
    assert html.count("aria-sort") == 1
    links = {name: unescape(url) for name, url in re.findall(r'id="sort-(\w+)" class="[^"]*" href="([^"]*)"', html)}
    assert links["unused"] == f"{GLOBAL}?q=product&sort=unused"
    assert links["active"] == f"{GLOBAL}?q=product&sort=-active"
    assert links["product"] == f"{GLOBAL}?q=product"
    assert len(links) == 9


def test_pages_are_counted_and_linked(as_reader: FlaskClient, make: Make) -> None:
    tenant = make.tenant(organization=make.organization())
    for _ in range(25):
        make.license(tenant=tenant)
    html = page(as_reader, per_page=10, page=2)
    assert "11–20 of 25" in html
    assert len(products(html)) == 10
    assert f'href="{GLOBAL}?page=3&amp;per_page=10"' in html
    assert f'href="{GLOBAL}?per_page=10"' in html


@pytest.mark.parametrize("number", ["99", "999999999999999999999"])
def test_a_page_beyond_the_end_is_the_last(as_reader: FlaskClient, make: Make, number: str) -> None:
    tenant = make.tenant(organization=make.organization())
    for _ in range(11):
        make.license(tenant=tenant)
    answer = as_reader.get(GLOBAL, query_string={"per_page": 10, "page": number}, headers=HTMX)
    assert "11–11 of 11" in answer.get_data(as_text=True)
    assert answer.headers["HX-Push-Url"] == f"{GLOBAL}?page=2&per_page=10"


@pytest.mark.parametrize(
    "value", ["\0", "a\0b", "x" * 5000, "'", "%", "\\", "-1", "9" * 30, "²", "\ud83d", "🦄", "{{7*7}}"]
)
@pytest.mark.parametrize(
    "name", ["q", "organization", "tenant", "product", "status", "sort", "page", "per_page", "format"]
)
def test_no_value_in_an_address_is_an_error(as_reader: FlaskClient, make: Make, name: str, value: str) -> None:
    make.license()
    value = value.encode("utf-8", "replace").decode()
    for headers in ({}, HTMX):
        assert as_reader.get(GLOBAL, query_string={name: value}, headers=headers).status_code == 200


def test_a_byte_that_is_no_text_is_no_error(as_reader: FlaskClient, make: Make) -> None:
    assert as_reader.get(f"{GLOBAL}?q=%ff%fe&organization=%00&tenant=%ed%a0%80").status_code == 200


def test_page_export_and_command_list_the_same_in_the_same_order(
    app: Flask, as_reader: FlaskClient, run_command: FlaskCliRunner, make: Make
) -> None:
    for number in range(30):
        make.license(
            organization=make.organization(name=f"{'Contoso' if number % 2 else 'Fabrikam'} {number % 7}"),
            product=make.product(name=f"Product {number % 5}"),
            active=number % 4 * 10,
            consumed=7,
            status="Suspended" if number % 3 else "Enabled",
        )
    filters = {"q": "contoso", "status": "Suspended", "sort": "-unused"}
    shown = license_ids(page(as_reader, **filters, per_page=200))
    rows = exported(as_reader, GLOBAL, **filters, per_page=10)
    command = ["licenses", "list", "--search", "contoso", "--status", "suspended", "--sort", "-unused", "--json"]
    printed = json.loads(run_command.invoke(args=command).stdout)
    assert len(shown) == 10
    assert [(row["organization"], row["sku_id"]) for row in rows] == [
        (row["organization"], row["sku_id"]) for row in printed
    ]
    sku_ids = {row[0]: row[1] for row in db.session.execute(db.text("SELECT id, sku_id FROM license"))}
    assert [sku_ids[number] for number in shown] == [row["sku_id"] for row in printed]
