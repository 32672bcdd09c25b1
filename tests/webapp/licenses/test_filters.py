"""Filters: what an address asks for, and the address of what is asked for."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

import pytest
from werkzeug.datastructures import MultiDict

from webapp.licenses.filters import Filters


def of(query: str) -> Filters:
    return Filters.of(MultiDict(parse_qsl(query, keep_blank_values=True)))


def test_an_address_without_parameters_is_the_default_view() -> None:
    assert of("") == Filters()


def test_empty_parameters_are_as_if_they_were_not_there() -> None:
    assert of("q=&organization=&tenant=&product=&status=&sort=&page=&per_page=") == Filters()


@pytest.mark.parametrize(
    "query",
    [
        "",
        "q=caf%C3%A9+100%25",
        "organization=1&organization=2&tenant=7&product=05e9a617-0261-4cee-bb44-138d3ef5d965&status=LockedOut",
        "sort=-unused&page=3&per_page=100",
    ],
)
def test_a_view_and_its_address_are_the_same_both_ways(query: str) -> None:
    filters = of(query)
    assert of(urlencode(filters.parameters(), doseq=True)) == filters
    assert urlencode(filters.parameters(), doseq=True) == query


@pytest.mark.parametrize(
    ("typed", "status"),
    [
        ("suspended", "Suspended"),
        ("In grace", "Warning"),
        ("WARNING", "Warning"),
        ("locked out", "LockedOut"),
        ("lockedout", "LockedOut"),
        ("gone", "Gone"),
        ("NeverHeardOf", "NeverHeardOf"),
    ],
)
def test_a_status_is_known_by_microsofts_word_and_by_its_label(typed: str, status: str) -> None:
    assert Filters.made_of(status=[typed]).status == (status,)


@pytest.mark.parametrize(
    ("query", "sort"), [("sort=-unused", "-unused"), ("sort=name", "product"), ("sort=-NAME", "-product")]
)
def test_a_sort_may_descend_and_has_an_alias(query: str, sort: str) -> None:
    assert of(query).sort == sort


@pytest.mark.parametrize("sort", ["nonsense", "--unused", "id", "-", "unused; DROP TABLE license"])
def test_an_unknown_sort_is_the_default(sort: str) -> None:
    assert of(urlencode({"sort": sort})).sort == "product"


@pytest.mark.parametrize(
    ("given", "page"), [("3", 3), ("0", 1), ("-1", 1), ("x", 1), ("²", 1), ("1e3", 1), ("9" * 5000, 999_999_999)]
)
def test_a_page_is_a_number_from_1(given: str, page: int) -> None:
    assert of(urlencode({"page": given})).page == page


@pytest.mark.parametrize(("given", "per_page"), [("100", 100), ("1", 10), ("100000", 200), ("many", 50)])
def test_a_page_has_10_to_200_rows(given: str, per_page: int) -> None:
    assert of(urlencode({"per_page": given})).per_page == per_page


def test_what_no_database_takes_is_removed() -> None:
    filters = Filters.made_of(q="a\0b\udce4 ", organization=["\0", " Contoso\0 "])
    assert filters.q == "ab"
    assert filters.organization == ("Contoso",)


def test_a_search_is_cut_to_200_characters() -> None:
    assert len(Filters.made_of(q="x" * 5000).q) == 200


def test_only_what_narrows_counts_as_narrowed() -> None:
    assert not of("sort=-unused&page=2&per_page=100").is_narrowed
    assert of("q=x").is_narrowed
    assert of("status=Enabled").is_narrowed
