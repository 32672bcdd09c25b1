"""Migrations go up and down on both databases, and make what the models describe."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import CheckConstraint, Table, inspect, text

from config import BASE_DIR
from tests.support.factories import Make
from tests.support.services import empty_database
from tests.support.settings import make_settings
from webapp import create_app
from webapp.extensions import db, migrate
from webapp.models import utc_now


@pytest.fixture(params=["sqlite", "postgresql"])
def without_tables(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    """An app on a database without tables, with an open app context."""
    with (
        empty_database(request.param, tmp_path) as url,
        create_app(make_settings(tmp_path, database_url=url)).app_context(),
    ):
        yield
        db.session.close()
        db.engine.dispose()


@pytest.mark.usefixtures("without_tables")
def test_migrations_go_up_and_down_and_up_and_match_the_models() -> None:
    upgrade()
    assert "license" in inspect(db.engine).get_table_names()
    downgrade(revision="base")
    assert inspect(db.engine).get_table_names() == ["alembic_version"]
    upgrade()
    with db.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM license")) == 0
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, db.metadata) == []
    assert [table.name for table in db.metadata.sorted_tables if not _is_as_its_model(table)] == []


@pytest.mark.usefixtures("without_tables")
def test_what_is_stored_survives_going_up_and_down() -> None:
    """On SQLite a table that is rebuilt is dropped first, which must not delete what refers to it."""
    upgrade(revision="0001")
    with db.engine.begin() as connection:
        for statement in _ROWS:
            connection.execute(text(statement), {"now": _NOW, "no": False})
    upgrade()
    assert _stored() == [1, 1, 1, 1, 1]
    with db.engine.begin() as connection:
        connection.execute(text("UPDATE integration SET disconnected_at = created_at, removal = 'keep'"))
        connection.execute(text(_ROWS[0].replace("(1,", "(2,")), {"now": _NOW, "no": True})
    downgrade(revision="0001")
    assert _stored() == [2, 1, 1, 1, 1]
    upgrade()
    assert _stored() == [2, 1, 1, 1, 1]
    with db.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            assert connection.scalar(text("PRAGMA foreign_keys")) == 1
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []


# As text, which both databases take; what SQLite's driver makes of a moment by itself is to be given up.
_NOW = "2026-01-02 00:00:00+00:00"


_ROWS = (
    "INSERT INTO integration (id, name, name_folded, cloud, home_tenant_id, client_id, client_secret_encrypted, "
    "sync_licenses, created_at) VALUES (1, 'Contoso', 'contoso', 'global', 't', 'c', 's', :no, :now)",
    "INSERT INTO tenant (id, integration_id, tenant_id, name, name_folded, default_domain, search_folded, created_at) "
    "VALUES (1, 1, 't', 'Contoso', 'contoso', '', 'contoso', :now)",
    "INSERT INTO product (id, sku_id, part_number, name, search_folded, name_folded) "
    "VALUES (1, 's', 'P', 'P', 'p', 'p')",
    "INSERT INTO license (id, tenant_id, product_id, sku_id, sku_part_number, applies_to, status, active, consumed, "
    "unused, over, warning, suspended, locked_out, created_at, changed_at) "
    "VALUES (1, 1, 1, 's', 'P', '', 'Enabled', 1, 0, 1, 0, 0, 0, 0, :now, :now)",
    "INSERT INTO sync_run (id, integration_id, trigger, state, created_at, heard_at, tenants_total, tenants_ok, "
    "tenants_failed, requests, rows_written, code, reason, fix, request_id) "
    "VALUES (1, 1, 'manual', 'ok', :now, :now, 1, 1, 0, 0, 0, '', '', '', '')",
    "INSERT INTO sync_part (id, run_id, tenant_id, state, attempts, requests, created, changed, unchanged, gone, "
    "rows_written, code, reason, fix, request_id) VALUES (1, 1, 1, 'ok', 1, 0, 0, 0, 0, 0, 0, '', '', '', '')",
)


def _stored() -> list[int | None]:
    tables = ("integration", "tenant", "license", "sync_run", "sync_part")
    with db.engine.connect() as connection:
        return [connection.scalar(text(f"SELECT count(*) FROM {table}")) for table in tables]


@pytest.mark.usefixtures("without_tables")
def test_going_down_cuts_the_links_that_a_job_would_have_cut() -> None:
    """The version before knows of no mark, and would count them."""
    upgrade()
    make = Make()
    organization = make.organization()
    departed, matched = make.tenant(departed_from_id=organization.id), make.tenant(organization=organization)
    lost, shared, tagged = (make.contact(organization=organization) for _ in range(3))
    for contact in (lost, shared):
        make.directory_user(tenant=departed, contact=contact)
    make.directory_user(tenant=departed, contact=tagged, qualifies=False)
    make.directory_user(tenant=matched, contact=shared)
    shared_id = shared.id
    db.session.close()
    downgrade(revision="0012")
    with db.engine.connect() as connection:
        contacts = connection.execute(text("SELECT unlinked_at, unlinked_reason FROM contact ORDER BY id")).all()
        users = connection.execute(text("SELECT contact_id, qualifies FROM directory_user ORDER BY id")).all()
    assert [(at is not None, reason) for at, reason in contacts] == [
        (True, "Its Microsoft 365 tenant is not matched to this organization any more."),
        (False, ""),
        (False, ""),
    ]
    assert [(contact_id, bool(qualifies)) for contact_id, qualifies in users] == [
        *[(None, False)] * 3,
        (shared_id, True),
    ]
    upgrade()


@pytest.mark.usefixtures("without_tables")
def test_names_with_the_letters_of_turkish_that_are_stored_are_folded_as_new_ones() -> None:
    upgrade()
    make, name = Make(), "İstanbul Işık 100%"
    organization = make.organization(name=name)
    make.contact(organization=organization, name=name, email="ı@x.example")
    make.tenant(integration=make.integration(name=name), organization=organization, name=name)
    make.integration(name="Fabrikam", disconnected_at=utc_now())
    make.asset(organization=organization, name=name)
    make.product(name=name)
    groups = [make.group(name=name), make.group(name="Işık"), make.group(name="isik")]
    assert organization.name_folded == "istanbul işik 100%"
    kept = groups[2].id
    db.session.close()
    folded_columns = [
        (table.name, column.name)
        for table in db.metadata.sorted_tables
        for column in table.columns
        if column.name.endswith("_folded")
    ]
    expected = {column: _texts(*column) for column in folded_columns}
    downgrade(revision="0015")
    with db.engine.begin() as connection:
        for table, column in folded_columns:
            before = f"replace(replace({column}, 'istanbul', 'i\N{COMBINING DOT ABOVE}stanbul'), 'işik', 'ışık')"
            connection.execute(text(f"UPDATE {table} SET {column} = {before}"))
        connection.execute(text("UPDATE contact_email SET address_folded = 'ı@x.example'"))
        # Another group is found by this name by now: of two only one can be.
        taken = text("UPDATE user_group SET name_folded = 'işik' WHERE id = :id")
        connection.execute(taken, {"id": kept})
    upgrade()
    expected["user_group", "name_folded"] = ["istanbul işik 100%", "ışık", "işik"]
    assert {column: _texts(*column) for column in folded_columns} == expected


def _texts(table: str, column: str) -> list[str]:
    with db.engine.connect() as connection:
        return list(connection.scalars(text(f"SELECT {column} FROM {table} ORDER BY id")))


def _is_as_its_model(table: Table) -> bool:
    """Whether what Alembic does not compare is as the model has it: the checks, and whether SQLite gives ids once."""
    database = inspect(db.engine)
    checks = {str(check.sqltext) for check in table.constraints if isinstance(check, CheckConstraint)}
    if db.engine.dialect.name != "sqlite":
        return len(database.get_check_constraints(table.name)) == len(checks)  # it spells them in its own way
    with db.engine.connect() as connection:
        made = connection.scalar(text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": table.name})
    gives_ids_once = "AUTOINCREMENT" in made
    return gives_ids_once == table.dialect_options["sqlite"]["autoincrement"] and checks == {
        check["sqltext"] for check in database.get_check_constraints(table.name)
    }


def test_the_migrations_are_found_in_a_folder_with_a_percent_sign_in_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "My%20Projects 100 %"
    folder.mkdir()
    (folder / "migrations").symlink_to(BASE_DIR / "migrations")
    monkeypatch.chdir(folder)
    with Flask(__name__).app_context():
        config = migrate.get_config(str(folder / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head()
    assert config.get_main_option("timezone") == "UTC"
