"""What the hands of a crew do in tests."""

from __future__ import annotations

from collections.abc import Callable

from jobs.hold import Hold
from jobs.settling import Settled
from webapp.extensions import db
from webapp.models import Claim, Outcome, RunState, SyncPart, SyncRun, utc_now


def end(hold: Hold) -> bool:
    """Let the part be OK."""
    assert SyncPart.succeed(db.session, hold.claim, utc_now(), Outcome(), 1)
    db.session.commit()
    return False


def settled(claim: Claim, ended: Callable[[], None] = lambda: None, **values: bool) -> Settled:
    """What is to be written of a part of which all was found as it is stored."""
    read = {"read_licenses": True, "read_users": True, **values}
    return Settled(claim, "a-guid", 0.0, Outcome(unchanged=1), 3, None, utc_now(), ended=ended, **read)


def state_of(run_id: int) -> RunState:
    db.session.commit()
    return db.session.get_one(SyncRun, run_id).state
