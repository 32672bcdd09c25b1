"""Why a database was not brought to this version, in a sentence, and what mends that."""

from __future__ import annotations

import sqlite3

from psycopg.errors import (
    DeadlockDetected,
    DuplicateColumn,
    DuplicateObject,
    DuplicateTable,
    InsufficientPrivilege,
    InvalidSchemaName,
    LockNotAvailable,
    UndefinedColumn,
    UndefinedObject,
    UndefinedTable,
)
from sqlalchemy.exc import DBAPIError

from .database import is_away, reason_of
from .models import Problem
from .refusals import refusal_of

# A migration does not wait in line for long (`migrations/env.py`).
IN_USE = Problem(
    "A table that is to be changed was in use for two minutes, as by a backup or by a session that was left open.",
    "Let that end, and migrate again: nothing is half done. This tells who it is: SELECT "
    "pid, usename, application_name, xact_start FROM pg_stat_activity ORDER BY xact_start.",
)
# What a migration meets where tables are not as the revision says, from which it begins.
_OTHERWISE = (
    DuplicateColumn,
    DuplicateObject,
    DuplicateTable,
    UndefinedColumn,
    UndefinedObject,
    UndefinedTable,
)
_OTHERWISE_WORDS = ("no such ", "table ", "index ", "duplicate column name")


def is_in_use(error: DBAPIError) -> bool:
    """Whether a migration gave way to others who use what it changes."""
    return isinstance(error.orig, LockNotAvailable | DeadlockDetected)


def _is_otherwise(error: DBAPIError) -> bool:
    """Whether tables are not as the database's revision says."""
    if isinstance(error.orig, sqlite3.OperationalError):
        return str(error.orig).startswith(_OTHERWISE_WORDS)
    return isinstance(error.orig, _OTHERWISE)


def keeps_from_migrating(error: DBAPIError) -> bool:
    """Whether it is for whoever runs the server, and no fault of a migration's own."""
    is_forbidden = isinstance(error.orig, InsufficientPrivilege | InvalidSchemaName)
    return is_away(error) or is_forbidden or _is_otherwise(error)


def why_not_migrated(error: DBAPIError) -> str:
    """What keeps the database from being brought to this version, and what to do."""
    if is_in_use(error):
        return IN_USE.text
    if _is_otherwise(error):
        return (
            f"The database's tables are not those of the revision that it names ({reason_of(error)}). A backup that "
            "was restored into a database which was not empty, or not to its end, leaves that: restore it anew, as "
            "docs/deploy.md says. If none was restored, please report it."
        )
    if refusal := refusal_of(error):
        return refusal.text
    return (
        f"The database cannot be used ({reason_of(error)}). Check DATABASE_URL, that the database runs, and that this "
        "user may make tables in it and owns those that are there."
    )
