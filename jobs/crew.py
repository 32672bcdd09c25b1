"""The hands of a worker process, each a thread that does a part; what it has in hand, and the leases, which it renews.

Reading a tenant is mostly waiting for Microsoft, so threads are enough; see docs/design.md.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from flask import Flask
from sqlalchemy.exc import InterfaceError, OperationalError

from logs.outages import DATABASE_IS_AWAY
from webapp.background import in_background
from webapp.database import declare_writing, driver_s_words, is_away
from webapp.extensions import db
from webapp.models import Claim, SyncPart, SyncRun, leases

from . import queue, settling
from .hold import LONGEST_WAIT_SECONDS, Hold, give_back
from .microsoft.shortage import is_no_thread

log = logging.getLogger(__name__)

# Set when this worker was told to stop: what is not begun is left to others.
stopping = threading.Event()

_TICK_SECONDS = 0.25
# How often a lease is renewed in its time.
_RENEWALS = 6

# Does a part; returns whether it is settled, which means that it stays in hand until that is written.
Work = Callable[[Hold], bool]


class Crew:
    """So many hands, of which so many at once may ask Microsoft; all, where that is not said.

    With one, whoever gives a part does it, without a thread. Where they are many, a quarter as many parts are taken
    beside those that they do, and wait for the next free hand: so parts are claimed several at a time, in one
    transaction, and no hand waits for that.
    """

    def __init__(self, app: Flask, hands: int, at_once: int | None = None) -> None:
        self._app = app
        self._asking = threading.Semaphore(hands if at_once is None else at_once)
        self._ahead = hands // 4
        self._free = threading.Semaphore(hands + self._ahead)
        self._has_hands = threading.Event()
        # Set by each thread that has begun.
        self._threads = ThreadPoolExecutor(hands, "tenant", self._has_hands.set) if hands > 1 else None
        self._in_hand: set[Hold] = set()
        self._lock = threading.Lock()

    def free(self, most: int) -> int:
        """Wait until there is room for several parts; returns for how many, `most` at the most.

        It is taken, and 0 where the worker stops.
        """
        taken, enough = 0, min(most, max(1, self._ahead))
        try:
            while taken < enough:
                if self._free.acquire(timeout=_TICK_SECONDS):
                    taken += 1
                elif stopping.is_set():
                    self.put_down(taken)
                    return 0
        except BaseException:  # as RQ's, where a job takes too long
            self.put_down(taken)
            raise
        while taken < most and self._free.acquire(blocking=False):
            taken += 1
        return taken

    def put_down(self, room: int) -> None:
        """Give back room that was taken for parts that there are not."""
        if room:
            self._free.release(room)

    def give(self, claim: Claim, work: Work) -> None:
        """Let a hand do a part for which there was room, which is given back when it is done."""
        hold = Hold(claim, time.monotonic(), self)
        with self._lock:
            self._in_hand.add(hold)
        if self._threads is None:
            self._do(hold, work)
            return
        try:
            self._threads.submit(self._do, hold, work)
        except BaseException as error:  # as RQ's, where a job takes too long
            if is_no_thread(error) and self._has_hands.is_set():
                # It waits for one of the hands that there are, as what is claimed ahead does.
                log.warning("part %s: it waits for a hand, since there can be no more (%s)", claim.part_id, error)
                return
            if self._take_back(hold):
                self.put_down(1)
            raise

    def _take_back(self, hold: Hold) -> bool:
        """Take a part out of hand that could not be given. False where a thread got it all the same, and has begun."""
        with self._lock:
            if not hold.is_begun:
                self._in_hand.discard(hold)
            return not hold.is_begun

    def _take(self, hold: Hold) -> bool:
        """Begin a part, with a hand that is free. False where it was taken back."""
        with self._lock:
            is_there = hold in self._in_hand
            if is_there:
                hold.begin()
            return is_there

    def _do(self, hold: Hold, work: Work) -> None:
        if not self._take(hold):
            return
        try:
            with self._app.app_context():
                declare_writing()
                if work(hold):
                    self._settle(hold)
                else:
                    self._end(hold)
        except Exception as error:
            log.log(
                logging.WARNING if is_away(error) else logging.ERROR,
                "part %s: it could not be ended, and is taken up again: %s",
                hold.claim.part_id,
                driver_s_words(error),
                exc_info=None if is_away(error) else error,
            )
            self.ended(hold)
        finally:
            self._free.release()

    @contextmanager
    def asking(self) -> Iterator[None]:
        """While this lasts a hand asks Microsoft. Who waited very long, as behind large tenants, asks all the same."""
        has_waited = not self._asking.acquire(timeout=LONGEST_WAIT_SECONDS)
        try:
            yield
        finally:
            if not has_waited:
                self._asking.release()

    def _settle(self, hold: Hold) -> None:
        """Let what is settled be written at once where no other part is in hand for which it could wait."""
        with self._lock:
            hold.is_settled = True
            has_more = any(not (other.is_settled or other.is_ended) for other in self._in_hand)
        if not has_more:
            settling.flush(at_once=True)

    def _end(self, hold: Hold) -> None:
        """End the part's run if it was the last part; where more of it is in hand, whoever ends the last will look."""
        run_id = hold.claim.run_id
        with self._lock:
            hold.is_ended = True
            has_more = any(other.claim.run_id == run_id and not other.is_ended for other in self._in_hand)
        if not has_more:
            settling.finish(run_id)
        self.ended(hold)

    def ended(self, hold: Hold) -> None:
        """The part is not in hand any more."""
        with self._lock:
            self._in_hand.discard(hold)

    def is_idle(self) -> bool:
        with self._lock:
            return not self._in_hand

    def look_after(self, ended: threading.Event) -> None:
        """Renew the leases, and write what is settled, until that is `ended`. In a thread of its own."""
        renewed_at = time.monotonic()
        while not ended.wait(_TICK_SECONDS):
            try:
                with self._app.app_context():
                    declare_writing()
                    settling.flush()
                    if time.monotonic() - renewed_at >= leases.LEASE.total_seconds() / _RENEWALS:
                        renewed_at = time.monotonic()
                        self.renew()
            except (OperationalError, InterfaceError) as error:
                log.warning(DATABASE_IS_AWAY, error)
            except Exception:
                # Without this thread the worker would have in hand for ever what nobody writes or renews.
                log.exception("leases: an error that nobody foresaw")

    def renew(self) -> None:
        """Renew the leases of all that is in hand, and mark what is somebody else's by now."""
        with self._lock:
            held = {hold.claim: hold for hold in self._in_hand if hold.is_kept}
        now = queue.shared_now()
        for run_id in sorted({claim.run_id for claim in held}):
            SyncRun.hear(db.session, run_id, now)
        lost = SyncPart.renew_all(db.session, held, now)
        db.session.commit()
        for claim in lost:
            held[claim].is_lost = True

    def wait(self) -> None:
        """Until all that is in hand is ended, and written."""
        while not self.is_idle():
            time.sleep(_TICK_SECONDS / 10)
        if self._threads is not None:
            self._threads.shutdown()  # what was settled last is in hand no more, but its run may just be ended

    def hand_back(self) -> None:
        """Give back what is in hand: others may take it up at once, and nothing is written of it here any more.

        Each by itself, and at last what is just written: its row is locked until then, which may take long.
        """
        with self._lock:
            holds = sorted(self._in_hand, key=lambda hold: hold.is_written)
        for hold in holds:
            give_back(hold)

    def dissolve(self) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=False)


# One at the most: that of this process, where it is a worker.
_at_work: list[Crew] = []


@contextmanager
def at_work(app: Flask, hands: int, at_once: int | None = None) -> Iterator[Crew]:
    """This process's crew, until all that it has in hand is ended."""
    crew = Crew(app, hands, at_once)
    _at_work.append(crew)
    try:
        with in_background("leases", crew.look_after):
            yield crew
            crew.wait()
    finally:
        _at_work.remove(crew)
        crew.dissolve()


def current(app: Flask) -> Crew:
    """The crew of this process, or where it is no worker, one hand."""
    return _at_work[-1] if _at_work else Crew(app, 1)
