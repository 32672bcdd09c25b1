"""`flask doctor` on PostgreSQL as others run it: its version, its encoding, its limits, and a pooler before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import select

from tests.support.settings import make_settings
from webapp import create_app
from webapp.doctor import pooler
from webapp.doctor.database import check_database
from webapp.doctor.finding import Health
from webapp.doctor.pooler import check_pooler
from webapp.extensions import db
from webapp.models import Organization


@pytest.mark.parametrize(("of_postgresql", "is_too_old"), [(130022, True), (140000, False)])
def test_a_postgresql_that_is_too_old_is_worth_a_look(
    of_postgresql: int, is_too_old: bool, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psycopg.ConnectionInfo, "server_version", of_postgresql)
    is_told = {finding.part: finding.health for finding in check_database()}.get("version of the database")
    is_there = db.engine.dialect.name == "postgresql"
    assert is_told == (Health.WARNING if is_there and is_too_old else None)


def test_a_database_that_is_not_in_utf8_works_and_is_worth_a_look(
    postgresql_url: str, redis_url: str, tmp_path: Path
) -> None:
    server = postgresql_url.replace("postgresql+psycopg", "postgresql", 1)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE of_c TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'")
    url = urlsplit(postgresql_url)._replace(path="/of_c").geturl()
    app = create_app(make_settings(tmp_path, database_url=url, redis_url=redis_url))
    with app.app_context():
        upgrade()
        db.session.add(Organization(name="Zoë"))
        db.session.commit()
        assert db.session.scalars(select(Organization.name)).all() == ["Zoë"]
        db.session.remove()
        found = {finding.part: finding for finding in check_database()}
        db.engine.dispose()
    assert found["database"].health == Health.OK
    assert found["encoding of the database"].health == Health.WARNING
    assert "SQL_ASCII" in found["encoding of the database"].text


@pytest.mark.parametrize(("limit", "told"), [("200ms", ["lock_timeout = 200ms"]), ("0", []), ("5min", [])])
def test_a_database_that_soon_ends_what_takes_long_is_worth_a_look(
    postgresql_url: str, redis_url: str, tmp_path: Path, limit: str, told: list[str]
) -> None:
    parts = urlsplit(postgresql_url)
    query = "&".join(filter(None, [parts.query, f"options=-clock_timeout%3D{limit}"]))
    url = parts._replace(query=query).geturl()
    app = create_app(make_settings(tmp_path, database_url=url, redis_url=redis_url))
    with app.app_context():
        upgrade()
        found = {finding.part: finding for finding in check_database()}
        db.engine.dispose()
    assert found["database"].health == Health.OK
    looked = found.get("limits of the database")
    assert [one for one in told if looked and one in looked.text] == told
    assert (looked.health if looked else None) == (Health.WARNING if told else None)


@pytest.fixture
def behind_a_pooler(
    postgresql_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Flask]:
    """An app whose PostgreSQL seems to be behind a pooler."""
    monkeypatch.setattr(pooler, "_is_pooled", lambda connection: True)
    app = create_app(make_settings(tmp_path, database_url=postgresql_url, redis_url=redis_url))
    with app.app_context():
        yield app
        db.engine.dispose()


def test_a_pooler_that_does_not_lose_prepared_statements_is_well(behind_a_pooler: Flask) -> None:
    [found] = check_pooler()
    assert found.health == Health.OK


@pytest.mark.parametrize("prepares", [True, False])
def test_a_pooler_that_loses_prepared_statements_is_told_of_unless_there_are_none(
    behind_a_pooler: Flask, monkeypatch: pytest.MonkeyPatch, prepares: bool
) -> None:
    real = pooler._server_of

    def on_another_server(connection: psycopg.Connection, *, prepare: bool = False) -> int:
        found = real(connection, prepare=prepare)
        connection.pgconn.exec_(b"DEALLOCATE ALL")
        return found

    monkeypatch.setattr(pooler, "_server_of", on_another_server)
    settings = replace(behind_a_pooler.config["SETTINGS"], database_prepared_statements=prepares)
    app = create_app(settings)
    with app.app_context():
        [found] = check_pooler()
        db.engine.dispose()
    assert found.health == (Health.FAILED if prepares else Health.OK)
    assert ("DATABASE_PREPARED_STATEMENTS=false" in found.fix) == prepares


def test_a_database_without_a_pooler_says_nothing_of_one(postgresql_url: str, redis_url: str, tmp_path: Path) -> None:
    app = create_app(make_settings(tmp_path, database_url=postgresql_url, redis_url=redis_url))
    with app.app_context():
        assert not list(check_pooler())
        db.engine.dispose()
