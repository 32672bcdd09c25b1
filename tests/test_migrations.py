"""Migrations go up and down on both databases, and make what the models describe."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect, text

from tests.support.services import postgresql_server
from tests.support.settings import make_settings
from webapp import create_app
from webapp.extensions import db


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_migrations_go_up_and_down_and_up_and_match_the_models(database: str, tmp_path: Path) -> None:
    if database == "sqlite":
        _up_down_up(make_settings(tmp_path).database_url, tmp_path)
    else:
        with postgresql_server() as url:
            _up_down_up(url, tmp_path)


def _up_down_up(url: str, data_dir: Path) -> None:
    app = create_app(make_settings(data_dir, database_url=url))
    with app.app_context():
        upgrade()
        assert "license" in inspect(db.engine).get_table_names()
        downgrade(revision="base")
        assert inspect(db.engine).get_table_names() == ["alembic_version"]
        upgrade()
        with db.engine.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM license")) == 0
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, db.metadata) == []
        db.engine.dispose()
