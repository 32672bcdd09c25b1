"""The one query of licenses: who sees what, what is found, in which order."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.factories import Make
from tests.webapp.licenses.reading import organization_of
from webapp.access import EVERYTHING, scope_of
from webapp.extensions import db
from webapp.licenses.filters import SORTS, Filters
from webapp.licenses.queries import find, listing, page_of, totals
from webapp.models import utc_now
from webapp.paging import Page
from webapp.scope import Scope


def listed(scope: Scope = EVERYTHING, within: int | None = None, **values: Any) -> list[int]:
    return [row.id for row in db.session.execute(listing(scope, Filters.made_of(**values), within))]


def test_only_licenses_of_matched_tenants_are_visible(make: Make) -> None:
    visible = make.license()
    unmatched = make.license(tenant=make.tenant())
    ignored = make.license(tenant=make.tenant(ignored_at=utc_now()))
    assert listed() == [visible.id]
    assert totals(db.session, EVERYTHING, Filters()).count == 1
    assert find(db.session, EVERYTHING, visible.id).id == visible.id
    assert find(db.session, EVERYTHING, unmatched.id) is None
    assert find(db.session, EVERYTHING, ignored.id) is None


def test_what_is_out_of_scope_is_in_no_list_total_or_page(make: Make) -> None:
    mine, theirs = make.license(), make.license()
    scope = scope_of(make.reader(organization_of(mine)))
    assert listed(scope) == [mine.id]
    assert listed(scope, organization=[theirs.tenant.organization.name]) == []  # type: ignore[union-attr]
    assert listed(scope, q=theirs.product.name) == []
    assert listed(scope, within=theirs.tenant.organization_id) == []
    assert totals(db.session, scope, Filters()).count == 1
    assert find(db.session, scope, theirs.id) is None


@pytest.mark.parametrize("typed", ["istanbul çiçek", "İSTANBUL ÇİÇEK", "Istanbul"])
def test_a_name_with_the_i_of_turkish_is_found_in_small_letters_and_in_capitals(make: Make, typed: str) -> None:
    license = make.license(organization=make.organization(name="İstanbul Çiçek"))
    assert listed(q=typed) == [license.id]


def test_totals_are_of_all_that_is_filtered(make: Make) -> None:
    organization = make.organization()
    tenant = make.tenant(organization=organization)
    make.license(tenant=tenant, active=25, consumed=14)
    make.license(tenant=tenant, active=10, consumed=13)
    make.license(tenant=tenant, active=1000, consumed=0, status="Suspended")
    figures = totals(db.session, EVERYTHING, Filters.made_of(status=["Enabled"]))
    assert (figures.count, figures.active, figures.consumed, figures.unused, figures.over) == (2, 35, 27, 11, 3)


def test_totals_of_nothing_are_zero(make: Make) -> None:
    figures = totals(db.session, EVERYTHING, Filters())
    assert (figures.count, figures.active, figures.over) == (0, 0, 0)


def test_an_organization_is_chosen_by_id_or_name(make: Make) -> None:
    licenses = [make.license(organization=make.organization(name=name)) for name in ("Café Straße", "Other")]
    organization_id = licenses[0].tenant.organization_id
    for value in (str(organization_id), "Café Straße", "CAFÉ STRASSE", "ｃａｆé  straße"):
        assert listed(organization=[value]) == [licenses[0].id], value
    assert listed(organization=["Café"]) == []
    assert sorted(listed(organization=[str(organization_id), "other"])) == sorted(row.id for row in licenses)


def test_digits_are_an_id_first_and_a_name_where_nothing_has_that_id(make: Make) -> None:
    first = make.license()
    number = str(first.tenant.organization_id)
    named_alike = make.license(organization=make.organization(name=number))
    named_otherwise = make.license(organization=make.organization(name="365365365"))
    assert named_alike.tenant.organization_id != first.tenant.organization_id
    assert listed(organization=[number]) == [first.id]
    assert listed(organization=["365365365"]) == [named_otherwise.id]


def test_a_number_that_only_a_hidden_row_has_as_its_id_is_a_name(make: Make) -> None:
    theirs = make.license()
    organization_id, tenant_id = str(theirs.tenant.organization_id), str(theirs.tenant_id)
    organization = make.organization(name=organization_id)
    mine = make.license(tenant=make.tenant(organization=organization, name=tenant_id))
    scope = scope_of(make.reader(organization))
    assert listed(scope, organization=[organization_id]) == listed(scope, tenant=[tenant_id]) == [mine.id]


def test_a_tenant_is_chosen_by_id_guid_name_or_domain(make: Make) -> None:
    tenant = make.tenant(
        organization=make.organization(),
        name="日本商事",
        default_domain="Nihon.example",
        domains="nihon.example\nnihon.onmicrosoft.com\nnihon_1.example",
    )
    mine, _ = make.license(tenant=tenant), make.license()
    for value in (str(tenant.id), tenant.tenant_id.upper(), "日本商事", "nihon.example", "Nihon.onmicrosoft.com"):
        assert listed(tenant=[value]) == [mine.id], value
    for value in ("onmicrosoft.com", "nihon", "nihon.onmicrosoft", "%", "nihonx1.example", "nihon.example nihon"):
        assert listed(tenant=[value]) == [], value


def test_a_product_is_chosen_by_sku_id_part_number_or_name(make: Make) -> None:
    product = make.product(name="Microsoft 365 E3", part_number="SPE_E3")
    mine, _ = make.license(product=product), make.license()
    for value in (product.sku_id.upper(), "spe_e3", "microsoft 365 e3"):
        assert listed(product=[value]) == [mine.id], value


@pytest.mark.parametrize("kind", ["organization", "tenant", "product"])
@pytest.mark.parametrize("others", [[str(10**6 + number) for number in range(700)], [f"x{n}" for n in range(700)]])
def test_as_many_may_be_chosen_as_an_address_holds(make: Make, kind: str, others: list[str]) -> None:
    """SQLite takes expressions of a thousand parts below each other at the most."""
    license = make.license(
        tenant=make.tenant(organization=make.organization(name="Wanted"), name="Wanted"),
        product=make.product(name="Wanted"),
    )
    make.license()
    chosen: dict[str, Any] = {kind: [*others, "wanted"]}
    assert listed(**chosen) == [license.id]
    assert totals(db.session, EVERYTHING, Filters.made_of(**chosen)).count == 1


def test_a_status_that_is_not_known_yet_is_found_as_it_is_stored(make: Make) -> None:
    odd, _ = make.license(status="PendingReview"), make.license()
    assert listed(status=["pendingreview"]) == [odd.id]


@pytest.mark.parametrize("kind", ["organization", "tenant", "product", "status"])
@pytest.mark.parametrize("value", ["nothing", "0", "99999999999999999999", "２", "'; --", "%"])
def test_a_value_that_names_nothing_finds_nothing(make: Make, kind: str, value: str) -> None:
    make.license()
    chosen: dict[str, Any] = {kind: [value]}
    assert listed(**chosen) == []


@pytest.mark.parametrize(
    "q",
    [
        "contoso",
        "CONTOSO bäckerei",
        "strasse",
        "ｂäckerei",
        "株式会社",
        "spe_e3",
        "365 e3",
        "kontor.example e3",
        "own_part",
    ],
)
def test_every_word_is_found_in_organization_tenant_or_product(make: Make, q: str) -> None:
    tenant = make.tenant(
        organization=make.organization(name="Contoso Bäckerei Straße"), name="株式会社", default_domain="kontor.example"
    )
    product = make.product(name="Microsoft 365 E3", part_number="SPE_E3")
    mine, _ = make.license(tenant=tenant, product=product, sku_part_number="Own_Part"), make.license()
    assert listed(q=q) == [mine.id]


def test_a_word_that_is_found_nowhere_finds_nothing(make: Make) -> None:
    make.license(organization=make.organization(name="Contoso"))
    assert listed(q="contoso fabrikam") == []


@pytest.mark.parametrize(
    ("q", "name"),
    [("100%", "100% Wolle"), ("a_b", "a_b GmbH"), ("c\\d", "c\\d Ltd"), ("/e", "/e Inc"), ("'f\"", "'f\" Co")],
)
def test_wildcards_and_quotes_in_a_search_are_themselves(make: Make, q: str, name: str) -> None:
    mine = make.license(organization=make.organization(name=name))
    make.license(organization=make.organization(name="100x axb cxd xe xf"))
    assert listed(q=q) == [mine.id]


def test_many_words_are_no_error(make: Make) -> None:
    license = make.license(organization=make.organization(name="abcdefghijklmnopqrstuvwxyz" * 2))
    assert listed(q=" ".join("abcdefghijklmnopqrstuvwxyz0123456789"[:26] * 4)) == [license.id]
    assert listed(q=" ".join(chr(0x4E00 + number) for number in range(100))) == []


@pytest.mark.parametrize("field", ["active", "consumed", "unused", "over"])
def test_figures_sort_as_numbers_both_ways(make: Make, field: str) -> None:
    small, large, middle = (make.license(**{field: value}).id for value in (9, 1000, 20))
    assert listed(sort=field) == [small, middle, large]
    assert listed(sort=f"-{field}") == [large, middle, small]


def test_names_sort_without_regard_to_case(make: Make) -> None:
    names = ["alpha", "Beta", "ＧＡＭＭＡ", "délta", "株"]
    rows = {name: make.license(organization=make.organization(name=name)).id for name in reversed(names)}
    ordered = [rows[name] for name in ("alpha", "Beta", "délta", "ＧＡＭＭＡ", "株")]
    assert listed(sort="organization") == ordered
    assert listed(sort="-organization") == ordered[::-1]


def test_statuses_sort_by_urgency(make: Make) -> None:
    statuses = ("Enabled", "Gone", "NeverHeardOf", "Suspended", "LockedOut", "Deleted", "Warning")
    rows = {status: make.license(status=status).id for status in statuses}
    by_urgency = ["LockedOut", "Suspended", "Warning", "Deleted", "NeverHeardOf", "Enabled", "Gone"]
    assert listed(sort="status") == [rows[status] for status in by_urgency]
    assert listed(sort="-status") == [rows[status] for status in by_urgency[::-1]]


def test_never_synced_is_before_every_time(make: Make) -> None:
    moments = [None, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)]
    ids = [
        make.license(tenant=make.tenant(organization=make.organization(), last_synced_at=moment)).id
        for moment in moments
    ]
    assert listed(sort="last_synced") == ids
    assert listed(sort="-last_synced") == ids[::-1]


@pytest.mark.parametrize("sort", [*SORTS, *(f"-{field}" for field in SORTS)])
def test_pages_hold_each_row_once_though_all_are_alike(make: Make, sort: str) -> None:
    product, tenant = make.product(), make.tenant(organization=make.organization())
    ids = sorted(make.license(tenant=tenant, product=product, sku_id=f"sku-{number}").id for number in range(5))
    query = listing(EVERYTHING, Filters.made_of(sort=sort))
    pages = [[row.id for row in db.session.execute(page_of(query, Page(number, 2, 5)))] for number in (1, 2, 3)]
    assert pages == [ids[0:2], ids[2:4], ids[4:5]]


def test_within_an_organization_are_its_licenses_only(make: Make) -> None:
    mine, other = make.license(), make.license()
    within = mine.tenant.organization_id
    assert listed(within=within) == [mine.id]
    assert listed(within=within, q=other.product.name) == []


@pytest.mark.parametrize("license_id", [0, -1, 2**31, 2**70])
def test_an_id_that_no_license_can_have_finds_none(app: object, license_id: int) -> None:
    assert find(db.session, EVERYTHING, license_id) is None
