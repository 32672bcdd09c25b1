"""The export: everything that is filtered, in a file that a spreadsheet opens unharmed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.factories import Make
from tests.webapp.licenses.reading import GLOBAL, exported
from webapp.licenses.export import COLUMNS, record
from webapp.models import utc_now
from webapp.spreadsheet import csv_lines, defused


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1+1",
        "-x",
        "-1\n",
        "-1.",
        "@SUM(A1)",
        "\tx",
        "\rx",
        "\nx",
        "  =cmd|' /C calc'!A0",
        "\u3000＝1",
        "＋1",
        "－1",
        "＠x",
        " \t-1",
    ],
)
def test_what_a_spreadsheet_takes_for_a_formula_is_defused(text: str) -> None:
    assert defused(text) == f"'{text}"


@pytest.mark.parametrize(
    ("text", "exported"),
    [
        ("x;=cmd|' /C calc'!A0", "x;'=cmd|' /C calc'!A0"),
        ("x; \t＋1;-1", "x;' \t＋1;'-1"),
        ("First\n=1\r\n\r\n @SUM(A1)\r-1", "First\n'=1\r\n\r\n' @SUM(A1)\r'-1"),
        ("=1;=2", "'=1;'=2"),
    ],
)
def test_so_is_what_a_spreadsheet_cuts_off_that_sets_cells_apart_by_semicolons(text: str, exported: str) -> None:
    """In quotes it stands after a comma, and there such a spreadsheet heeds neither quotes nor line ends in them."""
    assert defused(text) == exported


@pytest.mark.parametrize(
    "text",
    [
        "a@x.example; b@x.example",
        "1;2",
        "One\nTwo - three",
        "",
        "Contoso",
        "a=b",
        "3-1",
        "-1",
        "-12.50",
        "株式会社",
        "'=1",
        "Mail @ work",
    ],
)
def test_other_text_is_left_as_it_is(text: str) -> None:
    assert defused(text) == text


def test_the_file_is_named_and_begins_as_excel_wants_it(as_reader: FlaskClient, make: Make) -> None:
    make.license()
    answer = as_reader.get(f"{GLOBAL}?format=csv", buffered=True)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    name = f"office-365-licenses-{utc_now():%Y-%m-%d}.csv"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert answer.get_data().startswith(b"\xef\xbb\xbforganization,tenant,tenant_id,product,")


def test_a_row_has_every_field_of_the_license(as_reader: FlaskClient, make: Make) -> None:
    synced, gone = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    tenant = make.tenant(organization=make.organization(name="Contoso"), name="Contoso EU", last_synced_at=synced)
    product = make.product(name="Microsoft 365 E3", part_number="SPE_E3")
    make.license(
        tenant=tenant, product=product, active=5, consumed=7, status="Gone",
        warning=1, suspended=2, locked_out=3, gone_at=gone,
    )  # fmt: skip
    assert exported(as_reader, GLOBAL) == [
        {
            "organization": "Contoso",
            "tenant": "Contoso EU",
            "tenant_id": tenant.tenant_id,
            "product": "Microsoft 365 E3",
            "sku_part_number": "SPE_E3",
            "sku_id": product.sku_id,
            "status": "Gone",
            "active": "5",
            "consumed": "7",
            "unused": "0",
            "over": "2",
            "assigned": "0",
            "in_grace": "1",
            "suspended": "2",
            "locked_out": "3",
            "last_synced_at": "2026-01-02T03:04:05+00:00",
            "gone_at": "2026-02-03T04:05:06+00:00",
            "disconnected_at": "",
        }
    ]


def test_names_with_quotes_and_line_breaks_survive_and_formulas_do_not(as_reader: FlaskClient, make: Make) -> None:
    names = ['=HYPERLINK("http://evil")', 'with "quotes", commas', "two\r\nlines", "日本;株式会社"]
    for name in names:
        make.license(organization=make.organization(name=name))
    rows = exported(as_reader, GLOBAL, sort="organization")
    assert {row["organization"] for row in rows} == {f"'{names[0]}", *names[1:]}


def test_all_that_is_filtered_is_exported_not_only_the_page(as_reader: FlaskClient, make: Make) -> None:
    tenant = make.tenant(organization=make.organization())
    for number in range(15):
        make.license(tenant=tenant, status="Suspended" if number else "Enabled")
    assert len(exported(as_reader, GLOBAL, status="Suspended", per_page=10, page=2)) == 14


def test_an_organizations_export_holds_its_own_licenses(as_reader: FlaskClient, make: Make) -> None:
    mine, _ = make.license(), make.license()
    rows = exported(as_reader, f"/organizations/{mine.tenant.organization_id}/office-365-licenses")
    assert [row["sku_id"] for row in rows] == [mine.sku_id]


def test_nothing_found_is_a_file_with_a_heading(as_reader: FlaskClient, make: Make) -> None:
    assert exported(as_reader, GLOBAL, q="nothing") == []


def test_rows_are_written_as_they_come() -> None:
    """No row is asked for before the ones ahead of it were taken, so that memory does not grow with their number."""
    asked = []

    def chunks() -> Iterator[list[Any]]:
        for number in range(3):
            asked.append(number)
            yield [SimpleNamespace(**dict.fromkeys(COLUMNS.values(), number))]

    lines = csv_lines(list(COLUMNS), chunks(), record)
    assert next(lines).startswith("\ufeff")
    assert asked == []
    assert next(csv.reader(io.StringIO(next(lines))))[0] == "0"
    assert asked == [0]
