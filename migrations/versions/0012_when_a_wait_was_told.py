"""When Microsoft asked to wait: by it a moment that a clock which was ahead has written is told from one that holds"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = ("tenant", "integration")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("told_to_wait_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "told_to_wait_at")
