"""Importing organizations: the upload, its dry run, the import."""

from __future__ import annotations

import re
from functools import partial
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from markupsafe import escape
from sqlalchemy import select

from tests.conftest import signed_in
from tests.support import uploads
from tests.support.factories import Make
from tests.support.together import at_once, meeting
from webapp.extensions import db
from webapp.models import AuditEntry, Organization, OrganizationDomain, PendingImport, Role, utc_now
from webapp.organizations import importing

UPLOAD = "/organizations/import"
upload = partial(uploads.upload, to=UPLOAD)
reviewed = partial(uploads.reviewed, to=UPLOAD)
HINT = "A domain looks like contoso.com: without https://, a path or an @."


def lines(html: str) -> list[str]:
    """Each line of the dry run as one text."""
    body = html.split("<tbody>")[1].split("</tbody>", maxsplit=1)[0]
    return [" ".join(re.sub(r"<[^>]*>", " ", row).split()) for row in body.split("</tr>")[:-1]]


def stored() -> dict[str, tuple[str, str, list[str]]]:
    db.session.expire_all()
    return {
        row.name: (row.address, row.phone, [domain.domain for domain in row.domains])
        for row in db.session.scalars(select(Organization).order_by(Organization.id))
    }


MIXED = (
    "Name;Phone;Domains;Owner\n"
    "New one;1;new.example;Ann\n"
    "CONTOSO gmbh;2;contoso.example,b.example;Ann\n"
    "Same;7;;Ann\n"
    "new  ONE;3;;Ann\n"
    ";4;;Ann\n"
    "Bad;5;no_domain;Ann\n"
    "Gone;6;;Ann\n"
)


@pytest.fixture
def some(make: Make) -> None:
    make.organization(
        name="Contoso GmbH", phone="0", address="Here", domains=[OrganizationDomain(domain="contoso.example")]
    )
    make.organization(name="Same", phone="7", address="Kept")
    make.organization(name="Gone", archived_at=utc_now())


@pytest.mark.usefixtures("some")
def test_a_dry_run_says_of_each_line_what_becomes_of_it_and_changes_nothing(as_administrator: FlaskClient) -> None:
    before = stored()
    _, html = reviewed(as_administrator, MIXED)
    assert lines(html) == [
        "2 New one new.example Will be created Is created.",
        "3 CONTOSO gmbh Differs Phone: 0 → 2 Domains: contoso.example → contoso.example, b.example",
        "4 Same There already Is left as it is.",
        "5 new ONE Duplicate Duplicate of line 2.",
        "6 – Invalid It has no name.",
        f"7 Bad Invalid no_domain is not a domain name. {HINT}",
        "8 Gone There already It is archived. Bring it back to use it.",
    ]
    assert "Columns that are not known, and left out: <code" in html
    assert "Update those that exist" in html
    assert stored() == before


@pytest.mark.usefixtures("some")
def test_an_import_creates_what_is_new_and_leaves_what_exists(as_administrator: FlaskClient) -> None:
    before = stored()
    address, _ = reviewed(as_administrator, MIXED)
    answer = as_administrator.post(address, follow_redirects=True)
    assert "1 organization created, 0 updated; 6 lines left out." in answer.text
    assert stored() == before | {"New one": ("", "1", ["new.example"])}
    assert [entry.event for entry in db.session.scalars(select(AuditEntry))] == [
        "Imported organizations from file.csv: 1 created, 0 updated"
    ]


@pytest.mark.usefixtures("some")
def test_an_import_updates_what_exists_where_that_is_asked_and_empty_fields_change_nothing(
    as_administrator: FlaskClient,
) -> None:
    address, _ = reviewed(as_administrator, MIXED)
    answer = as_administrator.post(address, data={"update": "yes"}, follow_redirects=True)
    assert "1 organization created, 1 updated; 5 lines left out." in answer.text
    assert stored()["Contoso GmbH"] == ("Here", "2", ["contoso.example", "b.example"])
    assert stored()["Same"] == ("Kept", "7", [])


def test_what_was_uploaded_is_imported_once(as_administrator: FlaskClient) -> None:
    address, _ = reviewed(as_administrator, "name\nContoso\n")
    as_administrator.post(address)
    assert as_administrator.post(address).location == UPLOAD
    assert "Choose it again" in as_administrator.get(UPLOAD).text
    assert list(stored()) == ["Contoso"]
    assert db.session.query(PendingImport).count() == 0


def test_importing_again_creates_nothing_more(as_administrator: FlaskClient) -> None:
    for _ in range(2):
        address, _ = reviewed(as_administrator, "name,domains\nContoso,a.example\nFabrikam,\n")
        as_administrator.post(address, data={"update": "yes"})
    assert stored() == {"Contoso": ("", "", ["a.example"]), "Fabrikam": ("", "", [])}
    _, html = reviewed(as_administrator, "name,domains\nContoso,a.example\n")
    assert "There is nothing in it to import." in html


