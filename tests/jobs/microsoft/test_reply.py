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


TOKEN = "eyJ0eXAi/OiJK+V1Q.eyJhdWQi.c2ln"
ESCAPED = "".join(f"\\u{ord(character):04X}" for character in TOKEN)


@pytest.mark.parametrize(
    "spelled",
    [TOKEN, TOKEN.replace("/", "\\/"), TOKEN.replace("e", "\\u0065"), TOKEN.replace("+", "\\u002b"), ESCAPED],
    ids=["as it is", "slash", "letter", "plus", "all"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("beside", ["Zo\\u00eb", "\\ud83d"], ids=["accent", "half a surrogate pair"])
def test_a_token_that_an_answer_repeats_is_taken_out_however_it_is_spelled(
    spelled: str, encoding: str, beside: str
) -> None:
    told = f'{{"error": {{"message": "\\"Bearer {spelled}\\" is no good, says Zoë."}}, "{spelled}": [7, "{beside}"]}}'
    reply = Reply.to(TOKEN, Answer(200, {}, told.encode(encoding)))
    assert reply.body["error"] == {"message": '"Bearer (the token)" is no good, says Zoë.'}
    assert TOKEN not in f"{reply}"


def test_an_answer_that_does_not_repeat_the_token_stays_as_it_is() -> None:
    content = b'{"value": ["a \\"b\\" \\u00eb", "Ben \\ud83d", 1e3]}'
    reply = Reply.to(TOKEN, Answer(200, {}, content))
    assert (reply.body, reply.answer.content) == ({"value": ['a "b" ë', "Ben \ud83d", 1000.0]}, content)


def test_a_token_in_what_is_no_json_is_taken_out() -> None:
    reply = Reply.to(TOKEN, Answer(400, {}, f"\\ {TOKEN} <html>".encode()))
    assert (reply.body, reply.answer.text) == (None, "\\ (the token) <html>")


def test_what_is_nested_as_deeply_as_it_can_be_read_is_read_or_none() -> None:
    for depth in (10, 900, 990, 1020):
        body = Reply.to(TOKEN, Answer(200, {}, b'{"a":"\\"","b":' + b"[" * depth + b"]" * depth + b"}")).body
        assert (body is None and depth > 10) or body["a"] == '"'


@pytest.mark.parametrize("content", [b"", b"<html>", b'{"value": [', b"\xff\xfe\xff", b"[" * 100_000, b'{"a": 1} 2'])
def test_what_is_no_json_has_no_body(content: bytes) -> None:
    assert body_of(content) is None
