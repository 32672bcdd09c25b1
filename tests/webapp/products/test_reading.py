"""Reading Microsoft's list in all the shapes that it comes in."""

from __future__ import annotations

import codecs
import io

import pytest

from tests.webapp.products.files import E3, E5, HEADER, file, row, sku, text
from webapp.models.product_edition import ListedName
from webapp.products import reading
from webapp.products.edition import Edition
from webapp.products.reading import LIMITS, read
from webapp.uploads.decoding import NotReadable

ROWS = (row("Müller – E3", "SPE_E3", E3), row("Office, “E5”", "SPE_E5", E5))
PRODUCTS = (ListedName(E3, "SPE_E3", "Müller – E3"), ListedName(E5, "SPE_E5", "Office, “E5”"))


def edition(content: bytes | str) -> Edition:
    return read(io.BytesIO(content.encode() if isinstance(content, str) else content))


def refusal(content: bytes | str) -> str:
    with pytest.raises(NotReadable) as caught:
        edition(content)
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (text(*ROWS).encode(), "UTF-8"),
        (codecs.BOM_UTF8 + text(*ROWS).encode(), "UTF-8"),
        (codecs.BOM_UTF16_LE + text(*ROWS).encode("utf-16-le"), "UTF-16"),
        (codecs.BOM_UTF16_BE + text(*ROWS).encode("utf-16-be"), "UTF-16"),
        (text(*ROWS).encode("cp1252"), "Windows-1252"),
    ],
)
def test_every_encoding_gives_the_same_names(content: bytes, encoding: str) -> None:
    found = edition(content)
    assert (found.products, found.encoding, found.unread_count) == (PRODUCTS, encoding, 0)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_fields_and_lines_may_be_set_apart_otherwise(delimiter: str, end: str) -> None:
    assert edition(text(*ROWS, delimiter=delimiter, end=end)).products == PRODUCTS


@pytest.mark.parametrize(
    "header",
    [
        tuple(map(str.upper, HEADER)),
        tuple(map(str.lower, HEADER)),
        (" Product Display Name", "String ID ", *HEADER[2:]),
        ("???Product_Display_Name", *HEADER[1:]),
        ("ï»¿Product_Display_Name", *HEADER[1:]),
    ],
)
def test_the_columns_are_known_however_they_are_written(header: tuple[str, ...]) -> None:
    assert edition(text(*ROWS, header=header)).products == PRODUCTS


def test_the_columns_may_be_in_another_order_among_others() -> None:
    content = f"guid,extra,string_id,more,product_display_name\n{E3},x,SPE_E3,y,Müller – E3\n"
    assert edition(content).products == PRODUCTS[:1]


def test_blank_lines_and_what_excel_puts_first_are_passed_over() -> None:
    content = "\r\nsep=;\r\n\r\n" + text(ROWS[0], delimiter=";") + "\r\n;;;;;\r\n" + ";".join(ROWS[1])
    found = edition(content.replace("Office, “E5”", "Office"))
    assert [product.name for product in found.products] == ["Müller – E3", "Office"]
    assert found.rows == 2


def test_a_product_s_many_rows_are_one_product() -> None:
    found = edition(file(*[row("One", "ONE", sku(1))] * 40, *[row("Two", "TWO", sku(2))] * 40))
    assert (found.rows, len(found.products), found.spellings) == (80, 2, ())


def test_the_most_frequent_spelling_is_chosen_and_told() -> None:
    found = edition(file(row("Rare"), row("Often"), row("Often"), row("Other")))
    assert found.products[0].name == "Often"
    [spelled] = found.spellings
    assert spelled.names == (("Often", 2), ("Rare", 1), ("Other", 1))
    assert not spelled.is_tie


def test_of_equally_frequent_spellings_the_first_is_chosen() -> None:
    found = edition(file(row("Zulu"), row("Alpha"), row("Alpha"), row("Zulu")))
    assert found.products[0].name == "Zulu"
    assert found.spellings[0].is_tie


def test_spellings_that_differ_only_in_their_spaces_are_one() -> None:
    assert edition(file(row("Office  365"), row(" Office 365\t"))).spellings == ()


def test_a_line_break_in_a_quoted_field_is_no_end_and_lines_are_still_counted() -> None:
    found = edition(file(row("Office\n365", "ONE", sku(1)), row("Broken", "TWO", "no-guid")))
    assert found.products[0].name == "Office 365"
    assert (found.unread[0].first_line, found.unread[0].lines) == (4, "Line 4")


@pytest.mark.parametrize("written", [E3.upper(), f"{{{E3}}}", f" {{{E3.upper()}}} ", f"{E3}\u00a0"])
def test_a_guid_may_be_in_upper_case_or_braces(written: str) -> None:
    assert edition(file(row("E3", "SPE_E3", written))).products == (ListedName(E3, "SPE_E3", "E3"),)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (row("Bad", "BAD", "not-a-guid"), "“not-a-guid” is not a GUID"),
        (row("Bad", "BAD", E3[:-1]), f"“{E3[:-1]}” is not a GUID"),
        (row("Bad", "BAD", E3.replace("-", "")), "is not a GUID"),
        (row("Bad", "BAD", ""), "it has no GUID"),
        (row("Bad", "BAD", "x" * 5000), "x…” is not a GUID"),
        (row(" ", "BAD"), "it has no product name"),
        (row("\x00 \x07", "BAD"), "it has no product name"),
        (row("x" * 5000, "BAD"), "its name has 5,000 characters; 500 are the most"),
        (row("Bad", "x" * 501), "its String_Id has 501 characters"),
        (("Bad", "BAD"), "it has 2 of the 3 columns that are needed"),
    ],
)
def test_a_line_that_names_no_product_is_left_out_with_its_number(bad: tuple[str, ...], reason: str) -> None:
    found = edition(file(row("Good", "ONE", sku(1)), bad, row("Too", "TWO", sku(2))))
    assert [product.name for product in found.products] == ["Good", "Too"]
    assert found.unread_count == 1
    assert found.unread[0].lines == "Line 3"
    assert reason in found.unread[0].reason


