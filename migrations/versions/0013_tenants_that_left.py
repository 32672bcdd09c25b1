"""From which organization a tenant departed whose users' links to its contacts are still to be cut"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("tenant") as batch_op:
        batch_op.add_column(sa.Column("departed_from_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            op.f("fk_tenant_departed_from_id_organization"),
            "organization",
            ["departed_from_id"],
            ["id"],
            ondelete="SET NULL",
        )
    marked = sa.text("departed_from_id IS NOT NULL")
    op.create_index(
        "ix_tenant_departed_from_id",
        "tenant",
        ["departed_from_id"],
        sqlite_where=marked,
        postgresql_where=marked,
    )
    if op.get_bind().dialect.name == "postgresql":
        # Of a column that it has not counted PostgreSQL takes it that hardly a row is empty, and all of them are.
        op.execute("ANALYZE tenant (departed_from_id)")


def downgrade() -> None:
    # The version before counts all links that there are.
    op.execute(_UNLINK.bindparams(sa.bindparam("now", datetime.now(UTC), sa.DateTime(timezone=True))))
    op.execute(
        "DELETE FROM user_tracking WHERE tenant_id IN (SELECT id FROM tenant WHERE departed_from_id IS NOT NULL)"
    )
    op.execute(
        "UPDATE directory_user SET contact_id = NULL, qualifies = false "
        "WHERE tenant_id IN (SELECT id FROM tenant WHERE departed_from_id IS NOT NULL)"
    )
    op.drop_index("ix_tenant_departed_from_id", "tenant")
    with op.batch_alter_table("tenant") as batch_op:
        batch_op.drop_constraint(op.f("fk_tenant_departed_from_id_organization"), type_="foreignkey")
        batch_op.drop_column("departed_from_id")


_UNLINK = sa.text(
    "UPDATE contact SET unlinked_at = :now, changed_at = :now, "
    "unlinked_reason = 'Its Microsoft 365 tenant is not matched to this organization any more.' "
    "WHERE id IN (SELECT u.contact_id FROM directory_user u JOIN tenant t ON t.id = u.tenant_id "
    "WHERE u.qualifies AND t.departed_from_id IS NOT NULL) "
    "AND NOT EXISTS (SELECT 1 FROM directory_user u JOIN tenant t ON t.id = u.tenant_id "
    "JOIN integration i ON i.id = t.integration_id WHERE u.contact_id = contact.id AND u.qualifies "
    "AND t.departed_from_id IS NULL AND i.disconnected_at IS NULL)"
)
