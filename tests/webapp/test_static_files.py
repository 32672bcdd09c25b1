"""Static files: kept by browsers, sent compressed."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import Client

from webapp.static_files import StaticFiles
from webapp.templating import asset_url, load_all

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


def test_who_asks_for_another_version_gets_this_one_and_does_not_keep_it(client: FlaskClient) -> None:
    with client.get("/static/app.css?v=another") as answer:
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        seen = {"If-None-Match": answer.headers["ETag"]}
    with client.get("/static/app.css?v=another", headers=seen) as answer:
        assert answer.status_code == 200


def test_a_file_that_was_kept_is_not_sent_again(app: Flask, client: FlaskClient) -> None:
    with app.test_request_context():
        address = asset_url("app.css")
    with client.get(address) as answer:
        seen = {"If-None-Match": answer.headers["ETag"]}
    with client.get(address, headers=seen) as answer:
        assert (answer.status_code, answer.data) == (304, b"")


def test_what_is_installed_under_a_process_changes_nothing_that_it_sends(app: Flask, tmp_path: Path) -> None:
    file = tmp_path / "app.js"
    file.write_text("the first version")
    files = StaticFiles(app, root=tmp_path, prefix="static")
    file.write_text("the second version, which is longer")
    with Client(files).get("/static/app.js") as answer:
        assert answer.data == b"the first version"
        assert answer.content_length == len(answer.data)
    file.unlink()
    with Client(files).head("/static/app.js") as answer:
        assert (answer.status_code, answer.data) == (200, b"")


def test_pages_are_those_of_the_process_whatever_is_installed_under_it(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_all(app)
    assert len(app.jinja_env.cache or ()) >= len(app.jinja_env.list_templates())

    def of_another_version(*_: object) -> object:
        raise AssertionError("a template was read from the disk")

    monkeypatch.setattr(app.jinja_env.loader, "get_source", of_another_version)
    assert client.get("/setup").status_code == 200
    assert client.get("/nowhere").status_code == 404


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
