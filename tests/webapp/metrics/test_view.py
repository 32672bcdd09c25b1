"""Who may read `/metrics`, and what it costs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import text

from jobs import queue
from tests.support.factories import Make
from webapp import create_app
from webapp.extensions import db
from webapp.metrics import store

from .conftest import TOKEN, Scrape, series

BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize("headers", [{}, BEARER])
def test_without_a_setting_it_is_not_there(client: FlaskClient, headers: dict[str, str]) -> None:
    assert client.get("/metrics", headers=headers).status_code == 404


@pytest.mark.usefixtures("with_token")
@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", "Bearer é", "x"]
)
def test_whoever_lacks_the_token_is_told_what_to_send(client: FlaskClient, given: str) -> None:
    answer = client.get("/metrics", headers={"Authorization": given} if given else {})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "METRICS_TOKEN" in answer.text
    assert TOKEN not in answer.text


@pytest.mark.usefixtures("with_token")
def test_a_signed_in_administrator_needs_the_token_too(as_administrator: FlaskClient) -> None:
    assert as_administrator.get("/metrics").status_code == 401


@pytest.mark.usefixtures("with_token")
def test_with_the_token_it_is_in_prometheus_text_format_and_sets_no_cookie(client: FlaskClient) -> None:
    answer = client.get("/metrics", headers=BEARER)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    assert series(answer.text)["seatledger_build_info{version=0.1.0}"] == 1


def test_no_session_and_no_table_of_customers_is_read(scrape: Scrape, count_queries: list[str]) -> None:
    scrape()
    asked = [statement for statement in count_queries if "FROM" in statement]
    assert len(asked) == 2
    assert not [statement for statement in asked if "user_" in statement or "license" in statement]


def test_without_a_database_the_rest_is_told(without_database: FlaskClient) -> None:
    application = without_database.application
    application.config["SETTINGS"] = replace(application.config["SETTINGS"], metrics_token=TOKEN)
    answer = without_database.get("/metrics", headers=BEARER)
    assert answer.status_code == 200
    found = series(answer.text)
    assert (found["seatledger_database_up"], found["seatledger_redis_up"]) == (0, 1)
    assert not [name for name in found if name.startswith(("seatledger_runs_active", "seatledger_parts_open"))]
    assert "s3cret" not in answer.text


def test_without_redis_counters_are_left_out_rather_than_begun_anew(app: Flask, scrape: Scrape) -> None:
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], redis_url="unix:///nowhere/s3cret/redis.sock")
    found = scrape()
    assert (found["seatledger_database_up"], found["seatledger_redis_up"]) == (1, 0)
    assert not [name for name in found if name.endswith("_total") or "{queue=" in name]


def test_every_web_process_tells_the_same(app: Flask, make: Make, scrape: Scrape) -> None:
    app.test_client().get("/healthz")
    other = create_app(app.config["SETTINGS"])
    answer = other.test_client().get("/metrics", headers=BEARER)
    assert series(answer.text)["seatledger_page_seconds_count{page=health.alive,status=2xx}"] == 1
    with other.app_context():
        db.engine.dispose()


def test_a_redis_that_is_away_is_not_asked_again(app: Flask, scrape: Scrape, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(store, "hand_over", lambda counts: asked.append("to add up"))
    monkeypatch.setattr(store, "read", lambda: asked.append("to tell"))
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], redis_url="unix:///nowhere/redis.sock")
    assert scrape()["seatledger_redis_up"] == 0
    assert asked == []


def test_what_others_wrote_into_redis_breaks_nothing(scrape: Scrape) -> None:
    redis: Redis = queue.connection()
    junk = {
        "junk": "1",
        "[1, 2]": "1",
        '["seatledger_parts", "ok"]': "many",
        '["seatledger_runs_ended"]': "3",
    }
    for name, value in junk.items():
        redis.hset("seatledger:metrics:1", name, value)
    found = scrape()
    told = {name: found[name] for name in found if name.startswith(("seatledger_parts_total", "seatledger_runs_ended"))}
    assert set(told.values()) == {0}
    assert {name.partition("{")[2] for name in told} == {
        f"outcome={outcome}}}" for outcome in ("ok", "partial", "failed", "put_off", "cancelled")
    }
    redis.delete("seatledger:metrics:1")
    redis.set("seatledger:metrics:1", "a string")
    assert scrape()["seatledger_redis_up"] == 1


def test_a_database_without_tables_is_told_as_away(scrape: Scrape) -> None:
    db.session.execute(text("ALTER TABLE sync_part RENAME TO sync_part_away"))
    db.session.commit()
    try:
        assert scrape()["seatledger_database_up"] == 0
    finally:
        db.session.execute(text("ALTER TABLE sync_part_away RENAME TO sync_part"))
        db.session.commit()
