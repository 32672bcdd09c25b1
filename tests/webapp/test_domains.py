"""Domain names as people type them."""

from __future__ import annotations

import pytest

from webapp.domains import domain, domains


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("Contoso.COM", "contoso.com"),
        (" contoso.com. ", "contoso.com"),
        ("MÜNCHEN.Example", "münchen.example"),
        ("straße.de", "straße.de"),
        ("XN--MNCHEN-3YA.de", "xn--mnchen-3ya.de"),
        ("日本。jp", "日本.jp"),
        ("ＣＯＮＴＯＳＯ．com", "contoso.com"),
        ("con\u200btoso.com", "contoso.com"),
        ("a-b.c1.example", "a-b.c1.example"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
    ],
)
def test_a_domain_is_kept_in_lower_case(typed: str, stored: str) -> None:
    assert domain(typed) == stored


@pytest.mark.parametrize(
    "typed",
    [
        "",
        ".",
        ".com",
        "com",
        "a..b",
        "-a.de",
        "a-.de",
        "a_b.de",
        "a b.de",
        "1.2.3.4",
        "a" * 64 + ".de",
        "a." * 150 + "de",
        *[
            "https://a.de",
            "a.de/x",
            "a@b.de",
            "*.a.de",
            "a.de:443",
            "\0",
            "\ud800.de",
            "x" * 100_000,
            "a.123",
            "<b>.de",
        ],
    ],
)
def test_what_is_no_domain_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r"is not a domain name\.$"):
        domain(typed)


def test_several_are_set_apart_in_any_way_and_kept_once_in_order() -> None:
    assert domains("b.de, a.de;B.de\r\n\tc.de") == ["b.de", "a.de", "c.de"]
    assert domains(" ,;\n") == []


def test_only_the_first_wrong_ones_are_told() -> None:
    with pytest.raises(ValueError, match=r"^w0, w1, w2, w3, w4 and 3 more are not domain names\."):
        domains("good.example " + " ".join(f"w{n}" for n in range(8)))
