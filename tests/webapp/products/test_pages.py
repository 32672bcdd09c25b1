"""Account > Products: the list, names of one's own, the upload, its dry run and the import."""

from __future__ import annotations

import re
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from markupsafe import escape
from werkzeug.test import TestResponse

from tests.conftest import signed_in
from tests.support.factories import Make
from tests.support.forms import began_with, edited, opened
from tests.support.together import at_once, meeting
from tests.webapp.products.files import E3, HEADER, file, row, sku
from webapp.extensions import db
from webapp.meanwhile import Meanwhile
from webapp.models import PendingImport, Product, ProductName
from webapp.products import importing
from webapp.products.reading import LIMITS

HTMX = {"HX-Request": "true"}
LIST = "/account/products"
UPLOAD = "/account/products/import"


def names(html: str) -> list[str]:
    return [unescape(name) for name in re.findall(r'id="product-\d+">([^<]*)<', html)]


def upload(client: FlaskClient, content: bytes, name: str = "names.csv", announced: int | None = None) -> TestResponse:
    """Send the file as a browser does; `announced` is the size that the request claims to have."""
    about = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: text/csv'
    body = f"--x\r\n{about}\r\n\r\n".encode() + content + b"\r\n--x--\r\n"
    size = {} if announced is None else {"CONTENT_LENGTH": str(announced)}
    return client.post(UPLOAD, data=body, content_type="multipart/form-data; boundary=x", environ_overrides=size)


def reviewed(client: FlaskClient, content: bytes) -> tuple[str, str]:
    """The address of the dry run of an upload, and its page."""
    answer = upload(client, content)
    assert answer.status_code == 302, answer.text
    return answer.location, unescape(client.get(answer.location).text)


def test_products_are_listed_by_name_with_where_it_comes_from_and_their_licenses(
    as_administrator: FlaskClient, make: Make
) -> None:
    e3 = make.product(sku_id=E3, part_number="SPE_E3", name="Microsoft 365 E3")
    make.product(sku_id=sku(1), part_number="BRAND_NEW", name="BRAND_NEW")
    make.product(sku_id=sku(2), part_number="OWN", name="Ours", own_name="Ours")
    for _ in range(2):
        make.license(product=e3)
    make.license(product=e3, status="Gone")
    make.license(product=e3, tenant=make.tenant())
    html = as_administrator.get(LIST).text
    assert names(html) == ["BRAND_NEW", "Microsoft 365 E3", "Ours"]
    assert re.findall(r'<span class="badge [^"]*">([^<]*)<', html) == ["Part number", "Shipped table", "Own name"]
    assert f'href="/global/office-365-licenses?product={E3}" aria-label="2 licenses' in html


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


def test_a_dry_run_shows_what_would_change_and_changes_nothing(as_administrator: FlaskClient, make: Make) -> None:
    product = make.product(sku_id=E3, part_number="SPE_E3", name="Microsoft 365 E3")
    content = file(
        row("Three <b>", "SPE_E3", E3),
        row("Brand new", "NEW", sku(1)),
        row("Rare", "TWICE", sku(2)),
        row("Often", "TWICE", sku(2)),
        row("Often", "TWICE", sku(2)),
        row("Bad", "BAD", "no-guid"),
    )
    _, html = reviewed(as_administrator, content)
    text = " ".join(re.sub(r"<(?!b>)[^>]*>", " ", html).split())
    assert "Products in the file 3 New names 2 Changed names 1 Unchanged 0 Several spellings 1 Lines left out 1" in text
    assert "SPE_E3 In use Microsoft 365 E3 Three <b>" in text
    assert "Line 7 “no-guid” is not a GUID." in text
    assert "TWICE Often 2 rows, the most frequent Rare 1 row" in text
    assert "NEW Brand new" in text
    assert product.name == "Microsoft 365 E3"
    assert db.session.query(ProductName).count() == 0


def test_what_a_file_says_is_escaped(as_administrator: FlaskClient) -> None:
    answer = upload(as_administrator, file(row("<script>alert(1)</script>")), "<b>.csv")
    html = as_administrator.get(answer.location).text
    for text in ("<script>alert", "<b>.csv"):
        assert text not in html
        assert str(escape(text)) in html


