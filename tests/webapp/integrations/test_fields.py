"""What may be typed for a connection."""

from __future__ import annotations

import pytest

from webapp.integrations import fields

GUID = "72f988bf-86f1-41af-91ab-2d7cd011db47"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Contoso", "Contoso"),
        ("  Contoso\t Ltd \r\n", "Contoso Ltd"),
        ("Con\x00to\x07so", "Contoso"),
        ("日本マイクロソフト株式会社", "日本マイクロソフト株式会社"),
        ("x" * 100, "x" * 100),
        ("half\ud800pair", "halfpair"),
    ],
)
def test_a_name_is_kept_without_control_characters(typed: str, kept: str) -> None:
    assert fields.name(typed) == kept


@pytest.mark.parametrize("typed", ["", "   ", "\x00\t", "\u200b\u200d", "x" * 101])
def test_a_name_that_is_empty_invisible_or_too_long_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r"name"):
        fields.name(typed)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (f" {GUID.upper()} ", GUID),
        ("Contoso.OnMicrosoft.com", "contoso.onmicrosoft.com"),
        ("xn--mller-kva.example", "xn--mller-kva.example"),
    ],
)
def test_a_tenant_is_a_guid_or_a_domain_in_lower_case(typed: str, kept: str) -> None:
    assert fields.tenant(typed) == kept


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("", "Type the Directory"),
        ("https://contoso.onmicrosoft.com", "web address"),
        (f"https://login.microsoftonline.com/{GUID}/", "web address"),
        ("contoso.onmicrosoft.com/", "web address"),
        ("admin@contoso.onmicrosoft.com", "after the @"),
        ("Contoso Ltd", "neither"),
        ("common", "neither"),
        ("-bad.example", "neither"),
        (f"{'a' * 64}.example", "neither"),
        (f"{'a.' * 130}example", "neither"),
        (f"{GUID}0", "neither"),
        ("contoso.com\n.evil", "neither"),
    ],
)
def test_what_is_no_tenant_is_refused_with_a_hint(typed: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        fields.tenant(typed)


def test_a_client_id_is_a_guid_in_lower_case() -> None:
    assert fields.client_id(f"\t{GUID.upper()}\n") == GUID


@pytest.mark.parametrize(
    ("typed", "hint"),
    [("", "Type"), ("Seatledger", "not the app's name"), ("abc8Q~secret", "looks like a client secret")],
)
def test_what_is_no_client_id_is_refused_with_a_hint(typed: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        fields.client_id(typed)


def test_a_secret_is_kept_without_the_white_space_around_it() -> None:
    assert fields.client_secret(" abc8Q~secret\r\n") == "abc8Q~secret"
    assert fields.client_secret("x" * 1000) == "x" * 1000


@pytest.mark.parametrize(
    ("typed", "hint"),
    [("  ", "Type"), ("x" * 1001, "has 1,001 characters"), ("a\nb", "line break"), ("a\u200bb", "invisible")],
)
def test_a_secret_that_cannot_be_one_is_refused_and_not_repeated(typed: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint) as refused:
        fields.client_secret(typed)
    assert "xxxx" not in str(refused.value)
