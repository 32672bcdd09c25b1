"""Static files: kept by browsers, sent compressed."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient

from webapp.templating import asset_url

YEAR = 365 * 24 * 3600


def test_a_file_s_address_changes_with_the_file_so_that_it_is_kept_for_a_year(app: Flask, client: FlaskClient) -> None:
    with app.test_request_context():
        address = asset_url("app.css")
    assert "?v=" in address
    with client.get(address) as answer:
        assert answer.status_code == 200
        assert answer.mimetype == "text/css"
        assert answer.headers["Cache-Control"] == f"max-age={YEAR}, public"
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_file_that_is_missing_is_not_remembered_as_missing(client: FlaskClient) -> None:
    answer = client.get("/static/nowhere.css")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (404, "no-store")


def test_a_browser_that_takes_it_gets_the_file_compressed(client: FlaskClient) -> None:
    address = "/static/vendor/tabler.min.css"
    with client.get(address, headers={"Accept-Encoding": "gzip"}) as small, client.get(address) as large:
        assert small.headers["Content-Encoding"] == "gzip"
        assert "Accept-Encoding" in small.headers["Vary"]
        assert len(small.data) < len(large.data) / 3


def test_a_static_file_asks_the_database_nothing(as_reader: FlaskClient, count_queries: list[str]) -> None:
    with as_reader.get("/static/app.js") as answer:
        assert answer.status_code == 200
    assert count_queries == []


def test_nothing_outside_the_folder_is_sent(client: FlaskClient) -> None:
    for path in ("/static/../config.py", "/static/%2e%2e/config.py", "/static//etc/passwd", "/static/..%2fwsgi.py"):
        assert client.get(path, follow_redirects=True).status_code == 404
