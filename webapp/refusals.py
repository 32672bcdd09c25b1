"""Why a database that is there does not do what it is told, in a sentence, and what mends that."""

from __future__ import annotations

import sqlite3

from .engines.sqlite_file import FileReplaced, FileTakenAway, NoFile
from .models import Problem

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
