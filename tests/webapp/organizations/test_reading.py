"""Reading organizations from CSV files in all the shapes that they come in."""

from __future__ import annotations

import codecs
import io

import pytest

from webapp.organizations import reading
from webapp.organizations.reading import LIMITS, Row, Sheet, read
from webapp.organizations.records import Details
from webapp.uploads.decoding import NotReadable

TEXT = (
    'name,address,phone,domains\r\nMüller – Söhne,"Main Street 1\r\nTown",+49 30,"a.example, b.example"\r\nOther,,,\r\n'
)
ROWS = (
    Row(2, 3, Details("Müller – Söhne", "Main Street 1\nTown", "+49 30", ("a.example", "b.example"))),
    Row(4, 4, Details("Other")),
)


def sheet(content: bytes | str) -> Sheet:
    return read(io.BytesIO(content.encode() if isinstance(content, str) else content))


def refusal(content: bytes | str) -> str:
    with pytest.raises(NotReadable) as caught:
        sheet(content)
    return str(caught.value)


def problems(content: str) -> list[str]:
    return [row.problem for row in sheet(content).rows]


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (TEXT.encode(), "UTF-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), "UTF-8"),
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), "UTF-16"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "UTF-16"),
        (TEXT.encode("cp1252"), "Windows-1252"),
    ],
)
def test_every_encoding_gives_the_same_organizations(content: bytes, encoding: str) -> None:
    assert (sheet(content).rows, sheet(content).encoding) == (ROWS, encoding)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_columns_may_be_in_any_order_and_case_and_set_apart_otherwise(delimiter: str, end: str) -> None:
    lines = [("Domains", "", " NAME ", "Owner", "Phone"), ("a.example b.example", "", "Contoso", "Ann", "1")]
    found = sheet(end.join(delimiter.join(line) for line in lines))
    assert [row.details for row in found.rows] == [Details("Contoso", "", "1", ("a.example", "b.example"))]
    assert found.unknown == ("Owner",)


def test_a_column_that_is_there_twice_is_read_once_and_told() -> None:
    found = sheet("name,phone,Name\nContoso,1,Other\n")
    assert (found.rows[0].details.name, found.unknown) == ("Contoso", ("Name",))


def test_only_the_name_is_needed_and_short_lines_are_filled_up() -> None:
    assert [row.details.name for row in sheet("name\nContoso\n\n\nOther").rows] == ["Contoso", "Other"]
    assert sheet("name,phone,domains\nContoso\n").rows[0].details == Details("Contoso")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("\u200b,,,", "It has no name."),
        (",Somewhere,,", "It has no name."),
        ("x" * 5000 + ",,,", "The name has 5,000 characters; it may have 200."),
        ("A," + "x" * 501 + ",,", "The address has 501 characters; it may have 500."),
        ("A,,,no domain", "no and domain are not domain names."),
        ("A,,,x_y.example", "x_y.example is not a domain name."),
        (
            "Contoso, Inc,Here,1,a.example",
            "It has 5 fields, and the first line names 4. Put a field that holds “,” into quotes.",
        ),
        ('"A,,,', "A quoted field begins here and does not end."),
        ('A"B","C"D,,', "A quote stands in the middle of a field."),
    ],
)
def test_a_line_that_is_wrong_says_why_and_others_are_read(line: str, problem: str) -> None:
    content = f"name,address,phone,domains\nFirst,,,\n{line}\n"
    found = problems(content)
    assert found[0] == ""
    assert found[1].startswith(problem)


def test_damaged_characters_are_told() -> None:
    found = sheet(codecs.BOM_UTF8 + b"name\nGr\xfc\xdfe\nGood\n")
    assert [row.problem for row in found.rows] == ["The name holds characters that were damaged.", ""]


def test_control_characters_and_formulas_are_mere_text() -> None:
    found = sheet("name,phone\n\0Con\x07toso,=1+1\n")
    assert found.rows[0].details == Details("Contoso", phone="=1+1")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty."),
        (b"%PDF-1.7", "This is a PDF document, not a CSV file."),
        (b"PK\x03\x04....", "This is an Excel workbook or a ZIP archive"),
        (b"<!doctype html>", "This is a web page"),
        (TEXT.encode("utf-16-le"), "This is not a text file, or it is in an encoding without its mark."),
        (b"title,phone\nContoso,1\n", "The first line of the file does not name the column “name”."),
        (b"Contoso\nFabrikam\n", "The first line of the file does not name the column “name”."),
        (b"name\n\n\n", "The file has the columns but no organizations."),
        (b"name\n" + b"x" * 1_000_001, "Line 2 has more than 1,000,000 characters."),
        (b"name\n" + b"\n" * 100_001, "The file has more than 100,000 lines."),
        (b"name\n" + b"A\n" * 99_000, "The file has more than 20,000 organizations."),
        (b'name\n"A"x\n' + b'"A"x\n' * 99_000, "The file has more than 20,000 organizations."),
    ],
)
def test_what_is_no_list_is_refused_in_a_sentence_that_says_what_to_do(content: bytes, words: str) -> None:
    assert refusal(content).startswith(words)
    assert "20,000 organizations in 10 MB" in refusal(content)


def test_a_file_of_50_mb_is_refused() -> None:
    assert "larger than 10 MB" in refusal(b"name\n" + b"Contoso,\n" * (50 * 1024 * 1024 // 9))


def test_a_sheet_is_the_same_after_it_was_kept() -> None:
    found = sheet(TEXT + '"broken')
    assert Sheet.from_plain(found.plain()) == found
    assert len(found.rows) == 3


def test_as_many_organizations_as_may_be_are_read() -> None:
    assert len(sheet("name\n" + "".join(f"Organization {n}\n" for n in range(reading.MOST_ROWS))).rows) == 20_000
    assert LIMITS.largest_file == 10 * 1024 * 1024


@pytest.mark.parametrize(
    "beginning", ["name," + "x" * 140_000, ("sep=" + "x" * 900_000 + "\n") * 2 + "address", '"' + "x" * 200_000]
)
def test_a_first_line_beyond_all_measure_is_answered_in_a_sentence(beginning: str) -> None:
    assert "does not name the column “name”" in refusal(f"{beginning}\nContoso\n")
