"""Never give the id of an organization, contact or asset that is gone to another one, on SQLite as on PostgreSQL"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TABLES = ("organization", "contact", "flexible_asset")


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
