"""A part of a run that this process has in hand, and how it is given back undone."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from webapp.extensions import db
from webapp.models import Claim, Problem, SyncPart, Try

from . import queue, telling

if TYPE_CHECKING:
    from .crew import Crew

STOPPED = Problem("The worker was stopped while it read this tenant.", "Nothing needs to be done: another goes on.")
TOOK_TOO_LONG = Problem(
    "Reading this tenant took longer than an hour, so it was given up.",
    "The next sync tries again. If it stays, the worker's log may tell what Microsoft answers slowly, or without end.",
    code="took_too_long",
)

# A part that took so long is given up at its next request; where none comes, it hangs, and its lease is left to lapse.
_LONGEST_SECONDS = 3600
# And one that waited so long for a hand.
LONGEST_WAIT_SECONDS = 30


@dataclass(eq=False)
class Hold:
    """A part in hand. `is_lost` is set when it is somebody else's by now: what was read of it is not written.

    It `began` when a hand took it; until one does, that is when it was claimed, and it is not `is_begun`. `is_written`
    is set when a transaction that writes it begins, `is_settled` when what came of it waits to be written with others,
    and `is_ended` when all that is left to do is to see whether its run is done. `requests` is how often Microsoft was
    asked for it.
    """

    claim: Claim
    began: float
    crew: Crew
    is_begun: bool = False
    is_lost: bool = False
    is_written: bool = False
    is_settled: bool = False
    is_ended: bool = False
    requests: int = 0

    def begin(self) -> None:
        """A hand takes it."""
        self.began, self.is_begun = time.monotonic(), True

    @property
    def is_kept(self) -> bool:
        """Whether its lease is renewed: not of what hangs, nor of what no hand is free for, which another may do."""
        most = _LONGEST_SECONDS if self.is_begun else LONGEST_WAIT_SECONDS
        return time.monotonic() - self.began < most


def put_off(hold: Hold, until: datetime, problem: Problem, counts_as: Try = Try.ASKED) -> None:
    """Give it back for then, and tell so, unless it is somebody else's by now."""
    is_written = SyncPart.put_off(db.session, hold.claim, until, problem, hold.requests, counts_as)
    db.session.commit()
    if is_written:
        began = hold.began if hold.is_begun else None
        telling.part_ended(hold.claim, telling.PUT_OFF, began, requests=hold.requests, problem=problem)


def give_back(hold: Hold) -> None:
    """Let others take it up at once: this worker was told to stop."""
    put_off(hold, queue.shared_now(), STOPPED, Try.ASKED if hold.requests else Try.NONE)
