"""What statements over many rows share."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite

# The options of what changes rows without looking through those that the session holds: there may be very many, and
# they are read anew.
UNSYNCHRONIZED = {"synchronize_session": False}


def insert_or(table: Any, dialect: str) -> postgresql.Insert | sqlite.Insert:
    """An INSERT in this database's dialect, which may say what is to become of rows that are there already."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
