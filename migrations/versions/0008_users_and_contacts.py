"""Partners, certificates, which users are synced, contacts and who holds which license"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "checked_license",
        sa.Column("integration_id", sa.Integer(), nullable=False),
        sa.Column("sku_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["integration_id"],
            ["integration.id"],
            name=op.f("fk_checked_license_integration_id_integration"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("integration_id", "sku_id", name=op.f("pk_checked_license")),
    )
    op.create_table(
        "tenant_checked_license",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("sku_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_tenant_checked_license_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "sku_id", name=op.f("pk_tenant_checked_license")),
    )
    op.create_table(
        "contact",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_folded", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("first_name", sa.Text(), nullable=False),
        sa.Column("last_name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("mobile", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("user_principal_name", sa.Text(), nullable=False),
        sa.Column("microsoft_user_id", sa.Text(), server_default="", nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("search_folded", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("unlinked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unlinked_reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_contact_organization_id_organization"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
    )
    op.create_index("ix_contact_name_folded", "contact", ["name_folded"])
    op.create_index(
        "ix_contact_unlinked",
        "contact",
        ["organization_id", "microsoft_user_id"],
        sqlite_where=sa.text("unlinked_at IS NOT NULL"),
        postgresql_where=sa.text("unlinked_at IS NOT NULL"),
    )
    op.create_index("ix_contact_organization_id", "contact", ["organization_id", "name_folded"])
    op.create_table(
        "contact_email",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("address_folded", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_contact_email_contact_id_contact"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_contact_email_organization_id_organization"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_email")),
        sa.UniqueConstraint("contact_id", "address_folded", name=op.f("uq_contact_email_contact_id_address_folded")),
    )
    op.create_index("ix_contact_email_organization_id", "contact_email", ["organization_id", "address_folded"])
    op.create_table(
        "directory_user",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=True),
        sa.Column("is_guest", sa.Boolean(), nullable=False),
        sa.Column("is_blocked", sa.Boolean(), nullable=False),
        sa.Column("qualifies", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_directory_user_contact_id_contact"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_directory_user_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_user")),
        sa.UniqueConstraint("tenant_id", "user_id", name=op.f("uq_directory_user_tenant_id_user_id")),
    )
    op.create_index("ix_directory_user_contact_id", "directory_user", ["contact_id"])
    op.create_table(
        "assignment",
        sa.Column("license_id", sa.Integer(), nullable=False),
        sa.Column("directory_user_id", sa.Integer(), nullable=False),
        sa.Column("is_direct", sa.Boolean(), nullable=False),
        sa.Column("is_through_group", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["directory_user_id"],
            ["directory_user.id"],
            name=op.f("fk_assignment_directory_user_id_directory_user"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["license_id"], ["license.id"], name=op.f("fk_assignment_license_id_license"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("license_id", "directory_user_id", name=op.f("pk_assignment")),
    )
    op.create_index("ix_assignment_directory_user_id", "assignment", ["directory_user_id"])
    op.create_table(
        "matching_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("left", sa.JSON(), nullable=False),
        sa.Column("created", sa.JSON(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("licenses", sa.Integer(), nullable=False),
        sa.Column("integrations", sa.JSON(), nullable=False),
        sa.Column("origin", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user_account.id"],
            name=op.f("fk_matching_change_user_id_user_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_matching_change")),
    )
    op.create_index("ix_matching_change_user_id", "matching_change", ["user_id"])
    op.add_column("integration", sa.Column("kind", sa.Text(), server_default="direct", nullable=False))
    op.add_column(
        "integration", sa.Column("contracts_named_some", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column(
        "integration", sa.Column("delegations_named_some", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("integration", sa.Column("match_by_name", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("integration", sa.Column("certificate_encrypted", sa.Text(), server_default="", nullable=False))
    op.add_column("integration", sa.Column("certificate_thumbprint", sa.Text(), server_default="", nullable=False))
    op.add_column("integration", sa.Column("credentials_end_on", sa.Date(), nullable=True))
    op.add_column("integration", sa.Column("acts_for_user", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("integration", sa.Column("refresh_token_encrypted", sa.Text(), server_default="", nullable=False))
    op.add_column("integration", sa.Column("signed_in_as", sa.Text(), server_default="", nullable=False))
    op.add_column("integration", sa.Column("signed_in_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("integration", sa.Column("sign_in_lapsed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("integration", sa.Column("sync_users", sa.Text(), server_default="off", nullable=False))
    op.add_column("integration", sa.Column("include_guests", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("integration", sa.Column("include_blocked", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column(
        "integration", sa.Column("include_unlicensed", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("tenant", sa.Column("domains", sa.Text(), server_default="", nullable=False))
    op.add_column("tenant", sa.Column("address", sa.Text(), server_default="", nullable=False))
    op.add_column("tenant", sa.Column("phone", sa.Text(), server_default="", nullable=False))
    op.add_column("tenant", sa.Column("placed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("tenant", sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("tenant", sa.Column("left_out_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("tenant", sa.Column("has_own_user_rules", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("tenant", sa.Column("users_synced_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("tenant", sa.Column("sync_users", sa.Text(), server_default="off", nullable=False))
    op.add_column("tenant", sa.Column("include_guests", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("tenant", sa.Column("include_blocked", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("tenant", sa.Column("include_unlicensed", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("sync_run", sa.Column("tenants_found", sa.Integer(), server_default="0", nullable=False))
    op.add_column("sync_run", sa.Column("tenants_gone", sa.Integer(), server_default="0", nullable=False))
    op.add_column("sync_run", sa.Column("discovery_requests", sa.Integer(), server_default="0", nullable=False))
    for name in ("code", "reason", "fix", "request_id"):
        op.add_column("sync_run", sa.Column(f"notice_{name}", sa.Text(), server_default="", nullable=False))
    _create_additions()


def _create_additions() -> None:
    op.create_table(
        "tenant_addition",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["integration_id"],
            ["integration.id"],
            name=op.f("fk_tenant_addition_integration_id_integration"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_tenant_addition_user_id_user_account"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenant_addition")),
    )
    op.create_index("ix_tenant_addition_integration_id", "tenant_addition", ["integration_id"])
    op.create_index(
        "ix_tenant_addition_open",
        "tenant_addition",
        ["heard_at"],
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    texts = ("tenant_id", "tenant_name", "held_by", "code", "reason", "fix", "request_id")
    op.create_table(
        "tenant_addition_line",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("addition_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in texts),
        sa.ForeignKeyConstraint(
            ["addition_id"],
            ["tenant_addition.id"],
            name=op.f("fk_tenant_addition_line_addition_id_tenant_addition"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenant_addition_line")),
    )
    op.create_index("ix_tenant_addition_line_addition_id", "tenant_addition_line", ["addition_id", "state"])
    op.add_column("sync_part", sa.Column("users_read", sa.Integer(), server_default="0", nullable=False))
    op.add_column("sync_part", sa.Column("contacts_created", sa.Integer(), server_default="0", nullable=False))
    op.add_column("sync_part", sa.Column("contacts_changed", sa.Integer(), server_default="0", nullable=False))
    op.add_column("sync_part", sa.Column("contacts_unlinked", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("sync_part", "contacts_unlinked")
    op.drop_column("sync_part", "contacts_changed")
    op.drop_column("sync_part", "contacts_created")
    op.drop_column("sync_part", "users_read")
    op.drop_table("tenant_addition_line")
    op.drop_table("tenant_addition")
    for name in ("request_id", "fix", "reason", "code"):
        op.drop_column("sync_run", f"notice_{name}")
    op.drop_column("sync_run", "discovery_requests")
    op.drop_column("sync_run", "tenants_gone")
    op.drop_column("sync_run", "tenants_found")
    op.drop_table("matching_change")
    op.drop_column("tenant", "include_unlicensed")
    op.drop_column("tenant", "include_blocked")
    op.drop_column("tenant", "include_guests")
    op.drop_column("tenant", "sync_users")
    op.drop_column("tenant", "users_synced_at")
    op.drop_column("tenant", "has_own_user_rules")
    op.drop_column("tenant", "left_out_at")
    op.drop_column("tenant", "gone_at")
    op.drop_column("tenant", "placed_at")
    op.drop_column("tenant", "phone")
    op.drop_column("tenant", "address")
    op.drop_column("tenant", "domains")
    op.drop_column("integration", "include_unlicensed")
    op.drop_column("integration", "include_blocked")
    op.drop_column("integration", "include_guests")
    op.drop_column("integration", "sync_users")
    op.drop_column("integration", "sign_in_lapsed_at")
    op.drop_column("integration", "signed_in_at")
    op.drop_column("integration", "signed_in_as")
    op.drop_column("integration", "refresh_token_encrypted")
    op.drop_column("integration", "acts_for_user")
    op.drop_column("integration", "credentials_end_on")
    op.drop_column("integration", "certificate_thumbprint")
    op.drop_column("integration", "certificate_encrypted")
    op.drop_column("integration", "match_by_name")
    op.drop_column("integration", "delegations_named_some")
    op.drop_column("integration", "contracts_named_some")
    op.drop_column("integration", "kind")
    op.drop_table("assignment")
    op.drop_table("directory_user")
    op.drop_table("contact_email")
    op.drop_table("contact")
    op.drop_table("tenant_checked_license")
    op.drop_table("checked_license")
