"""When an integration syncs by itself"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# SQLite adds and drops these columns in place. Making the table anew, as a batch does, would delete it first, and
# with it what refers to it.


def upgrade() -> None:
    op.add_column("integration", sa.Column("sync_every_hours", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("integration", sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("integration", sa.Column("next_sync_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_integration_next_sync_at", "integration", ["next_sync_at"])


def downgrade() -> None:
    op.drop_index("ix_integration_next_sync_at", "integration")
    op.drop_column("integration", "next_sync_at")
    op.drop_column("integration", "paused_at")
    op.drop_column("integration", "sync_every_hours")
