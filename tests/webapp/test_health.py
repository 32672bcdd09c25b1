"""Liveness and readiness."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from jobs.queue import report_worker
from webapp import create_app
from webapp.extensions import db


def test_alive_asks_nothing_and_needs_no_user(client: FlaskClient, count_queries: list[str]) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")
    assert count_queries == []


def test_a_process_without_a_database_is_alive(without_database: FlaskClient) -> None:
    assert without_database.get("/healthz").status_code == 200


def test_ready_when_database_redis_and_a_worker_answer(client: FlaskClient) -> None:
    report_worker("one")
    report_worker("two")
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json == {"ready": True, "database": True, "redis": True, "workers": 2, "problems": []}


def test_not_ready_without_a_worker(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert (answer.json["ready"], answer.json["workers"]) == (False, 0)
    assert answer.json["problems"] == [
        "No worker is running. Start one: `make run` starts workers, and `python -m jobs.worker` starts one alone."
    ]


def test_not_ready_without_redis(app: Flask, client: FlaskClient) -> None:
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], redis_url="unix:///nowhere/s3cret/redis.sock")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert (answer.json["database"], answer.json["redis"]) == (True, False)
    assert answer.json["problems"] == [
        "Redis does not answer. Check that it is running and that REDIS_URL is right: `flask doctor` tells more."
    ]


def test_not_ready_without_its_database_and_no_secret_told(without_database: FlaskClient) -> None:
    answer = without_database.get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert (answer.json["database"], answer.json["redis"]) == (False, True)
    assert "DATABASE_URL" in answer.json["problems"][0]
    assert "s3cret" not in answer.text
    assert "127.0.0.1" not in answer.text


def test_not_ready_with_the_tables_of_another_version(client: FlaskClient) -> None:
    report_worker("one")
    revision = db.session.scalar(text("SELECT version_num FROM alembic_version"))
    db.session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    db.session.commit()
    try:
        answer = client.get("/readyz")
    finally:
        db.session.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
        db.session.commit()
    assert answer.status_code == 503
    assert answer.json is not None
    assert "revision 9999" in answer.json["problems"][0]
    assert "Install the version that migrated it" in answer.json["problems"][0]


def test_not_ready_before_the_tables_are_made(app: Flask, tmp_path: Path) -> None:
    new = create_app(replace(app.config["SETTINGS"], database_url=f"sqlite:///{tmp_path / 'new.db'}"))
    answer = new.test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert "revision none" in answer.json["problems"][0]
    assert "flask db upgrade" in answer.json["problems"][0]
    with new.app_context():
        db.engine.dispose()
