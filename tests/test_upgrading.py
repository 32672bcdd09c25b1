"""`flask db upgrade` beside others who use or migrate the database, and on one that it cannot migrate."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask_migrate import upgrade
from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import Engine, NullPool, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from config import BASE_DIR
from tests.support.services import empty_database, postgresql_server
from tests.support.settings import environment_of, make_settings
from tests.support.waiting import eventually
from webapp import create_app
from webapp.extensions import db
from webapp.schema_version import MIGRATIONS
from webapp.unmigrated import why_not_migrated


def test_a_database_that_is_away_ends_the_command_with_a_sentence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert "Connection refused" in _refused("postgresql+psycopg://nobody:x@127.0.0.1:1/none", tmp_path, caplog)


@pytest.mark.parametrize(
    ("right", "words"), [("CREATE", "permission denied"), ("ALL", "no schema has been selected to create in")]
)
def test_a_user_who_may_make_no_tables_ends_the_command_with_a_sentence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, right: str, words: str
) -> None:
    with postgresql_server() as url:
        with create_engine(url, poolclass=NullPool).begin() as connection:
            connection.execute(text("CREATE ROLE reader LOGIN"))
            connection.execute(text(f"REVOKE {right} ON SCHEMA public FROM PUBLIC"))
        theirs = make_url(url).set(username="reader").render_as_string()
        said = _refused(theirs, tmp_path, caplog)
        assert words in said
        assert "DATABASE_URL" in said


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        ("UPDATE alembic_version SET version_num = '0009'", "exists"),
        ("UPDATE alembic_version SET version_num = '0010'", "faults"),
        ("ALTER TABLE integration RENAME TO lost", "integration"),
    ],
)
def test_tables_of_another_revision_than_the_database_names_end_the_command_with_a_sentence(
    database: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, spoilt: str, words: str
) -> None:
    with empty_database(database, tmp_path) as url:
        _at_revision(url, tmp_path, "0011")
        with create_engine(url, poolclass=NullPool).begin() as connection:
            connection.execute(text(spoilt))
        said = _refused(url, tmp_path, caplog)
        assert words in said
        assert "restore it anew" in said


def test_a_database_of_a_newer_version_ends_the_command_with_a_sentence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with empty_database("sqlite", tmp_path) as url:
        _at_revision(url, tmp_path, "0013", named="9999")
        assert "This program is of an older version than the database" in _refused(url, tmp_path, caplog)


def test_a_database_of_several_revisions_ends_the_command_with_a_sentence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with empty_database("sqlite", tmp_path) as url:
        _at_revision(url, tmp_path, "0013")
        with create_engine(url, poolclass=NullPool).begin() as connection:
            connection.execute(text("INSERT INTO alembic_version VALUES ('0010')"))
        assert "several revisions (0010, 0013)" in _refused(url, tmp_path, caplog)


def test_who_is_in_the_way_of_a_migration_lets_others_go_on_meanwhile(tmp_path: Path) -> None:
    with postgresql_server() as url:
        _at_revision(url, tmp_path, "0011")
        engine = create_engine(url, poolclass=NullPool)
        with engine.connect() as backup, engine.connect() as page:
            backup.execute(text("SELECT count(*) FROM tenant"))
            [migrating] = _start_to_migrate(url, tmp_path, 1)
            eventually(lambda: _waiting(engine) == 1)
            page.execute(text("SET lock_timeout = '60s'"))
            page.execute(text("SELECT count(*) FROM tenant"))  # it waits behind the one that waits
            page.rollback()
            assert migrating.poll() is None
            backup.rollback()
            assert migrating.wait(60) == 0
        assert _revision(engine) == _newest()


def test_two_who_migrate_at_the_same_time_both_find_it_done(tmp_path: Path) -> None:
    with postgresql_server() as url:
        _at_revision(url, tmp_path, "0010")
        engine = create_engine(url, poolclass=NullPool)
        with engine.connect() as holding:
            holding.execute(text("SELECT count(*) FROM sync_part"))
            both = _start_to_migrate(url, tmp_path, 2)
            eventually(lambda: _waiting(engine) == 2)
            holding.rollback()
            assert [process.wait(60) for process in both] == [0, 0]
        assert _revision(engine) == _newest()


def test_who_is_second_with_a_migration_that_can_be_done_twice_finds_it_done_too(tmp_path: Path) -> None:
    project = tmp_path / "project"
    _copy_with_one_more_migration(project, "op.execute('LOCK TABLE sync_part IN ACCESS EXCLUSIVE MODE')")
    with postgresql_server() as url:
        _at_revision(url, tmp_path, _newest() or "")
        engine = create_engine(url, poolclass=NullPool)
        with engine.connect() as holding:
            holding.execute(text("SELECT count(*) FROM sync_part"))
            both = _start_to_migrate(url, tmp_path, 2, project)
            eventually(lambda: _waiting(engine) == 2)
            holding.rollback()
            assert [process.wait(60) for process in both] == [0, 0]
        assert _revision(engine) == "later"


@pytest.mark.parametrize("error", [LockNotAvailable(), DeadlockDetected()])
def test_whoever_waited_in_vain_is_told_how_to_find_who_was_in_the_way(error: Exception) -> None:
    assert "pg_stat_activity" in why_not_migrated(DBAPIError("ALTER TABLE", None, error))


def _copy_with_one_more_migration(project: Path, statement: str) -> None:
    """A project of the same code whose newest migration, "later", executes the statement."""
    project.mkdir()
    own = {"config.py", "wsgi.py", "migrations"}  # by which it finds its own folder, and what is in it
    for path in BASE_DIR.iterdir():
        if path.name not in own:
            (project / path.name).symlink_to(path)
    for name in ("config.py", "wsgi.py"):
        shutil.copy(BASE_DIR / name, project / name)
    shutil.copytree(MIGRATIONS, project / "migrations")
    later = f"from alembic import op\nrevision, down_revision = 'later', {_newest()!r}\n"
    (project / "migrations" / "versions" / "later.py").write_text(f"{later}def upgrade():\n    {statement}\n")


def _start_to_migrate(url: str, data_dir: Path, count: int, project: Path = BASE_DIR) -> list[subprocess.Popen[bytes]]:
    environment = environment_of(make_settings(data_dir, database_url=url))
    command = [sys.executable, "-m", "flask", "--app", "wsgi:app", "db", "upgrade"]
    return [subprocess.Popen(command, cwd=project, env=environment) for _ in range(count)]


def _waiting(engine: Engine) -> int:
    """How many sessions wait for a table."""
    with engine.connect() as onlooker:
        asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return int(onlooker.execute(text(asked)).scalar_one())


def _revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _newest() -> str | None:
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()


def _at_revision(url: str, data_dir: Path, revision: str, named: str = "") -> None:
    """Migrate it to this revision; let it name another one, if any is given."""
    app = create_app(make_settings(data_dir, database_url=url))
    with app.app_context():
        upgrade(revision=revision)
        with db.engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :named"), {"named": named or revision})
        db.engine.dispose()


def _refused(url: str, data_dir: Path, caplog: pytest.LogCaptureFixture) -> str:
    """What `flask db upgrade` says on this database, where it cannot do it."""
    app = create_app(make_settings(data_dir, database_url=url))
    ended = app.test_cli_runner().invoke(args=["db", "upgrade"])
    with app.app_context():
        db.engine.dispose()
    assert ended.exit_code == 1
    [said] = [record.message for record in caplog.records if record.levelname == "ERROR"]
    return said
