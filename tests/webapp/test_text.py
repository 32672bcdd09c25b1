"""Text from outside, as a name and as something to see."""

from __future__ import annotations

import pytest

from webapp import text
from webapp.models import fold

RIGHT_TO_LEFT = "\u202e"
FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467"
HEART_ON_FIRE = "\u2764\ufe0f\u200d\U0001f525"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("  a\t b\r\nc\u2028d\u3000e ", "a b c d e"),
        ("Con\0to\x07so\x9f", "Contoso"),
        ("half\ud800pair", "halfpair"),
        (f"Con{RIGHT_TO_LEFT}toso\u2066", "Contoso"),
        ("\ufeffCon\u200bto\u00ad\u2060so", "Contoso"),
        ("\u200dCon toso\u200c", "Con toso"),
        (f"Con\u200d{RIGHT_TO_LEFT}toso", "Contoso"),
        # Persian, Hindi, and an Arabic year, which are written with such characters.
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ("\u0601\u0661\u0662", "\u0601\u0661\u0662"),
        (f"{FAMILY} {HEART_ON_FIRE}", f"{FAMILY} {HEART_ON_FIRE}"),
        ("日本マイクロソフト株式会社", "日本マイクロソフト株式会社"),
    ],
)
def test_a_line_has_what_can_be_seen_and_what_scripts_need(given: str, kept: str) -> None:
    assert text.one_line(given) == kept
    assert text.one_line(kept) == kept


@pytest.mark.parametrize(
    "given", ["", " ", "\0", "\u200b", "\u200d\u200c", RIGHT_TO_LEFT, "\u3164", "\u2800", "\u0301", "\ufe0f", "\u00a0"]
)
def test_what_shows_nothing_is_empty_and_is_shown_in_words(given: str) -> None:
    assert text.one_line(given) == ""
    assert text.visible_name(given) == "(no visible name)"


@pytest.mark.parametrize("given", ["a", " 1", "-", "\u200b株", "☃", "\U0001fae9"])
def test_a_name_of_which_something_can_be_seen_is_shown_as_it_came(given: str) -> None:
    assert text.visible_name(given) == given


def test_a_name_has_a_limit_which_counts_what_is_kept() -> None:
    assert text.name("x" * 10 + "\u200b", 10) == "x" * 10
    with pytest.raises(ValueError, match="11 characters; it may have 10"):
        text.name("x" * 11, 10)


def test_what_nobody_types_makes_no_difference_to_what_is_found() -> None:
    assert fold("\u200fCon\u200btoso") == fold("contoso")


@pytest.mark.parametrize("name", ["İstanbul Çiçek", "Diyarbakır", "IĞDIR ılık", "I\N{COMBINING DOT ABOVE}zmir"])
def test_a_turkish_name_is_found_in_the_capitals_of_its_own_language_and_of_others(name: str) -> None:
    small = name.replace("İ", "i").replace("I\N{COMBINING DOT ABOVE}", "i").replace("I", "ı").lower()
    turkish_capitals = small.replace("i", "İ").replace("ı", "I").upper()
    spellings = [name, small, turkish_capitals, name.upper(), small.upper(), name.replace("İ", "i").lower()]
    assert {fold(spelling) for spelling in spellings} == {fold(name)}


@pytest.mark.parametrize(
    ("names", "told"), [("a", "a"), ("ab", "a and b"), ("abc", "a, b and c"), ("abcde", "a, b, c and 2 more")]
)
def test_names_stand_in_a_sentence_and_of_many_only_the_first(names: str, told: str) -> None:
    assert text.first_of([*names], most=3) == told
