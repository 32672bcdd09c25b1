"""An id for each request, in its log lines and in its answer."""

from __future__ import annotations

import logging

import pytest
from flask import Flask
from flask.testing import FlaskClient

from logs.context import current_fields
from logs.formats import TextLines


def test_each_answer_has_an_id_of_its_own_whatever_was_sent(client: FlaskClient) -> None:
    ids = [client.get("/healthz", headers={"X-Request-Id": "mine"}).headers["X-Request-Id"] for _ in range(2)]
    assert len({*ids, "mine"}) == 3
    assert all(len(one) == 16 for one in ids)


def test_what_a_request_logs_names_it_and_what_is_logged_after_does_not(
    without_database: FlaskClient, app: Flask
) -> None:
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(TextLines().format(record))  # type: ignore[method-assign]
    logging.getLogger("webapp").addHandler(handler)
    try:
        with without_database.session_transaction() as session:
            session["_user_id"] = "x"
        answer = without_database.get("/licenses/1")
    finally:
        logging.getLogger("webapp").removeHandler(handler)
    assert answer.status_code == 503
    assert f"http_request={answer.headers['X-Request-Id']}" in "\n".join(lines)
    assert "http_request" not in current_fields()


@pytest.mark.parametrize("path", ["/no-such-page", "/sign-in", "/metrics"])
def test_also_an_answer_that_is_an_error_has_one(client: FlaskClient, path: str) -> None:
    assert client.get(path).headers["X-Request-Id"]
