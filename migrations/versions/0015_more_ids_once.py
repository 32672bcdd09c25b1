"""Never give any id that pages and programs name, of what is gone, to another one, on SQLite as on PostgreSQL"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TABLES = (
    "user_account",
    "user_group",
    "integration",
    "tenant",
    "license",
    "sync_run",
    "tenant_addition",
    "flexible_asset_type",
    "matching_change",
    "pending_import",
)


def upgrade() -> None:
    _rebuild(autoincrement=True)


def downgrade() -> None:
    _rebuild(autoincrement=False)


def _rebuild(autoincrement: bool) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in TABLES:
            made = {"sqlite_autoincrement": autoincrement}
            with op.batch_alter_table(table, recreate="always", table_kwargs=made):
                pass
