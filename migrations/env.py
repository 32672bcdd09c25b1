"""How Alembic reaches the database: through the app's engine, one transaction a migration."""

import logging
import time
from typing import Literal

import click
from alembic import context
from alembic.util import CommandError
from flask import current_app
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError

from webapp.engines.sqlite_file import making_the_file
from webapp.models.base import Named, UtcDateTime
from webapp.schema_version import Fit, look
from webapp.unmigrated import is_in_use, keeps_from_migrating, why_not_migrated

log = logging.getLogger("migrations")

extension = current_app.extensions["migrate"]
engine = extension.db.engine

# Whoever changes a table waits until nobody uses it, and whoever comes to use it waits behind: pages, too. So a
# migration steps back after a while, lets them pass, and tries again, for about two minutes in all.
_IN_LINE = "SET LOCAL lock_timeout = '2s'"
_STEPPED_BACK_SECONDS = 2.0
_TRIES = 30


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


def begin_in_line(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_IN_LINE)


def run() -> None:
    """Migrate, beginning again where that was left off: what is migrated stays so, since each is a transaction."""
    tries = _TRIES
    while True:
        found = look()
        if found.fit in (Fit.NEWER, Fit.MIXED) or (found.has_no_file and not is_upgrade()):
            raise CommandError(found.problem)
        try:
            migrate()
            return
        except (DBAPIError, CommandError) as error:
            if isinstance(error, DBAPIError) and is_in_use(error):
                tries -= 1
                if not tries:
                    raise
                if tries == _TRIES - 1:
                    log.warning("A table that is to be changed is in use: waiting for who uses it.")
                time.sleep(_STEPPED_BACK_SECONDS)
            elif look().revision == found.revision:
                raise
            # Else it got somewhere, maybe by another who migrates at the same time and was first.


def is_upgrade() -> bool:
    """Whether the database is to be brought to this version; `make run` does so without a command."""
    command = click.get_current_context(silent=True)
    return command is None or command.info_name == "upgrade"


def migrate() -> None:
    with making_the_file(), engine.connect() as connection:
        event.listen(connection, "begin", begin_in_line)
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
    # `make run` migrates without a command, and catches the error itself.
    if click.get_current_context(silent=True) is None or not keeps_from_migrating(error):
        raise
    raise CommandError(why_not_migrated(error)) from error
