"""What may be typed into a field of each kind, and how it is stored."""

from __future__ import annotations

import pytest

from tests.support.factories import asset_field
from webapp.assets.values import lines, read, searched, shown
from webapp.models import FieldKind


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("12", "12"),
        (" 12.50 ", "12.50"),
        ("-3", "-3"),
        ("\N{MINUS SIGN}3", "-3"),
        ("+7", "7"),
        ("007", "7"),
        ("0", "0"),
        ("-0.0", "0.0"),
        ("１２", "12"),
        ("", None),
        ("  ", None),
        ("\0", None),
        ("9" * 18, "9" * 18),
    ],
)
def test_a_number_is_kept_as_its_digits(typed: str, stored: str | None) -> None:
    assert read(asset_field("n", FieldKind.NUMBER), typed) == stored


@pytest.mark.parametrize(
    "typed", ["1,5", "1 000", "1,000", "abc", "1e5", "NaN", "Infinity", "--1", "1.", ".5", "9" * 19, "9" * 100_000, "٣"]
)
def test_what_is_no_plain_number_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="point"):
        read(asset_field("n", FieldKind.NUMBER), typed)


@pytest.mark.parametrize(
    ("typed", "stored"), [("2026-01-31", "2026-01-31"), (" 2024-02-29 ", "2024-02-29"), ("", None)]
)
def test_a_date_is_kept_as_iso(typed: str, stored: str | None) -> None:
    assert read(asset_field("d", FieldKind.DATE), typed) == stored


@pytest.mark.parametrize(
    "typed", ["31.01.2026", "2026-02-30", "20260131", "0000-01-01", "2026-1-1", "tomorrow", "x" * 9999]
)
def test_what_is_no_date_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="2026-01-31"):
        read(asset_field("d", FieldKind.DATE), typed)


def test_of_a_select_the_options_and_the_stored_value_are_taken_and_nothing_else() -> None:
    field = asset_field("s", FieldKind.SELECT, options=["A", "B"])
    assert (read(field, "A"), read(field, ""), read(field, "Old", "Old")) == ("A", None, "Old")
    with pytest.raises(ValueError, match="not offered"):
        read(field, "C", "Old")


def test_a_text_keeps_its_lines_and_no_control_characters() -> None:
    field = asset_field("t")
    assert read(field, "\r\na\0\r\n\r\n b\u202e \n") == "a\n\nb"
    assert read(field, " \n\u200b\n") is None
    with pytest.raises(ValueError, match="5,001"):
        read(field, "x" * 5001)
    assert read(field, "\ud800x") == "x"


@pytest.mark.parametrize("kind", [FieldKind.TEXT, FieldKind.NUMBER, FieldKind.DATE, FieldKind.SELECT])
def test_what_is_required_may_not_be_empty(kind: FieldKind) -> None:
    with pytest.raises(ValueError, match=r"required|Choose"):
        read(asset_field("r", kind, is_required=True), " " if kind != FieldKind.SELECT else "")


def test_values_are_shown_in_words() -> None:
    checkbox = asset_field("c", FieldKind.CHECKBOX)
    assert [shown(checkbox, value) for value in (True, False, None)] == ["Yes", "No", ""]


def test_a_search_looks_in_the_name_and_all_texts_folded() -> None:
    fields = [asset_field("a"), asset_field("b", FieldKind.CHECKBOX)]
    fields[0].id, fields[1].id = 1, 2
    assert searched("MÜLLER", fields, {"1": "Straße\n2", "2": True, "3": "archived"}) == "müller strasse 2"


def test_lines_survive_a_megabyte() -> None:
    assert len(lines("a\n" * 100_000)) == 199_999
