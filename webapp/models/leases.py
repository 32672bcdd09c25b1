"""The words of parts: their states, the leases by which they are worked on, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from .base import Stored

# Who works on parts renews their leases several times in this time (`jobs.crew`). A worker that was killed keeps its
# tenants from others for so long.
LEASE = timedelta(seconds=60)
# How often a part may be taken up, counting those put off because Microsoft asked for patience.
MAX_ATTEMPTS = 8
# A part is put off for a quarter of an hour at the most; where Microsoft asks it of its tenant alone, so long in all:
# until the run ends, nobody's slot comes.
LONGEST_PUT_OFF = timedelta(minutes=15)


def patience_left(started_at: datetime | None, now: datetime) -> timedelta:
    """For how long a part that was first taken up then may still wait for what its tenant alone is asked to."""
    waited = now - started_at if started_at is not None else timedelta(0)
    return min(max(LONGEST_PUT_OFF - waited, timedelta(0)), LONGEST_PUT_OFF)


class PartState(Stored):
    WAITING = "waiting"
    SYNCING = "syncing"
    OK = "ok"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN_PARTS = (PartState.WAITING, PartState.SYNCING)


class Try(Enum):
    """As what it counts that a part was taken up which is put off now: as so many attempts, and faults among them."""

    # Nothing was asked of Microsoft yet.
    NONE = 0, 0
    # Something was, and nothing failed.
    ASKED = 1, 0
    # It failed for a reason that may pass.
    FAULT = 1, 1

    def __init__(self, attempts: int, faults: int) -> None:
        self.attempts = attempts
        self.faults = faults


@dataclass(frozen=True)
class Claim:
    """The right to work on a part, for as long as its lease is renewed."""

    part_id: int
    run_id: int
    tenant_id: int
    # Counted from 1.
    attempt: int
    lease: str
    # How many of those before failed for a reason that may pass.
    faults: int = 0
    # For how long the tenant alone may still keep the run waiting.
    patience: timedelta = LONGEST_PUT_OFF

    @property
    def open_for(self) -> timedelta:
        """How long before it was claimed the part was first taken up; `LONGEST_PUT_OFF` at the most."""
        return LONGEST_PUT_OFF - self.patience

    @property
    def is_last_attempt(self) -> bool:
        return self.attempt >= MAX_ATTEMPTS


@dataclass(frozen=True)
class Outcome:
    """What syncing one tenant did: license rows by what became of them, and what was done for its users."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    gone: int = 0
    users_read: int = 0
    contacts_created: int = 0
    contacts_changed: int = 0
    contacts_unlinked: int = 0
    # Rows beside those of licenses: of users, their contacts, and who holds which license.
    other_rows: int = 0

    @property
    def rows_written(self) -> int:
        return self.created + self.changed + self.gone + self.other_rows
