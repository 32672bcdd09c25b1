"""How Alembic reaches the database: through the app's engine, one transaction a migration."""

from typing import Literal

from alembic import context
from flask import current_app

from webapp.models.base import Named, UtcDateTime

extension = current_app.extensions["migrate"]
engine = extension.db.engine


def render_item(kind: str, item: object, context: object) -> str | Literal[False]:
    """Write the app's own types as what they are in the database, so that a migration outlives them."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, Named):
        return "sa.Text()"
    return False


def run() -> None:
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=extension.db.metadata,
            transaction_per_migration=True,
            render_item=render_item,
            **extension.configure_args,
        )
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("Migrations run against a database: call `flask db upgrade` without --sql.")
run()
