"""How Alembic reaches the database: through the app's engine, one transaction a migration."""

from typing import Literal

import click
from alembic import context
from alembic.util import CommandError
from flask import current_app
from psycopg.errors import InsufficientPrivilege, InvalidSchemaName
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from webapp.database import is_away
from webapp.models.base import Named, UtcDateTime
from webapp.refusals import why_not_migrated

extension = current_app.extensions["migrate"]
engine = extension.db.engine


def render_item(kind: str, item: object, context: object) -> str | Literal[False]:
    """Write the app's own types as what they are in the database, so that a migration outlives them."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, Named):
        return "sa.Text()"
    return False


def keep_children(connection: Connection, check: bool) -> None:
    """On SQLite, let a migration rebuild a table that others refer to.

    Rebuilding drops the old table, and with foreign keys on that deletes every row that refers to one of its rows.
    SQLite hears this only outside a transaction.
    """
    if connection.dialect.name == "sqlite":
        cursor = connection.connection.cursor()
        cursor.execute(f"PRAGMA foreign_keys={'ON' if check else 'OFF'}")
        cursor.close()


def run() -> None:
    with engine.connect() as connection:
        keep_children(connection, check=False)
        context.configure(
            connection=connection,
            target_metadata=extension.db.metadata,
            transaction_per_migration=True,
            render_item=render_item,
            **extension.configure_args,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
        keep_children(connection, check=True)


if context.is_offline_mode():
    raise SystemExit("Migrations run against a database: call `flask db upgrade` without --sql.")
try:
    run()
except DBAPIError as error:
    is_foreseen = is_away(error) or isinstance(error.orig, InsufficientPrivilege | InvalidSchemaName)
    # `make run` migrates without a command, and catches the error itself.
    if click.get_current_context(silent=True) is None or not is_foreseen:
        raise
    raise CommandError(why_not_migrated(error)) from error
