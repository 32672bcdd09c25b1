"""A run ends, also where whoever should have ended it died before that."""

from __future__ import annotations

from datetime import timedelta

from jobs import sync
from webapp.extensions import db
from webapp.models import Claim, Outcome, RunState, SyncPart, SyncRun, utc_now
from webapp.models.leases import MAX_ATTEMPTS
from webapp.models.run import SILENCE

from .conftest import Work
from .hands import state_of
from .helpers import do, resume


def test_a_run_whose_worker_died_between_the_last_part_and_the_end_is_ended_when_nothing_is_heard_of_it(
    claim: Claim, work: Work
) -> None:
    assert SyncPart.succeed(db.session, claim, utc_now(), Outcome(), 1)
    db.session.get_one(SyncRun, claim.run_id).heard_at = utc_now() - 2 * SILENCE
    db.session.commit()
    assert state_of(claim.run_id) == RunState.SYNCING
    resume(work)
    assert state_of(claim.run_id) == RunState.OK


def test_a_run_whose_last_part_was_lost_too_often_ends_with_that(claim: Claim) -> None:
    part = db.session.get_one(SyncPart, claim.part_id)
    part.attempts, part.lease_until = MAX_ATTEMPTS, utc_now() - timedelta(seconds=1)
    db.session.commit()
    do(sync.work, claim.run_id, [claim.part_id])
    run = db.session.get_one(SyncRun, claim.run_id)
    assert (run.state, run.tenants_failed) == (RunState.FAILED, 1)
    assert "lost several times" in run.reason
