"""Parts, and runs, whose rows another transaction has: who claims passes them over, who cancels waits for them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, text

from tests.support.factories import Make
from tests.support.locks import in_another_session, need_many_writers, wait_for_who_waits
from webapp.database import declare_writing
from webapp.extensions import db
from webapp.models import Claim, Outcome, PartState, RunState, SyncPart, SyncRun, utc_now
from webapp.models.leases import LEASE, MAX_ATTEMPTS
from webapp.models.run import SILENCE


@pytest.fixture(autouse=True)
def _many_writers(app: Flask) -> None:
    need_many_writers()
    declare_writing()


def a_part(make: Make, run: SyncRun, **values: object) -> SyncPart:
    tenant = make.tenant(integration_id=run.integration_id, organization=make.organization())
    return make.part(run_id=run.id, tenant_id=tenant.id, **values)


def test_parts_that_somebody_has_locked_are_passed_over_by_who_claims_and_who_resumes(make: Make) -> None:
    run = make.run(state=RunState.SYNCING)
    over = utc_now() - timedelta(seconds=1)
    locked = a_part(make, run, not_before=over)
    spent = a_part(make, run, not_before=over, attempts=MAX_ATTEMPTS)
    free = a_part(make, run, not_before=over)
    run_id, free_id, ids, locked_ids = run.id, free.id, [locked.id, spent.id, free.id], [locked.id, spent.id]
    db.session.commit()
    with db.engine.begin() as another:
        another.execute(select(SyncPart.id).where(SyncPart.id.in_(locked_ids)).with_for_update())
        # Who waits for a row fails, and does not wait for the end of this test.
        db.session.execute(text("SET LOCAL lock_timeout = '1s'"))
        assert SyncPart.resume(db.session, utc_now()) == {run_id: [free_id]}
        assert [claim.part_id for claim in SyncPart.claim(db.session, ids, utc_now())] == [free_id]
        assert SyncPart.give_up(db.session, ids, utc_now()) == []
        db.session.commit()
    assert [part.state for part in (locked, spent, free)] == [PartState.WAITING, PartState.WAITING, PartState.SYNCING]


def test_a_silent_run_that_somebody_has_locked_is_left_to_them(make: Make) -> None:
    long_ago = utc_now() - 2 * SILENCE
    locked_id, free_id = (make.run(heard_at=long_ago).id for _ in range(2))
    db.session.commit()
    with db.engine.begin() as another:
        another.execute(select(SyncRun.id).where(SyncRun.id == locked_id).with_for_update())
        # Who waits for a row fails, and does not wait for the end of this test.
        db.session.execute(text("SET LOCAL lock_timeout = '1s'"))
        assert SyncRun.silent(db.session, utc_now()) == [free_id]
        db.session.commit()
    assert SyncRun.silent(db.session, utc_now()) == [locked_id]


def test_who_cancels_while_many_parts_are_settled_waits_for_them_and_is_not_waited_for(app: Flask, make: Make) -> None:
    run = make.run(state=RunState.SYNCING, tenants_total=5)
    until = utc_now() + LEASE
    # The last comes first in the table, and in the order of the tenants: so they are found by who looks for all.
    held = [
        a_part(make, run, id=10**6 - number, state=PartState.SYNCING, lease=f"lease {number}", lease_until=until)
        for number in range(4)
    ]
    claims = [Claim(part.id, part.run_id, part.tenant_id, 1, part.lease or "") for part in reversed(held)]
    a_part(make, run)
    run_id = run.id

    def cancel() -> bool:
        is_cancelled = SyncRun.cancel(db.session, run_id, utc_now(), "ada@msp.example")
        db.session.commit()
        return is_cancelled

    def settle(some: list[Claim]) -> None:
        SyncPart.succeed_all(db.session, [(claim, Outcome(unchanged=1), 1, None) for claim in some], utc_now())

    db.session.commit()
    settle(claims[:2])
    with in_another_session(app, cancel) as cancelled:
        wait_for_who_waits()
        settle(claims[2:])
        db.session.commit()
        assert cancelled.result(30)
    db.session.refresh(run)
    assert (run.state, run.tenants_ok) == (RunState.CANCELLED, 4)
    states = list(db.session.scalars(select(SyncPart.state).order_by(SyncPart.id.desc())))
    assert states == [PartState.OK] * 4 + [PartState.CANCELLED]


@pytest.fixture
def claim(make: Make) -> Claim:
    """The claim of a part whose lease is over."""
    run = make.run(state=RunState.SYNCING, tenants_total=1)
    over = utc_now() - timedelta(seconds=1)
    part = a_part(make, run, state=PartState.SYNCING, lease="a lease", lease_until=over, attempts=1)
    db.session.commit()
    return Claim(part.id, part.run_id, part.tenant_id, 1, "a lease")


def test_a_part_that_is_held_is_not_taken_over_though_its_lease_is_over(app: Flask, claim: Claim) -> None:
    def claim_and_renew() -> tuple[list[Claim], list[Claim]]:
        db.session.execute(text("SET LOCAL lock_timeout = '1s'"))
        found = SyncPart.claim(db.session, [claim.part_id], utc_now())
        lost = SyncPart.renew_all(db.session, [claim], utc_now())
        db.session.commit()
        return found, lost

    assert SyncPart.hold(db.session, claim)
    with in_another_session(app, claim_and_renew) as others:
        assert others.result(30) == ([], [])
    db.session.commit()
    assert len(SyncPart.claim(db.session, [claim.part_id], utc_now())) == 1


def test_who_cancels_waits_for_the_part_that_is_held(app: Flask, claim: Claim) -> None:
    def cancel() -> None:
        SyncRun.cancel(db.session, claim.run_id, utc_now(), "ada@msp.example")
        db.session.commit()

    assert SyncPart.hold(db.session, claim)
    with in_another_session(app, cancel) as cancelled:
        wait_for_who_waits()
        assert SyncPart.succeed(db.session, claim, utc_now(), Outcome(created=1), requests=1)
        db.session.commit()
        cancelled.result(30)
    db.session.expire_all()
    assert db.session.get_one(SyncPart, claim.part_id).state == PartState.OK
