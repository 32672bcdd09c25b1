"""Runs that are cancelled or repeat another's failed tenants; Microsoft's date and consent with a problem"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("sync_run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("retry_of_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("cancelled_by", sa.Text(), nullable=False, server_default=""))
        batch_op.create_foreign_key(
            op.f("fk_sync_run_retry_of_id_sync_run"), "sync_run", ["retry_of_id"], ["id"], ondelete="SET NULL"
        )
        batch_op.create_index("ix_sync_run_retry_of_id", ["retry_of_id"], unique=False)
    with op.batch_alter_table("sync_part", schema=None) as batch_op:
        batch_op.add_column(sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("needs_consent", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    with op.batch_alter_table("sync_part", schema=None) as batch_op:
        batch_op.drop_column("needs_consent")
        batch_op.drop_column("answered_at")
    with op.batch_alter_table("sync_run", schema=None) as batch_op:
        batch_op.drop_index("ix_sync_run_retry_of_id")
        batch_op.drop_constraint(op.f("fk_sync_run_retry_of_id_sync_run"), type_="foreignkey")
        batch_op.drop_column("cancelled_by")
        batch_op.drop_column("retry_of_id")
