"""Fold the i's of Turkish, with a dot and without one, into one, so that a name is found however its case is"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

FOLDED = (
    ("organization", "name_folded"),
    ("tenant", "name_folded"),
    ("tenant", "search_folded"),
    ("product", "name_folded"),
    ("product", "search_folded"),
    ("contact", "name_folded"),
    ("contact", "search_folded"),
    ("flexible_asset", "name_folded"),
    ("flexible_asset", "search_folded"),
    ("audit_entry", "search_folded"),
)
# Of these no two may be the same: the table, its column, and within what.
UNIQUE = (
    ("integration", "name_folded", "disconnected_at IS NULL"),
    ("user_group", "name_folded", "1"),
    ("contact_email", "address_folded", "contact_id"),
)
DOTTED, DOTLESS = "i\N{COMBINING DOT ABOVE}", "\N{LATIN SMALL LETTER DOTLESS I}"


def upgrade() -> None:
    for table, name in FOLDED:
        column = sa.column(name, sa.Text)
        folded = sa.func.replace(sa.func.replace(column, DOTTED, "i"), DOTLESS, "i")
        op.execute(sa.table(table, column).update().where(_has_one(column)).values({name: folded}))
    for table, name, within in UNIQUE:
        _fold_one_by_one(table, name, within)


def downgrade() -> None:
    """Nothing: the version before finds these names as they are typed without such letters."""


def _has_one(column: sa.ColumnClause[str]) -> sa.ColumnElement[bool]:
    return sa.or_(column.contains(DOTTED), column.contains(DOTLESS))


def _fold_one_by_one(table: str, name: str, within: str) -> None:
    """There are few. What would then be the same as another one stays as it is."""
    connection, column, row_id = op.get_bind(), sa.column(name, sa.Text), sa.column("id", sa.Integer)
    rows = sa.table(table, row_id, column)
    group = sa.literal_column(within)
    for number, text in connection.execute(sa.select(row_id, column).where(_has_one(column)).order_by(row_id)).all():
        folded = text.replace(DOTTED, "i").replace(DOTLESS, "i")
        own_group = sa.select(group).select_from(rows).where(row_id == number).correlate(None).scalar_subquery()
        taken = sa.select(row_id).select_from(rows).where(column == folded, group == own_group)
        if connection.execute(taken).first() is None:
            connection.execute(rows.update().where(row_id == number).values({name: folded}))
