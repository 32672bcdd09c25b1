"""Why a database that is there does not do what it is told, in a sentence, and what mends that."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from pathlib import Path

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
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError

from settings.data_directory import LEAST_ROOM

from .database import is_away, reason_of
from .engines.sqlite import FileReplaced, FileTakenAway, NoFile
from .models import Problem, SyncPart, utc_now

# The reasons are for everybody, the fixes for whoever runs the server. Neither has an address or a secret.
FULL = Problem(
    "The disk that the database is on is full.",
    "Make room on it. Nothing is lost, and what was under way goes on by itself.",
)
READ_ONLY = Problem(
    "The database may be read and not be written to.",
    "If it is a standby, let DATABASE_URL name the primary; target_session_attrs=read-write finds it among several "
    "hosts. Else take back what made it so, as default_transaction_read_only.",
)
READ_ONLY_FILE = Problem(
    "The database's file may be read and not be written to.",
    "Give this user the right to write to it and to its directory. If a fault made the whole disk so, the machine's "
    "log says which.",
)
UNOPENED_FILE = Problem(
    "The database's file cannot be opened.",
    "See that DATABASE_URL, if it is set, names it, that this user may read and write it and its directory, and that "
    "their disk has room for a further file (`df -i`).",
)
BROKEN_DISK = Problem(
    "The disk that the database is on cannot be read or written.",
    "See that there is room on it, what the machine's log says of it, and that no limit keeps files from growing "
    "(`ulimit -f`).",
)
DAMAGED_FILE = Problem(
    "The database's file is damaged, or is none.",
    "See first what the machine's log says of its disk: one that cannot be read looks the same, and then nothing is "
    "lost. Else stop everything and restore a backup, as docs/deploy.md says. Where one was just restored: put it in "
    "place again, with everything stopped and without the files -wal and -shm that were left beside the one before.",
)
REPLACED_FILE = Problem(
    "The database's file was replaced while Seatledger was running.",
    "Stop everything. If a backup was restored, put it in its place again as docs/deploy.md says. Then start.",
)
NO_FILE = Problem(
    "The database's file is not there.",
    "If its disk, or its directory, was taken away, put it back; what was under way goes on by itself. If this says "
    "then that the file was replaced, start everything anew.",
)
NO_CONNECTION = Problem(
    "All connections that the database allows are taken.",
    "Raise its max_connections, and what this user or this database is limited to: docs/deploy.md says how many are "
    "needed.",
)
IN_A_HURRY = Problem(
    "The database ended a statement before it was done.",
    "If statement_timeout, lock_timeout or transaction_timeout are set for this user, the database or the server, take "
    "that off for this user: ALTER ROLE ... SET statement_timeout = 0.",
)
GAVE_WAY = Problem(
    "Somebody else was writing the same, and the database let them go first.",
    "Where this comes often, see whether something else writes to this database, as a script of your own.",
)
FORGETFUL_POOLER = Problem(
    "A pooler before the database gives each transaction another connection, and does not know prepared statements: "
    "some of what is asked fails.",
    "Set DATABASE_PREPARED_STATEMENTS=false everywhere and restart all; or let the pooler know them, as PgBouncer 1.22 "
    "and newer do with max_prepared_statements; or let it pool by session.",
)
POOLER_OF_STATEMENTS = Problem(
    "A pooler before the database gives each statement another connection, and allows no transactions.",
    "Let it pool by transaction or by session: PgBouncer's pool_mode.",
)
POOLER_WITHOUT_CONNECTION = Problem(
    "A pooler before the database had no connection for this in time.",
    "If its pool is too small, raise it (PgBouncer's default_pool_size, max_client_conn): docs/deploy.md says how many "
    "connections are needed. Else see whether it is paused, and whether it reaches the database.",
)
NO_STANDBY = Problem(
    "The database keeps nothing before a standby has it, too, and waits for one that does not answer.",
    "Start the standby, or take it out of synchronous_standby_names and reload: what waits goes on by itself.",
)
# Of a migration alone: it does not wait in line for long (`migrations/env.py`).
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

# PostgreSQL's "Error Codes".
_BY_STATE = {
    "53100": FULL,
    "58030": BROKEN_DISK,
    "58P01": BROKEN_DISK,
    "25006": READ_ONLY,
    "53300": NO_CONNECTION,
    "57014": IN_A_HURRY,
    "55P03": IN_A_HURRY,
    "25P04": IN_A_HURRY,
    "40001": GAVE_WAY,
    "40P01": GAVE_WAY,
    "26000": FORGETFUL_POOLER,
    "42P05": FORGETFUL_POOLER,
}
# Whoever was not let in has no code: libpq hands on only the words. Some are its own, of target_session_attrs, and the
# last are PgBouncer's, which has one code for all.
_BY_WORDS = {
    "too many clients": NO_CONNECTION,
    "too many connections": NO_CONNECTION,
    "remaining connection slots": NO_CONNECTION,
    # What PostgreSQL adds of the system's own, where its disk did not let it take up a connection.
    "No space left on device": FULL,
    "Disk quota exceeded": FULL,
    "Read-only file system": BROKEN_DISK,
    "Input/output error": BROKEN_DISK,
    "session is read-only": READ_ONLY,
    "server is in hot standby mode": READ_ONLY,
    "not allowed in statement pooling mode": POOLER_OF_STATEMENTS,
    "query_wait_timeout": POOLER_WITHOUT_CONNECTION,
    "no more connections allowed": POOLER_WITHOUT_CONNECTION,
}
# Whether a commit of this user's waits, for so many seconds, which is longer than a standby takes.
_WAITS_FOR_A_STANDBY = text("""
    SELECT EXISTS (
        SELECT FROM pg_stat_activity WHERE usename = current_user AND wait_event = 'SyncRep'
        AND query_start < clock_timestamp() - make_interval(secs => :seconds)
    )
