"""What comes as the answer to a batch, whatever it is: the reply to each request, or none."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest

from jobs.microsoft.batch import replies_in
from jobs.microsoft.reply import Reply
from jobs.microsoft.transport import Answer

DATE = "Tue, 01 Dec 2026 08:00:00 GMT"


def replies(body: Any, count: int = 2) -> list[Reply | None] | None:
    return replies_in(Reply(Answer(200, {"Date": DATE}, b""), body), count)


def a_response(**values: Any) -> dict[str, Any]:
    return {"id": "1", "status": 200, "body": {"value": []}, **values}


NO_LISTS: list[Any] = [None, {}, "text", 7]


@pytest.mark.parametrize("body", [None, [], "text", {}, *({"responses": other} for other in NO_LISTS)])
def test_what_is_no_answer_to_a_batch_has_no_replies(body: Any) -> None:
    assert replies(body) is None


def test_replies_come_in_the_order_of_the_requests_and_what_is_missing_is_none() -> None:
    found = replies({"responses": [a_response(id=2, status="404"), a_response(id="0")]}, 3)
    assert found is not None
    assert [reply and reply.status for reply in found] == [200, None, 404]


@pytest.mark.parametrize(
    "response", [None, 7, "text", [], {}, *(a_response(id=i) for i in (None, "", "x", -1, "²", 2, "01", " 1", [1]))]
)
def test_a_reply_to_nothing_that_was_asked_is_left_out(response: Any) -> None:
    assert replies({"responses": [response]}) == [None, None]


@pytest.mark.parametrize("place", ["9" * 5000, 10**4])
def test_a_place_that_no_batch_has_is_not_even_read(place: Any) -> None:
    assert replies({"responses": [a_response(id=place)]}) == [None, None]


@pytest.mark.parametrize("other", [{"body": {"value": [1]}}, {"status": 429}, {"status": None}, {}])
def test_of_replies_to_the_same_request_none_is_believed(other: dict[str, Any]) -> None:
    for twice in ([a_response(**other), a_response()], [a_response(), a_response(**other)]):
        assert replies({"responses": [*twice, a_response()]}) == [None, None]
        assert replies({"responses": twice}) == [None, None]


def nested() -> list[Any]:
    """Deeper than Python writes, and not deeper than it may come."""
    return list(orjson.loads(b"[" * 1000 + b"]" * 1000))


@pytest.mark.parametrize(("key", "has_reply"), [("id", False), ("status", False), ("headers", True)])
def test_what_is_nested_too_deeply_is_no_id_status_or_header(key: str, has_reply: bool) -> None:
    value = {"Retry-After": nested()} if key == "headers" else nested()
    found = replies({"responses": [a_response(**{key: value})]})
    assert found is not None
    assert (found[1] is not None) is has_reply


@pytest.mark.parametrize("status", [None, "", "OK", True, 20, 2000, -20, "20²", "9" * 5000])
def test_a_reply_without_a_status_is_none(status: Any) -> None:
    assert replies({"responses": [a_response(status=status)]}) == [None, None]


@pytest.mark.parametrize(
    ("headers", "date"),
    [(None, DATE), ([], DATE), ({"Retry-After": 3}, DATE), ({"date": "later"}, "later")],
)
def test_a_reply_has_the_date_of_the_batch_where_it_has_none_itself(headers: Any, date: str) -> None:
    found = replies({"responses": [a_response(headers=headers)]})
    assert found is not None
    assert found[1] is not None
    assert found[1].answer.headers["Date"] == date


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ({"a": 1}, {"a": 1}),
        ('{"a": 1}', {"a": 1}),
        (base64.urlsafe_b64encode(b'{"a": "\xc3\xbf?>"}').decode().rstrip("="), {"a": "ÿ?>"}),
        ("<html>", None),
        ("[" * 100_000, None),
    ],
)
def test_a_body_that_comes_as_text_is_read_as_json(body: Any, read: Any) -> None:
    found = replies({"responses": [a_response(body=body)]})
    assert found is not None
    assert found[1] is not None
    assert found[1].body == read
