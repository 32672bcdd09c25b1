"""What statements over many rows share."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite

from .base import Model

# The options of what changes rows without looking through those that the session holds: there may be very many, and
# they are read anew.
UNSYNCHRONIZED = {"synchronize_session": False}


def table_of(model: type[Model]) -> Table:
    """The model's table. A statement over it is made sooner, and gives plain rows sooner, than one over the model."""
    return cast(Table, model.__table__)


def insert_or(table: type[Model] | Table, dialect: str) -> postgresql.Insert | sqlite.Insert:
    """An INSERT in this database's dialect, which may say what is to become of rows that are there already."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
