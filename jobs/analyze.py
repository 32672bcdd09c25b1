"""Telling PostgreSQL how large the tables have become, where syncs made them several times as large.

It plans by what it counted last, which its autovacuum does once a minute; in that time a first sync makes a million
rows where there was none. And a connection keeps a plan, also that by which a foreign key is looked after, until then:
of a table of few rows the best was to read all of it.

Source: PostgreSQL, "ANALYZE", "PREPARE" (on generic plans).
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from webapp.database import forget_transaction
from webapp.extensions import db

log = logging.getLogger(__name__)

# Counted after so many rows, and then each time when this process has written so many times as many.
_FIRST, _TIMES = 1_000, 4
# What a sync writes rows of, with the columns by which they are looked for. What another counts just now is left to it.
_COUNT = text(
    "ANALYZE (SKIP_LOCKED) license (tenant_id), directory_user (tenant_id, contact_id), contact (organization_id), "
    "contact_email (contact_id, organization_id), assignment (license_id, directory_user_id)"
)


@dataclass
class _Rows:
    """How many rows this process has written, and after how many it counts next."""

    written: int = 0
    due: int = _FIRST
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, count: int) -> bool:
        """Returns whether it is time to count."""
        with self.lock:
            self.written += count
            if self.written < self.due:
                return False
            self.due = self.written * _TIMES
            return True


_rows = _Rows()


def note_written(count: int) -> None:
    """So many rows were written by a transaction that is committed: PostgreSQL counts anew where that is worth it."""
    if not _rows.add(count) or db.engine.dialect.name != "postgresql":
        return
    try:
        db.session.execute(_COUNT)
        db.session.commit()
    except SQLAlchemyError as error:
        # It is for speed alone, and autovacuum does it later.
        forget_transaction()
        log.warning("PostgreSQL did not count its rows anew: %s", error)
