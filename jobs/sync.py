"""A run: planned, its tenants synced in groups, ended by whoever finishes its last part.

A job takes ids, may run twice, also at the same time, and may die at any line. What it does to a tenant it does
in one transaction, and only while it holds the lease of that tenant's part.
"""

from __future__ import annotations

from collections.abc import Sequence

from webapp.background import this_app
from webapp.extensions import db
from webapp.models import LOST_TOO_OFTEN, Claim, PartState, SyncPart, SyncRun

from . import crew, cut_off, discovery, parts, queue, telling
from .crew import stopping
from .job import job
from .lanes import lane_of
from .settling import finish

# A worker that left a job to others takes none for so long, so that they get it.
_STAND_BACK_SECONDS = 5.0


@job
def begin(run_id: int) -> None:
    """Plan the run, after a look for new tenants where it begins with that, or find what is left; enqueue that."""
    try:
        discovery.before_run(run_id, lambda: _hold(run_id))
    except discovery.Interrupted:
        db.session.rollback()
        is_active = SyncRun.hear(db.session, run_id, queue.shared_now())
        db.session.commit()
        if is_active:
            queue.sync(run_id, lane=lane_of(run_id))
            stopping.wait(_STAND_BACK_SECONDS)
        return
    part_ids = SyncRun.plan(db.session, run_id, queue.shared_now())
    db.session.commit()
    if part_ids:
        queue.sync_parts(run_id, part_ids, lane_of(run_id))
    elif part_ids is None:
        telling.run_ended(run_id)
    else:
        finish(run_id)


@job
def work(run_id: int, part_ids: Sequence[int]) -> None:
    """Let the crew sync the tenants of these parts: this returns when the last of them is claimed, not when it is done.

    What Redis knows of a part ends here; its lease tells who works on it.
    """
    own = crew.current(this_app())
    left = list(part_ids)
    while left:
        room = own.free(len(left))
        if stopping.is_set() or cut_off.is_cut_off():
            own.put_down(room)
            queue.sync_parts(run_id, left, lane_of(run_id))
            stopping.wait(_STAND_BACK_SECONDS)
            return
        some, left = left[:room], left[room:]
        if not _begin(own, run_id, some):
            return
    finish(run_id)


def _begin(own: crew.Crew, run_id: int, part_ids: Sequence[int]) -> bool:
    """Claim these parts, and give them to the crew, which has room for them. Returns False where the run has ended."""
    claims: list[Claim] = []
    spent: list[Claim] = []
    room = len(part_ids)
    try:
        # The run's row is locked before the parts', here and everywhere: so nobody waits for one who waits for them,
        # and a run is not cancelled between the two.
        now = queue.shared_now()
        is_active = SyncRun.hear(db.session, run_id, now)
        if is_active:
            claims = SyncPart.claim(db.session, part_ids, now)
            if len(claims) < len(part_ids):
                spent = SyncPart.give_up(db.session, part_ids, now)
        db.session.commit()
        for claim in spent:
            telling.part_ended(claim, PartState.FAILED, None, problem=LOST_TOO_OFTEN)
        for claim in claims:
            room -= 1
            own.give(claim, parts.do)
        return is_active
    finally:
        own.put_down(room)


def _hold(run_id: int) -> None:
    """Show before a request that the run is worked on, or end the work."""
    is_active = SyncRun.hear(db.session, run_id, queue.shared_now())
    db.session.commit()
    if stopping.is_set() or not is_active or cut_off.is_cut_off():
        raise discovery.Interrupted
