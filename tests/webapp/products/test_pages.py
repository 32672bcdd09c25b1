"""Account > Products: the list, and names of one's own."""

from __future__ import annotations

import re
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import signed_in
from tests.support.browser import HTMX
from tests.support.factories import Make
from tests.support.forms import began_with, edited, opened
from tests.support.together import at_once, meeting
from tests.webapp.products.files import E3, LIST, UPLOAD, file, reviewed, row, sku
from webapp.extensions import db
from webapp.meanwhile import Meanwhile
from webapp.models import Product
from webapp.products import importing


def names(html: str) -> list[str]:
    return [unescape(name) for name in re.findall(r'id="product-\d+">([^<]*)<', html)]


def test_products_are_listed_by_name_with_where_it_comes_from_and_their_licenses(
    as_administrator: FlaskClient, make: Make
) -> None:
    e3 = make.product(sku_id=E3, part_number="SPE_E3", name="Microsoft 365 E3")
    make.license(product=make.product(sku_id=sku(1), part_number="BRAND_NEW", name="BRAND_NEW"))
    make.product(sku_id=sku(2), part_number="OWN", name="Ours", own_name="Ours")
    for _ in range(2):
        make.license(product=e3)
    make.license(product=e3, status="Gone")
    make.license(product=e3, tenant=make.tenant())
    html = as_administrator.get(LIST).text
    assert names(html) == ["BRAND_NEW", "Microsoft 365 E3", "Ours"]
    assert re.findall(r'<span class="badge [^"]*">([^<]*)<', html) == ["Part number", "Shipped table", "Own name"]
    assert f'href="/global/office-365-licenses?product={E3}" aria-label="2 licenses of Microsoft 365 E3"' in html
    assert 'aria-label="1 license of BRAND_NEW"' in html


@pytest.mark.parametrize("q", ["ÄLPHA", "part_1 älp", sku(77).upper()])
def test_a_product_is_found_by_name_part_number_and_sku_id(as_administrator: FlaskClient, make: Make, q: str) -> None:
    make.product(sku_id=sku(77), part_number="PART_1", name="Älpha")
    make.product(part_number="PARTX1", name="Beta")
    answer = as_administrator.get(LIST, query_string={"q": q}, headers=HTMX)
    assert names(answer.text) == ["Älpha"]
    assert "<html" not in answer.text


def test_htmx_pushes_no_address_that_is_there_already(as_administrator: FlaskClient) -> None:
    there = {**HTMX, "HX-Current-URL": f"http://localhost{LIST}?q=e3"}
    assert as_administrator.get(f"{LIST}?q=e3", headers=there).headers["HX-Push-Url"] == "false"
    assert as_administrator.get(f"{LIST}?q=e5", headers=there).headers["HX-Push-Url"] == f"{LIST}?q=e5"


def test_nothing_found_and_nothing_yet_are_told_apart(as_administrator: FlaskClient) -> None:
    assert "No product yet" in as_administrator.get(LIST).text
    assert "Nothing matches" in as_administrator.get(LIST, query_string={"q": "<x>"}).text


def test_the_list_is_paged_with_the_same_number_of_queries(
    as_administrator: FlaskClient, make: Make, count_queries: list[str]
) -> None:
    def queries() -> int:
        count_queries.clear()
        assert as_administrator.get(LIST).status_code == 200
        return len(count_queries)

    make.license()
    few = queries()
    for _ in range(55):
        make.license(tenant=make.tenant(organization=make.organization()))
    assert queries() == few
    assert "1–50 of 56" in as_administrator.get(LIST).text
    assert len(names(as_administrator.get(LIST, query_string={"page": 2}).text)) == 6


def test_an_own_name_is_shown_everywhere_at_once(as_administrator: FlaskClient, make: Make) -> None:
    product = make.product(sku_id=E3, part_number="SPE_E3", name="Microsoft 365 E3")
    license = make.license(product=product)
    page = as_administrator.get(f"{LIST}/{product.id}")
    assert "Microsoft 365 E3" in page.text
    answer = edited(as_administrator, f"{LIST}/{product.id}", {"own_name": "  The  big <one> "})
    assert answer.location == LIST
    for address in (
        "/global/office-365-licenses",
        "/global/office-365-licenses?q=BIG",
        f"/licenses/{license.id}",
        "/global/office-365-licenses?format=csv",
        "/global/office-365-licenses?product=the%20big%20%3Cone%3E",
    ):
        assert "The big <one>" in unescape(as_administrator.get(address).text), address
    assert "instead of Microsoft 365 E3" in as_administrator.get(LIST).text