def test_two_who_import_the_same_file_at_once_create_each_organization_once(
    app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [signed_in(app, make.user()) for _ in range(2)]
    sent = [(client, reviewed(client, "name\nContoso\nFabrikam\n")[0]) for client in both]
    monkeypatch.setattr(importing, "_known", meeting(importing._known))
    db.session.rollback()
    at_once(*(partial(client.post, address) for client, address in sent))
    assert db.session.scalars(select(Organization.name).order_by(Organization.name)).all() == ["Contoso", "Fabrikam"]


def test_discarding_forgets_the_file(as_administrator: FlaskClient) -> None:
    address, _ = reviewed(as_administrator, "name\nContoso\n")
    assert as_administrator.post(f"{address}/discard").location == "/organizations"
    assert as_administrator.get(address).location == UPLOAD
    assert stored() == {}


def test_another_user_s_upload_is_neither_shown_nor_imported(
    app: Flask, as_administrator: FlaskClient, make: Make
) -> None:
    address, _ = reviewed(as_administrator, "name\nContoso\n")
    other = signed_in(app, make.user(role=Role.MANAGER))
    assert other.get(address).location == UPLOAD
    assert other.post(address).location == UPLOAD
    other.post(f"{address}/discard")
    assert as_administrator.get(address).status_code == 200
    assert stored() == {}


def test_an_upload_of_products_is_no_upload_of_organizations(as_administrator: FlaskClient) -> None:
    address, _ = reviewed(as_administrator, "name\nContoso\n")
    pending_id = address.rsplit("/", 1)[1]
    assert as_administrator.get(f"/account/products/import/{pending_id}").status_code == 302
    assert as_administrator.post(f"/account/products/import/{pending_id}").status_code == 302
    assert as_administrator.get(address).status_code == 200


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty."),
        (b"PK\x03\x04", "This is an Excel workbook"),
        (b"title\nContoso\n", "does not name the column “name”"),
        (b"name\n" + b"A\n" * 100_000, "more than 20,000 organizations"),
    ],
)
def test_a_file_that_is_no_list_is_refused_beside_the_field(
    as_administrator: FlaskClient, content: bytes, words: str
) -> None:
    answer = upload(as_administrator, content)
    assert answer.status_code == 422
    assert words in unescape(answer.text).split('id="file-error"')[1].split("</div>")[0]
    assert db.session.query(PendingImport).count() == 0


def test_no_file_is_told(as_administrator: FlaskClient) -> None:
    assert "Choose the file first." in as_administrator.post(UPLOAD, data={}).text


def test_a_50_mb_file_is_refused_as_too_large(as_administrator: FlaskClient) -> None:
    answer = upload(as_administrator, "name\nContoso\n", size=50 * 1024 * 1024)
    assert answer.status_code == 413
    assert "no more than 10 MB" in answer.text


def test_what_a_file_says_is_escaped(as_administrator: FlaskClient) -> None:
    answer = upload(as_administrator, "name,<i>x\n<script>alert(1)</script>,\n", "<b>.csv")
    html = as_administrator.get(answer.location).text
    for text in ("<script>alert", "<b>.csv", "<i>x"):
        assert text not in html
        assert str(escape(text)) in html


def test_20_000_lines_are_paged_in_as_many_queries_as_two_and_imported(
    as_administrator: FlaskClient, make: Make, count_queries: list[str]
) -> None:
    def queries(number: int) -> int:
        address, _ = reviewed(as_administrator, "name\n" + "".join(f"Organization {n:05}\n" for n in range(number)))
        count_queries.clear()
        assert len(lines(as_administrator.get(address).text)) == min(number, 100)
        return len(count_queries)

    few = queries(2)
    assert queries(20_000) == few
    pending_id = db.session.scalars(select(PendingImport.id)).one()
    address = f"{UPLOAD}/{pending_id}"
    last = lines(as_administrator.get(address, query_string={"page": 200}).text)
    assert last[-1] == "20,001 Organization 19999 Will be created Is created."
    for text in ("999", "x", "-1"):
        assert as_administrator.get(address, query_string={"page": text, "show": text}).status_code == 200
    as_administrator.post(address)
    assert db.session.query(Organization).count() == 20_000


def test_lines_of_one_kind_are_shown_alone(as_administrator: FlaskClient) -> None:
    address, _ = reviewed(as_administrator, "name\nContoso\ncontoso\nFabrikam\n")
    html = as_administrator.get(address, query_string={"show": "duplicate"}).text
    assert lines(html) == ["3 contoso Duplicate Duplicate of line 2."]


def test_several_organizations_of_one_name_are_left_alone(as_administrator: FlaskClient, make: Make) -> None:
    for phone in ("1", "2"):
        make.organization(name="Twice", phone=phone)
    address, html = reviewed(as_administrator, "name,phone\nTwice,3\n")
    assert "2 organizations have this name. None of them is changed." in html
    as_administrator.post(address, data={"update": "yes"})
    assert sorted(db.session.scalars(select(Organization.phone))) == ["1", "2"]


def test_the_template_names_the_columns_and_can_be_filled_in(as_administrator: FlaskClient) -> None:
    answer = as_administrator.get(f"{UPLOAD}/template.csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="organizations.csv"'
    assert answer.text == "\ufeffname,address,phone,domains\r\n"
    _, html = reviewed(as_administrator, answer.text + "Contoso,Here,1,contoso.example\r\n")
    assert len(lines(html)) == 1


@pytest.mark.parametrize("role", [Role.EDITOR, Role.CREATOR, Role.LITE, Role.READ_ONLY])
def test_who_may_not_create_organizations_reaches_none_of_it(app: Flask, make: Make, role: Role) -> None:
    client = signed_in(app, make.user(role=role))
    for method, address in (
        ("GET", UPLOAD),
        ("POST", UPLOAD),
        ("GET", f"{UPLOAD}/template.csv"),
        ("GET", f"{UPLOAD}/1"),
        ("POST", f"{UPLOAD}/1"),
        ("POST", f"{UPLOAD}/1/discard"),
    ):
        assert client.open(address, method=method).status_code == 403, (method, address)
