"""Find the open parts of runs without looking at all that ever were"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    is_open = sa.text("finished_at IS NULL")
    op.create_index("ix_sync_part_open", "sync_part", ["run_id"], sqlite_where=is_open, postgresql_where=is_open)


def downgrade() -> None:
    op.drop_index("ix_sync_part_open", "sync_part")
