"""Why a database would not take what somebody saves, told before they do."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from sqlalchemy import Connection, select, text

from settings.data_directory import LEAST_ROOM

from .models import Problem, SyncPart, utc_now
from .refusals import BROKEN_DISK, DAMAGED_FILE, FULL, NO_STANDBY, READ_ONLY, READ_ONLY_FILE

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