""")
_STANDBY_SECONDS = 10.0
# What a disk refuses a sync although it lets itself be asked, and takes what is small.
_OF_THE_DISK = {refusal.reason: refusal for refusal in (FULL, BROKEN_DISK, DAMAGED_FILE)}
# SQLite's "Result and Error Codes"; the extended ones begin with these.
_BY_NAME = {
    "SQLITE_FULL": FULL,
    # What is shared by all that have the file open is made, and grows, beside it.
    "SQLITE_IOERR_SHMSIZE": FULL,
    "SQLITE_READONLY": READ_ONLY_FILE,
    "SQLITE_CANTOPEN": UNOPENED_FILE,
    "SQLITE_IOERR": BROKEN_DISK,
    "SQLITE_CORRUPT": DAMAGED_FILE,
    "SQLITE_NOTADB": DAMAGED_FILE,
}


def refusal_of(error: BaseException) -> Problem | None:
    """What the database said of itself in this error; None where it did not answer, or complained of the statement."""
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, FileReplaced):
        return REPLACED_FILE
    if isinstance(cause, FileTakenAway | NoFile):
        return NO_FILE
    if isinstance(cause, sqlite3.Error):
        name = getattr(cause, "sqlite_errorname", "")
        return next((refusal for known, refusal in _BY_NAME.items() if name.startswith(known)), None)
    if known := _BY_STATE.get(getattr(cause, "sqlstate", None) or ""):
        return known
    return next((refusal for words, refusal in _BY_WORDS.items() if words in str(cause)), None)


def end_of(error: BaseException) -> Problem | None:
    """Why the database ended a transaction, though it answers and takes the next one; None where that is not so."""
    refusal = refusal_of(error)
    return refusal if refusal in (IN_A_HURRY, GAVE_WAY, FORGETFUL_POOLER) else None


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


def foreseen_refusal(connection: Connection) -> Problem | None:
    """Why nothing can be written, as far as the database and its disk tell; no data is written to find out.

    Nor may a disk have room for much where it has some for little: then tenants wait for that reason.
    """
    return _told_refusal(connection) or _refusal_of_tenants(connection)


def _refusal_of_tenants(connection: Connection) -> Problem | None:
    """What the disk refused a sync within the last minute, for which a tenant that it concerns is put off."""
    refused = select(SyncPart.reason).where(
        SyncPart.finished_at.is_(None), SyncPart.reason.in_(_OF_THE_DISK), SyncPart.not_before > utc_now()
    )
    return _OF_THE_DISK.get(connection.scalar(refused.limit(1)) or "")


def _told_refusal(connection: Connection) -> Problem | None:
    if connection.dialect.name == "postgresql":
        if connection.scalar(text("SHOW transaction_read_only")) == "on":
            return READ_ONLY
        return NO_STANDBY if connection.scalar(_WAITS_FOR_A_STANDBY, {"seconds": _STANDBY_SECONDS}) else None
    file = Path(connection.engine.url.database or "")
    if not file.is_file():
        return None
    # Beside the file are those in which SQLite writes first.
    if not (os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)):
        return READ_ONLY_FILE
    if shutil.disk_usage(file.parent).free < LEAST_ROOM:
        return FULL
    return _refusal_of_disk(file.parent)


def _refusal_of_disk(directory: Path) -> Problem | None:
    """What the disk says to the least that can be written to it: the times of a directory, as they are.

    One that Linux has stopped writing to after a fault may look like any other until then.
    """
    try:
        status = directory.stat()
        os.utime(directory, ns=(status.st_atime_ns, status.st_mtime_ns))
    except OSError as error:
        if error.errno == errno.EROFS:
            return READ_ONLY_FILE
        return BROKEN_DISK if error.errno == errno.EIO else None  # as where the directory is another user's
    return None
