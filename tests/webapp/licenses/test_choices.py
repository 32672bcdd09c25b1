"""What the filters offer: all where there are few, what is typed where there are many, nothing that is hidden."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.support.factories import Make
from tests.support.forms import options
from tests.webapp.licenses.reading import GLOBAL, organization_of
from webapp import choices as shared
from webapp.access import EVERYTHING, scope_of
from webapp.extensions import db
from webapp.licenses import choices
from webapp.licenses.filters import Filters


@pytest.fixture
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "MOST_LISTED", 2)
    monkeypatch.setattr(shared, "MOST_FOUND", 2)


def test_what_has_no_visible_license_is_not_offered(as_reader: FlaskClient, make: Make) -> None:
    tenant = make.tenant(organization=make.organization(name="Contoso"), name="Contoso EU")
    make.license(tenant=tenant, product=make.product(name="Office 365 E5"))
    make.organization(name="Without a tenant")
    make.license(tenant=make.tenant(name="Unmatched"), product=make.product(name="Only unmatched"))
    html = as_reader.get(GLOBAL).get_data(as_text=True)
    assert options(html, "organization") == ["Contoso"]
    assert options(html, "tenant") == ["Contoso EU"]
    assert options(html, "product") == ["Office 365 E5"]
    assert options(html, "status") == ["Enabled", "In grace", "Suspended", "Deleted", "Locked out", "Gone"]


@pytest.mark.parametrize("value", ["contoso.onmicrosoft.com", "CONTOSO.example", "Contoso EU"])
def test_a_tenant_that_is_chosen_by_a_name_or_domain_is_shown_once(make: Make, value: str) -> None:
    domains = {"default_domain": "contoso.example", "domains": "contoso.example\ncontoso.onmicrosoft.com"}
    make.license(tenant=make.tenant(organization=make.organization(), name="Contoso\nEU", **domains))
    _, tenants, *_ = choices.filters_shown(db.session, EVERYTHING, Filters.made_of(tenant=[value]))
    assert [(option.text, option.is_chosen) for option in tenants.options] == [("Contoso EU", True)]


def test_the_domains_of_tenants_are_read_for_those_alone_that_are_chosen(make: Make, count_queries: list[str]) -> None:
    name = make.license().tenant.name
    for chosen, times in (([], 0), ([name], 1)):
        count_queries.clear()
        choices.filters_shown(db.session, EVERYTHING, Filters.made_of(tenant=chosen))
        assert sum("tenant.domains" in statement.partition("FROM")[0] for statement in count_queries) == times


def test_what_is_out_of_scope_is_not_offered(make: Make) -> None:
    mine, theirs = make.license(), make.license()
    scope = scope_of(make.reader(organization_of(mine)))
    filters = Filters.made_of(organization=[str(theirs.tenant.organization_id)])
    shown = {filter.kind: filter for filter in choices.filters_shown(db.session, scope, filters)}
    assert [option.value for option in shown["tenant"].options] == [str(mine.tenant_id)]
    assert [option.value for option in shown["product"].options] == [mine.sku_id]
    names = [option.text for option in shown["organization"].options]
    assert theirs.tenant.organization.name not in names  # type: ignore[union-attr]
    for kind, q in (("organization", "organization"), ("tenant", "tenant"), ("product", "product")):
        assert len(choices.found(db.session, scope, kind, q)) == 1
        assert len(choices.found(db.session, EVERYTHING, kind, q)) == 2


def test_an_organizations_list_offers_its_own_tenants_and_products(as_reader: FlaskClient, make: Make) -> None:
    mine, _ = make.license(), make.license()
    html = as_reader.get(f"/organizations/{mine.tenant.organization_id}/office-365-licenses").get_data(as_text=True)
    assert options(html, "tenant") == [mine.tenant.name]
    assert options(html, "product") == [mine.product.name]


def test_two_of_one_name_are_told_apart(as_reader: FlaskClient, make: Make) -> None:
    for part_number in ("M365_F1", "M365_F1_COMM"):
        make.license(product=make.product(name="Microsoft 365 F1", part_number=part_number))
    html = as_reader.get(GLOBAL).get_data(as_text=True)
    assert options(html, "product") == ["Microsoft 365 F1 (M365_F1)", "Microsoft 365 F1 (M365_F1_COMM)"]


@pytest.mark.usefixtures("few_are_many")
def test_a_filter_with_very_many_entries_holds_the_chosen_ones_and_asks_for_others(
    as_reader: FlaskClient, make: Make
) -> None:
    chosen, *_ = (make.license(organization=make.organization(name=f"Contoso {number}")) for number in range(3))
    html = as_reader.get(GLOBAL, query_string={"organization": "contoso 0"}).get_data(as_text=True)
    assert options(html, "organization") == ["Contoso 0"]
    assert f'<option value="{chosen.tenant.organization_id}" selected>' in html
    assert 'data-choices-url="/licenses/choices/organization"' in html


def test_choices_are_found_by_every_word(as_reader: FlaskClient, make: Make) -> None:
    tenant = make.tenant(organization=make.organization(name="Contoso Straße"), name="Contoso EU")
    license = make.license(tenant=tenant, product=make.product(name="Microsoft 365 E3", part_number="SPE_E3"))
    make.license()

    def found(kind: str, q: str) -> object:
        return as_reader.get(f"/licenses/choices/{kind}", query_string={"q": q}).get_json()

    organization_id = str(tenant.organization_id)
    assert found("organization", "STRASSE contoso") == [{"value": organization_id, "text": "Contoso Straße"}]
    assert found("tenant", "eu") == [{"value": str(tenant.id), "text": "Contoso EU"}]
    assert found("product", "spe_e3") == [{"value": license.sku_id, "text": "Microsoft 365 E3"}]
    assert found("product", "nothing") == []
    assert found("product", "a\0%_\\") == []


@pytest.mark.usefixtures("few_are_many")
def test_no_more_is_found_than_somebody_reads(as_reader: FlaskClient, make: Make) -> None:
    for _ in range(3):
        make.license()
    assert len(as_reader.get("/licenses/choices/product?q=product").get_json()) == 2


def test_choices_within_an_organization_are_its_own(as_reader: FlaskClient, make: Make) -> None:
    mine, _ = make.license(), make.license()
    address = f"/licenses/choices/product?q=product&within={mine.tenant.organization_id}"
    assert [choice["value"] for choice in as_reader.get(address).get_json()] == [mine.sku_id]


@pytest.mark.parametrize("address", ["/licenses/choices/status", "/licenses/choices/tenant?within=987654"])
def test_choices_of_what_is_not_there_are_not_found(as_reader: FlaskClient, address: str) -> None:
    assert as_reader.get(address).status_code == 404
