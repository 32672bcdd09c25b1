"""Custom flexible assets, security settings and history"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "asset_field",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("type_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_required", sa.Boolean(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["type_id"],
            ["flexible_asset_type.id"],
            name=op.f("fk_asset_field_type_id_flexible_asset_type"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asset_field")),
    )
    op.create_index("ix_asset_field_type_id", "asset_field", ["type_id"])
    op.create_table(
        "flexible_asset",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("type_id", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_folded", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("search_folded", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("is_restricted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_flexible_asset_organization_id_organization"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["type_id"],
            ["flexible_asset_type.id"],
            name=op.f("fk_flexible_asset_type_id_flexible_asset_type"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flexible_asset")),
    )
    op.create_index(
        "ix_flexible_asset_organization_id", "flexible_asset", ["organization_id", "type_id", "name_folded"]
    )
    op.create_index("ix_flexible_asset_type_id", "flexible_asset", ["type_id"])
    op.create_table(
        "asset_contact",
        sa.Column("asset_id", sa.Integer(), nullable=False),
        sa.Column("field_id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["asset_id"],
            ["flexible_asset.id"],
            name=op.f("fk_asset_contact_asset_id_flexible_asset"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_asset_contact_contact_id_contact"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["field_id"], ["asset_field.id"], name=op.f("fk_asset_contact_field_id_asset_field"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("asset_id", "field_id", "contact_id", name=op.f("pk_asset_contact")),
    )
    op.create_index("ix_asset_contact_contact_id", "asset_contact", ["contact_id"])
    op.create_table(
        "asset_access",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("license_id", sa.Integer(), nullable=True),
        sa.Column("asset_id", sa.Integer(), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("group_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("(license_id IS NULL) <> (asset_id IS NULL)", name=op.f("ck_asset_access_license_or_asset")),
        sa.CheckConstraint("(user_id IS NULL) <> (group_id IS NULL)", name=op.f("ck_asset_access_user_or_group")),
        sa.ForeignKeyConstraint(
            ["asset_id"],
            ["flexible_asset.id"],
            name=op.f("fk_asset_access_asset_id_flexible_asset"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["user_group.id"], name=op.f("fk_asset_access_group_id_user_group"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["license_id"], ["license.id"], name=op.f("fk_asset_access_license_id_license"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_asset_access_user_id_user_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asset_access")),
        sa.UniqueConstraint("asset_id", "group_id", name="uq_asset_access_asset_group"),
        sa.UniqueConstraint("asset_id", "user_id", name="uq_asset_access_asset_user"),
        sa.UniqueConstraint("license_id", "group_id", name="uq_asset_access_license_group"),
        sa.UniqueConstraint("license_id", "user_id", name="uq_asset_access_license_user"),
    )
    op.create_index("ix_asset_access_group_id", "asset_access", ["group_id"])
    op.create_index("ix_asset_access_user_id", "asset_access", ["user_id"])
    op.create_table(
        "asset_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("license_id", sa.Integer(), nullable=True),
        sa.Column("asset_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.CheckConstraint("(license_id IS NULL) <> (asset_id IS NULL)", name=op.f("ck_asset_change_license_or_asset")),
        sa.ForeignKeyConstraint(
            ["asset_id"],
            ["flexible_asset.id"],
            name=op.f("fk_asset_change_asset_id_flexible_asset"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["license_id"], ["license.id"], name=op.f("fk_asset_change_license_id_license"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asset_change")),
    )
    op.create_index("ix_asset_change_asset_id", "asset_change", ["asset_id"])
    op.create_index("ix_asset_change_license_id", "asset_change", ["license_id"])
    op.add_column("flexible_asset_type", sa.Column("description", sa.Text(), server_default="", nullable=False))
    op.add_column("flexible_asset_type", sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("license", sa.Column("is_restricted", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column("license", "is_restricted")
    op.drop_column("flexible_asset_type", "archived_at")
    op.drop_column("flexible_asset_type", "description")
    op.drop_table("asset_change")
    op.drop_table("asset_access")
    op.drop_table("asset_contact")
    op.drop_table("flexible_asset")
    op.drop_table("asset_field")