def test_import_applies_what_was_uploaded_once(as_administrator: FlaskClient, make: Make) -> None:
    product = make.product(sku_id=sku(1), part_number="NEW", name="NEW")
    address, _ = reviewed(as_administrator, file(row("Brand new", "NEW", sku(1))))
    answer = as_administrator.post(address, follow_redirects=True)
    assert "Imported the names of 1 product. 1 product of your tenants is shown by another name." in unescape(
        answer.text
    )
    assert product.name == "Brand new"
    assert db.session.query(PendingImport).count() == 0
    again = as_administrator.post(address)
    assert again.location == UPLOAD
    assert "Choose it again" in as_administrator.get(UPLOAD).text


def test_discarding_forgets_the_file(as_administrator: FlaskClient) -> None:
    address, _ = reviewed(as_administrator, file(row("One")))
    assert as_administrator.post(f"{address}/discard").location == LIST
    assert as_administrator.get(address).location == UPLOAD
    assert db.session.query(ProductName).count() == 0


def test_another_user_s_upload_is_neither_shown_nor_imported(
    app: Flask, as_administrator: FlaskClient, make: Make
) -> None:
    address, _ = reviewed(as_administrator, file(row("One")))
    other = signed_in(app, make.user())
    assert other.get(address).location == UPLOAD
    assert other.post(address).location == UPLOAD
    assert other.post(f"{address}/discard").location == LIST
    assert as_administrator.get(address).status_code == 200


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty."),
        (b"%PDF-1.7", "This is a PDF document"),
        (b"PK\x03\x04", "This is an Excel workbook"),
        (b"<html>", "This is a web page"),
        (b"GUID\nx\n", "does not name the columns Product_Display_Name and String_Id."),
    ],
)
def test_a_file_that_is_no_list_is_refused_beside_the_field(
    as_administrator: FlaskClient, content: bytes, words: str
) -> None:
    answer = upload(as_administrator, content)
    assert answer.status_code == 422
    assert re.search(rf'id="file-error">[^<]*{re.escape(words)}', unescape(answer.text))
    assert db.session.query(PendingImport).count() == 0


def test_no_file_is_told(as_administrator: FlaskClient) -> None:
    answer = as_administrator.post(UPLOAD, data={})
    assert answer.status_code == 422
    assert "Choose the file first." in answer.text


def test_a_list_in_utf_16_is_imported(as_administrator: FlaskClient) -> None:
    address, html = reviewed(as_administrator, file(row("Größe – 株"), encoding="utf-16"))
    assert "1 row in UTF-16" in html
    as_administrator.post(address)
    assert db.session.query(ProductName.name).scalar() == "Größe – 株"


def test_a_file_larger_than_other_forms_is_taken(as_administrator: FlaskClient) -> None:
    _, html = reviewed(as_administrator, file(*[row("Fine")] * 30_000))
    assert "30,000 rows" in html


def test_a_file_over_50_mb_is_refused_as_too_large(as_administrator: FlaskClient) -> None:
    answer = upload(as_administrator, file(row("One")), announced=LIMITS.largest_file + 100_000)
    assert answer.status_code == 413
    assert "no more than 50 MB" in answer.text


def test_large_requests_are_taken_at_the_upload_alone(as_administrator: FlaskClient, make: Make) -> None:
    product = make.product()
    answer = as_administrator.post(f"{LIST}/{product.id}", data={"own_name": "x" * 2_000_000})
    assert answer.status_code == 413
    assert "no more than 1 MB" in answer.text


def test_large_requests_are_taken_from_who_may_upload_alone(
    app: Flask, client: FlaskClient, as_reader: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The form is read before the view, for its token."""
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    for browser in (client, as_reader):
        assert upload(browser, b"x" * 2_000_000).status_code == 413


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


def test_the_dry_run_of_many_products_takes_no_more_queries(
    as_administrator: FlaskClient, make: Make, count_queries: list[str]
) -> None:
    def queries(number: int) -> int:
        address, _ = reviewed(as_administrator, file(*(row(f"Name {n}", f"N{n}", sku(n)) for n in range(number))))
        count_queries.clear()
        page = as_administrator.get(address).text
        assert (f"And {number - 200} more" in page) == (number > 200)
        return len(count_queries)

    make.product(sku_id=sku(4711))
    assert queries(2) == queries(700)


def test_the_page_names_the_columns_that_a_file_needs(as_administrator: FlaskClient) -> None:
    page = as_administrator.get(UPLOAD).text
    assert all(column in page for column in HEADER[:3])