def test_a_quote_that_does_not_end_costs_only_its_lines() -> None:
    broken = f'"Broken,PART,{sku(2)},A,B,C\r\n'
    found = edition(text(row("Good", "ONE", sku(1))) + broken + text(row("Too, good", "THREE", sku(3))))
    assert [product.name for product in found.products] == ["Good"]
    assert (found.unread[0].lines, found.unread[0].reason) == (
        "Lines 3 to 5",
        "a quote stands in the middle of a field",
    )


def test_a_quote_that_never_ends_is_given_up_and_the_lines_after_it_are_read() -> None:
    lines = text(*[row("Fine", "FINE", sku(5))] * 4000, header=("", "", ""))
    found = edition(text(row("Good", "ONE", sku(1))) + f'"Broken,PART,{sku(2)},A,B,C\r\n' + lines)
    assert [product.name for product in found.products] == ["Good", "Fine"]
    assert found.unread[0].reason == "a quoted field begins here and does not end"
    assert found.unread[0].first_line == 3


def test_a_record_without_end_is_given_up_before_it_fills_the_memory() -> None:
    found = edition(text(row("Good")).encode() + b'"a\n",' * 450_000)
    assert len(found.products) == 1
    assert found.unread_count > 2
    assert all(unread.last_line - unread.first_line <= 200_000 for unread in found.unread)


def test_characters_damaged_on_the_way_are_told_and_the_others_kept() -> None:
    good = [row(f"Größe {number}", "GOOD", sku(number)) for number in range(1, 9)]
    found = edition(file(*good, row("Bad", "BAD", E3)).replace(b"Bad", b"B\xe4d"))
    assert found.encoding == "UTF-8"
    assert found.products[0].name == "Größe 1"
    assert "damaged" in found.unread[0].reason


def test_only_the_first_of_many_unread_lines_are_kept_and_all_counted() -> None:
    found = edition(file(row("Good"), *[row("Bad", "BAD", "x")] * 1000))
    assert (len(found.unread), found.unread_count) == (reading.MOST_LISTED, 1000)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty."),
        (b" \r\n\r\n", "The file is empty."),
        (codecs.BOM_UTF8, "The file is empty."),
        (codecs.BOM_UTF16_LE + "\r\n".encode("utf-16-le"), "The file is empty."),
        (b"%PDF-1.7\n...", "This is a PDF document, not a CSV file."),
        (b"PK\x03\x04....", "This is an Excel workbook or a ZIP archive, not a CSV file."),
        (b"\xd0\xcf\x11\xe0....", "This is an old Excel workbook"),
        (b"\x1f\x8b\x08....", "This is a compressed file"),
        (b"\r\n<!DOCTYPE html><html>", "This is a web page (HTML or XML), not a CSV file."),
        (codecs.BOM_UTF16_LE + "<html>".encode("utf-16-le"), "This is a web page"),
        (text(*ROWS).encode("utf-16-le"), "This is not a text file, or it is in an encoding without its mark."),
        (b"\x7fELF\x00\x01", "This is not a text file"),
        (text().encode(), "The file has the columns but no products."),
        (file(row("Bad", "BAD", "x")), "No line of the file names a product. Line 2: “x” is not a GUID."),
        (b"x" * 1_000_001, "Line 1 has more than 1,000,000 characters."),
        (file() + b"\n" * 500_001, "The file has more than 500,000 lines."),
    ],
)
def test_what_is_no_list_is_refused_in_a_sentence_that_says_what_to_do(content: bytes, words: str) -> None:
    assert refusal(content).startswith(words)
    assert "Microsoft's page “Product names and service plan identifiers for licensing”" in refusal(content)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("String_Id,GUID", "the column Product_Display_Name."),
        ("Product_Display_Name;GUID", "the column String_Id."),
        ("String_Id;Service_Plan_Id", "the columns Product_Display_Name and GUID."),
        ("{}", "the columns Product_Display_Name, String_Id and GUID."),
    ],
)
def test_missing_columns_are_named_in_one_sentence(header: str, words: str) -> None:
    assert refusal(f"{header}\n1,2,3\n").startswith(f"The first line of the file does not name {words}")


def test_a_file_that_is_too_large_is_refused() -> None:
    line = b",".join(cell.encode() for cell in row("Fine")) + b"\r\n"
    assert "larger than 50 MB" in refusal(file() + line * (LIMITS.largest_file // len(line) + 1))


def test_more_products_than_there_can_be_are_refused() -> None:
    rows = [row("Fine", "FINE", sku(number)) for number in range(reading.MOST_PRODUCTS + 1)]
    assert "more than 10,000 products" in refusal(file(*rows))


def test_more_spellings_than_there_can_be_are_refused() -> None:
    assert "more than 10,000 products" in refusal(file(*[row(f"Fine {n}") for n in range(reading.MOST_SPELLINGS + 1)]))


def test_an_edition_is_the_same_after_it_was_kept() -> None:
    found = edition(file(row("Rare"), row("Often"), row("Often"), row("Bad", "BAD", "x")))
    assert Edition.from_plain(found.plain()) == found
