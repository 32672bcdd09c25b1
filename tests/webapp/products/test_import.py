"""Importing the names of products: the upload, its dry run, the import."""

from __future__ import annotations

import re
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from markupsafe import escape

from tests.conftest import signed_in
from tests.support.factories import Make
from tests.webapp.products.files import E3, HEADER, LIST, UPLOAD, file, reviewed, row, sku, upload
from webapp.extensions import db
from webapp.models import PendingImport, ProductName
from webapp.products.reading import LIMITS


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
    answer = upload(as_administrator, file(row("One")), size=LIMITS.largest_file + 100_000)
    assert answer.status_code == 413
    assert "no more than 50 MB" in answer.text


def test_large_requests_are_taken_at_the_upload_alone(as_administrator: FlaskClient, make: Make) -> None:
    product = make.product()
    answer = as_administrator.post(f"{LIST}/{product.id}", data={"own_name": "x" * 2_000_000})
    assert answer.status_code == 413
    assert "no more than 1 MB" in answer.text


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
