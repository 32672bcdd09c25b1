"""How alike names are, whatever stands in them."""

from __future__ import annotations

import pytest

from webapp.integrations.likeness import Alike, Names, core
from webapp.integrations.public_domains import is_evidence


@pytest.mark.parametrize(
    ("name", "stripped"),
    [
        ("Contoso, Inc.", "contoso"),
        ("CONTOSO L.L.C.", "contoso"),
        ("Contoso Co., Ltd.", "contoso"),
        ("Contoso Pty. Ltd.", "contoso"),
        ("Contoso PLC", "contoso"),
        ("Contoso A/S", "contoso"),
        ("Contoso B.V.", "contoso"),
        ("Contoso s.r.o.", "contoso"),
        ("Contoso S. A. R. L.", "contoso"),
        ("Contoso S.à r.l.", "contoso"),
        ("Contoso S.A. de C.V.", "contoso"),
        ("Contoso Sp. z o.o.", "contoso"),
        ("AB Contoso", "contoso"),
        ("Contoso UG (haftungsbeschränkt)", "contoso"),
        ("Müller & Söhne GmbH & Co. KG", "muller sohne"),
        ("Max Mustermann e.K.", "max mustermann"),
        ("ＣＯＮＴＯＳＯ　Ｌｔｄ．", "contoso"),
        ("株式会社コントソ", "コントソ"),
        ("コントソ(株)", "コントソ"),
        ("㈱コントソ", "コントソ"),
        ("ガンダム株式会社", "ガンダム"),
        ("(주)삼성", "삼성"),
        ("J. P. Morgan & Co.", "jp morgan"),
        ("A", "a"),
        ("GmbH", ""),
        ("S.A.", ""),
        ("& Co.", ""),
        ("株式会社", ""),
        ("😀", ""),
        ("", ""),
        (" \t\u200b", ""),
    ],
)
def test_legal_forms_punctuation_and_case_are_stripped(name: str, stripped: str) -> None:
    assert core(name) == stripped


def alike(name: str, *others: str) -> list[Alike]:
    return Names(others).most_alike(name)


def test_one_that_is_misspelt_is_alike() -> None:
    assert alike("Contosso Inc", "Fabrikam", "Contoso Ltd") == [Alike(1, 93)]


def test_names_that_differ_by_their_legal_form_only_are_wholly_alike() -> None:
    assert alike("Contoso GmbH", "Contoso Ltd") == [Alike(0, 100)]


def test_the_order_of_words_does_not_matter() -> None:
    assert alike("Traders Northwind", "Northwind Traders") == [Alike(0, 100)]


def test_of_equally_alike_ones_all_are_told() -> None:
    assert alike("Contosso", "Contoso Ltd", "Contoso AG", "Fabrikam") == [Alike(0, 93), Alike(1, 93)]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Store 12", "Store 13"),
        ("A", "B"),
        ("ABC", "ABCD"),
        ("GmbH", "AG"),
        ("", ""),
        ("株式会社", "有限会社"),
        ("Contoso", "Fabrikam"),
        ("コントソ", "コントラ"),
    ],
)
def test_what_only_looks_alike_is_not(name: str, other: str) -> None:
    assert alike(name, other) == []


def test_one_letter_is_alike_to_itself() -> None:
    assert alike("A Inc", "B", "A Ltd") == [Alike(1, 100)]


def test_names_of_any_length_are_compared() -> None:
    long = "x" * 5000
    assert alike(long, long + "y", "z") == [Alike(0, 99)]


@pytest.mark.parametrize("domain", ["contoso.com", "mail.contoso.co.uk", "live.contoso.com", "outlook-partner.de"])
def test_an_own_domain_is_evidence(domain: str) -> None:
    assert is_evidence(domain)


@pytest.mark.parametrize(
    "domain",
    [
        "contoso.onmicrosoft.com",
        "contoso.mail.onmicrosoft.com",
        "contoso.onmicrosoft.us",
        "contoso.partner.onmschina.cn",
        "gmail.com",
        "hotmail.co.uk",
        "yahoo.fr",
        "outlook.de",
        "web.de",
        "contoso",
        "",
    ],
)
def test_microsofts_and_public_mail_domains_are_none(domain: str) -> None:
    assert not is_evidence(domain)