def test_renaming_leads_back_to_the_list_as_it_was(as_administrator: FlaskClient, make: Make) -> None:
    product = make.product(name="Ours")
    page = as_administrator.get(LIST, query_string={"q": "ours"}).text
    assert f'href="{LIST}/{product.id}?q=ours"' in page
    answer = edited(as_administrator, f"{LIST}/{product.id}?q=ours&page=3", {"own_name": "New"})
    assert answer.location == f"{LIST}?q=ours&page=3"


def test_a_name_that_others_gave_meanwhile_is_told_before_it_is_replaced(
    as_administrator: FlaskClient, make: Make
) -> None:
    product = make.product(sku_id=E3, part_number="SPE_E3", name="Microsoft 365 E3")
    address = f"{LIST}/{product.id}"
    mine = opened(as_administrator, address)
    edited(as_administrator, address, {"own_name": "Theirs"})
    assert as_administrator.post(address, data={**mine, "own_name": ""}).status_code == 302
    assert product.own_name == "Theirs", "who changes nothing takes nothing away"

    answer = as_administrator.post(address, data={**mine, "own_name": "Mine"})
    assert answer.status_code == 409
    assert "Somebody else changed Own name while you were editing" in answer.text
    assert "Theirs</strong>" in answer.text
    assert product.own_name == "Theirs"
    assert as_administrator.post(address, data={**began_with(answer.text), "own_name": "Mine"}).status_code == 302
    assert product.own_name == "Mine"


def test_who_names_a_product_and_who_imports_names_at_once_do_not_wait_for_each_other(
    as_administrator: FlaskClient, app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = make.product(sku_id=sku(1), part_number="NEW", name="NEW")
    review, _ = reviewed(as_administrator, file(row("Brand new", "NEW", sku(1))))
    other, address = signed_in(app, make.user()), f"{LIST}/{product.id}"
    mine = {**opened(other, address), "own_name": "Mine"}
    # Each, with the first of its locks in hand, waits for the other, which comes only where nothing holds it off.
    both = meeting(lambda done: done())
    merge, prepare = Meanwhile.merge, importing._prepare
    monkeypatch.setattr(Meanwhile, "merge", lambda *args: both(lambda: merge(*args)))
    monkeypatch.setattr(importing, "_prepare", lambda *args: both(lambda: prepare(*args)))
    db.session.rollback()
    answers = at_once(
        lambda: other.post(address, data=mine).status_code,
        lambda: as_administrator.post(review).status_code,
    )
    assert answers == [302, 302]
    db.session.rollback()
    assert db.session.get_one(Product, product.id).name == "Mine"


def test_clearing_an_own_name_goes_back(as_administrator: FlaskClient, make: Make) -> None:
    product = make.product(sku_id=E3, part_number="SPE_E3", name="Ours", own_name="Ours")
    edited(as_administrator, f"{LIST}/{product.id}", {"own_name": " "})
    assert (product.name, product.own_name) == ("Microsoft 365 E3", "")


@pytest.mark.parametrize(
    ("text", "words"), [("x" * 5000, "The name has 5,000 characters; it may have 200."), ("—", "needs a letter")]
)
def test_a_name_that_cannot_be_is_refused(as_administrator: FlaskClient, make: Make, text: str, words: str) -> None:
    product = make.product(name="As it is")
    answer = edited(as_administrator, f"{LIST}/{product.id}", {"own_name": text})
    assert answer.status_code == 422
    assert words in answer.text
    assert product.name == "As it is"


def test_a_product_that_is_not_there_is_not_found(as_administrator: FlaskClient) -> None:
    assert as_administrator.get(f"{LIST}/4711").status_code == 404
    assert as_administrator.post(f"{LIST}/4711", data={"own_name": "x"}).status_code == 404


def test_who_may_not_manage_products_reaches_none_of_it(as_reader: FlaskClient, make: Make) -> None:
    product = make.product()
    for method, address in (
        ("GET", LIST),
        ("GET", f"{LIST}/{product.id}"),
        ("POST", f"{LIST}/{product.id}"),
        ("GET", UPLOAD),
        ("POST", UPLOAD),
        ("GET", f"{UPLOAD}/1"),
        ("POST", f"{UPLOAD}/1"),
        ("POST", f"{UPLOAD}/1/discard"),
    ):
        assert as_reader.open(address, method=method).status_code == 403, (method, address)
    assert LIST not in as_reader.get("/organizations").text


def test_the_account_menu_leads_to_products(as_administrator: FlaskClient) -> None:
    assert f'href="{LIST}"' in as_administrator.get("/organizations").text
