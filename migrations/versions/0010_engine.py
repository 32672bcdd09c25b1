"""What a sync remembers, so that the next one asks and writes less"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "user_tracking",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_user_tracking_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_user_tracking")),
    )
    op.add_column("integration", sa.Column("not_before", sa.DateTime(timezone=True), nullable=True))
    op.add_column("directory_user", sa.Column("facts_hash", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("directory_user", "facts_hash")
    op.drop_column("integration", "not_before")
    op.drop_table("user_tracking")
