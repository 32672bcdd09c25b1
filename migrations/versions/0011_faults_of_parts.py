"""How often a part failed for a passing reason, told apart from waits"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sync_part", sa.Column("faults", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("sync_part", "faults")
