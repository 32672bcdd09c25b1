"""The list of organizations."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from tests.support.browser import HTMX
from tests.support.factories import Make
from tests.webapp.organizations.reading import names, page
from webapp.extensions import db
from webapp.models import OrganizationDomain


def test_organizations_are_listed_by_name_with_their_figures(as_reader: FlaskClient, make: Make) -> None:
    make.organization(name="beta")
    alpha = make.organization(name="Alpha")
    make.license(tenant=make.tenant(organization=alpha), active=1000, consumed=1)
    make.license(tenant=make.tenant(organization=alpha), active=1, consumed=5)
    html = page(as_reader)
    assert names(html) == ["Alpha", "beta"]
    figures = [re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r'<td class="number".*?</td>', html)]
    assert figures == ["2", "2", "1,001", "6", "999", "4 over", "0", "0", "0", "0", "0", "0"]


def test_a_license_that_is_gone_is_not_counted(as_reader: FlaskClient, make: Make) -> None:
    tenant = make.tenant(organization=make.organization())
    make.license(tenant=tenant, status="Gone", active=0, consumed=0)
    assert 'data-label="Licenses">0<' in page(as_reader)


@pytest.mark.parametrize("q", ["STRASSE", "ｃafé str", "kontor.example", "株式", "100%", "a_b", "own.example café"])
def test_an_organization_is_found_by_its_name_or_its_tenants(as_reader: FlaskClient, make: Make, q: str) -> None:
    mine = make.organization(name="Café Straße 100% a_b")
    make.tenant(organization=mine, name="株式会社", default_domain="kontor.example")
    make.organization(name="Other", domains=[OrganizationDomain(domain="other.example")])
    mine.domains = [OrganizationDomain(domain="own.example"), OrganizationDomain(domain="münchen.example")]
    db.session.commit()
    make.organization(name="1000 axb")
    make.tenant(name="Café Straße 株式 of nobody")
    assert names(page(as_reader, q=q)) == ["Café Straße 100% a_b"]


def test_nothing_found_offers_to_clear(as_reader: FlaskClient, make: Make) -> None:
    make.organization()
    html = page(as_reader, q="<nothing>")
    assert "Nothing matches" in html
    assert 'value="&lt;nothing&gt;"' in html


def test_no_organization_yet_offers_to_add_one_to_who_may(
    as_administrator: FlaskClient, as_reader: FlaskClient
) -> None:
    assert "/organizations/add" in page(as_administrator)
    html = page(as_reader)
    assert "No organization yet" in html
    assert "Ask an Administrator" in html
    assert "/organizations/add" not in html
    assert "import them" not in html


def test_pages_hold_50_and_the_last_is_the_end(as_reader: FlaskClient, make: Make) -> None:
    for number in range(51):
        make.organization(name=f"Organization {number:02}")
    assert len(names(page(as_reader))) == 50
    assert names(page(as_reader, page=2)) == ["Organization 50"]
    for text in ("999", "9" * 40, "x", "-1", "\0"):
        assert as_reader.get("/organizations", query_string={"page": text}).status_code == 200


def test_htmx_is_answered_with_the_table_and_a_clean_address(as_reader: FlaskClient, make: Make) -> None:
    make.organization(name="Contoso")
    answer = as_reader.get("/organizations?q=contoso&page=1", headers=HTMX)
    assert "<html" not in answer.get_data(as_text=True)
    assert answer.headers["HX-Push-Url"] == "/organizations?q=contoso"


def test_htmx_pushes_no_address_that_is_there_already(as_reader: FlaskClient) -> None:
    for query in ("", "?q=a+b"):
        headers = {**HTMX, "HX-Current-URL": f"http://localhost/organizations{query}"}
        assert as_reader.get(f"/organizations{query}", headers=headers).headers["HX-Push-Url"] == "false"


def test_a_name_of_which_nothing_is_visible_can_be_clicked(as_reader: FlaskClient, make: Make) -> None:
    organization = make.organization(name="\u200b")
    make.license(tenant=make.tenant(organization=organization, name="\u202e"))
    link = rf'<a [^>]*href="/organizations/{organization.id}[^"]*"[^>]*>\(no visible name\)</a>'
    for address in ("/organizations", "/global/office-365-licenses"):
        assert re.search(link, as_reader.get(address).text)
    html = as_reader.get(f"/organizations/{organization.id}").text
    assert re.search(r"<h1[^>]*><span[^>]*>\(no visible name\)</span></h1>", html)
    assert 'title="\u202e">(no visible name)<' in html


def test_the_list_asks_the_database_equally_often_however_many_rows(
    as_reader: FlaskClient, make: Make, count_queries: list[str]
) -> None:
    def queries(rows: int) -> int:
        count_queries.clear()
        assert len(names(page(as_reader))) == rows
        return len(count_queries)

    make.license()
    few = queries(1)
    for _ in range(39):
        make.license()
    assert queries(40) == few
