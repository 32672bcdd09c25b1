"""Bodies of answers, and what is made of those that are hardly JSON."""

from __future__ import annotations

import pytest

from jobs.microsoft.reply import Reply
from jobs.microsoft.transport import Answer


def body_of(content: bytes) -> object:
    return Reply.of(Answer(200, {}, content)).body


def test_a_body_is_read_as_json() -> None:
    assert body_of('{"value": [1, 2.5, true, null, "Zoë"]}'.encode()) == {"value": [1, 2.5, True, None, "Zoë"]}


def test_a_name_that_was_cut_within_an_emoji_costs_nobody_else_its_page() -> None:
    assert body_of(b'{"value": ["Anna", "Ben \\ud83d"]}') == {"value": ["Anna", "Ben \ud83d"]}


def test_a_body_in_another_encoding_of_unicode_is_read() -> None:
    assert body_of('{"value": "Zoë"}'.encode("utf-16")) == {"value": "Zoë"}


@pytest.mark.parametrize("content", [b"", b"<html>", b'{"value": [', b"\xff\xfe\xff", b"[" * 100_000, b'{"a": 1} 2'])
def test_what_is_no_json_has_no_body(content: bytes) -> None:
    assert body_of(content) is None
