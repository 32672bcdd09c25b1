"""Integrations that are being removed, or were, with their data kept"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("integration", schema=None) as batch_op:
        batch_op.add_column(sa.Column("disconnected_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("removal", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("removal_total", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("removal_done", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("removal_heard_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.drop_constraint("uq_integration_name_folded", type_="unique")
    live = sa.text("disconnected_at IS NULL")
    op.create_index(
        "uq_integration_name",
        "integration",
        ["name_folded"],
        unique=True,
        sqlite_where=live,
        postgresql_where=live,
    )


def downgrade() -> None:
    # Two of one name were possible, where one of them was removed.
    op.execute(
        "UPDATE integration SET name = name || ' (removed ' || id || ')', "
        "name_folded = name_folded || ' (removed ' || id || ')' WHERE disconnected_at IS NOT NULL"
    )
    op.drop_index("uq_integration_name", "integration")
    with op.batch_alter_table("integration", schema=None) as batch_op:
        batch_op.create_unique_constraint("uq_integration_name_folded", ["name_folded"])
        batch_op.drop_column("removal_heard_at")
        batch_op.drop_column("removal_done")
        batch_op.drop_column("removal_total")
        batch_op.drop_column("removal")
        batch_op.drop_column("disconnected_at")
