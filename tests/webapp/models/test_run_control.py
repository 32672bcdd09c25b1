"""Cancelling a run, and a run that repeats only what failed in another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from tests.support.claims import claim_one
from tests.support.factories import Make
from tests.support.together import all_at_once
from webapp.database import declare_writing
from webapp.extensions import db
from webapp.models import (
    Integration,
    IntegrationRemoved,
    Outcome,
    PartState,
    Problem,
    Removal,
    RunState,
    SyncPart,
    SyncRun,
    Trigger,
    utc_now,
)
from webapp.models import removal as removals


@pytest.fixture(autouse=True)
def _may_write(app: Flask) -> None:
    """As in a request that posts, and in a job."""
    declare_writing()


def run_of(make: Make, *states: PartState, **values: object) -> SyncRun:
    """A run with a part in each of these states, of tenants that are matched."""
    run = make.run(**{"state": RunState.SYNCING, "tenants_total": len(states), **values})
    for state in states:
        tenant = make.tenant(integration_id=run.integration_id, organization=make.organization())
        make.part(run_id=run.id, tenant_id=tenant.id, state=state, requests=3, rows_written=2)
    return run


def states(run: SyncRun) -> list[PartState]:
    return list(db.session.scalars(select(SyncPart.state).where(SyncPart.run_id == run.id).order_by(SyncPart.id)))


def cancel(run_id: int, who: str = "ada@msp.example") -> bool:
    cancelled = SyncRun.cancel(db.session, run_id, utc_now(), who)
    db.session.commit()
    return cancelled


def retry(run_id: int) -> SyncRun | None:
    found = SyncRun.retry(db.session, run_id, Trigger.MANUAL)
    db.session.commit()
    return found[0] if found else None


def test_cancelling_ends_what_is_open_and_leaves_what_has_ended(make: Make) -> None:
    run = run_of(make, PartState.OK, PartState.FAILED, PartState.WAITING, PartState.SYNCING)
    assert cancel(run.id)
    assert states(run) == [PartState.OK, PartState.FAILED, PartState.CANCELLED, PartState.CANCELLED]
    assert (run.state, run.cancelled_by) == (RunState.CANCELLED, "ada@msp.example")
    assert "Cancelled by ada@msp.example." in run.reason
    assert (run.tenants_ok, run.tenants_failed, run.requests, run.rows_written) == (1, 1, 12, 8)
    assert run.finished_at is not None


def test_of_what_was_put_off_a_cancelled_run_does_not_say_that_it_goes_on(make: Make) -> None:
    run = run_of(make, PartState.FAILED, PartState.WAITING)
    problem = Problem("Microsoft asked to wait.", "It goes on by itself.", "HTTP 429", "id", utc_now())
    for part in db.session.scalars(select(SyncPart).where(SyncPart.run_id == run.id)):
        for column, value in problem.columns().items():
            setattr(part, column, value)
    db.session.commit()
    assert cancel(run.id)
    failed, put_off = db.session.scalars(select(SyncPart).where(SyncPart.run_id == run.id).order_by(SyncPart.id))
    assert Problem(*(getattr(failed, column) for column in problem.columns())) == problem
    assert Problem(*(getattr(put_off, column) for column in problem.columns())) == Problem("", "")


def test_a_run_that_was_not_begun_is_cancelled_and_never_planned(make: Make) -> None:
    integration = make.tenant(organization=make.organization()).integration
    run = make.run(integration=integration)
    assert cancel(run.id)
    assert SyncRun.plan(db.session, run.id, utc_now()) == []
    assert (run.state, states(run)) == (RunState.CANCELLED, [])


@pytest.mark.parametrize("state", [RunState.OK, RunState.PARTIAL, RunState.FAILED, RunState.CANCELLED])
def test_a_run_that_has_ended_stays_as_it_ended(state: RunState, make: Make) -> None:
    run = run_of(make, PartState.OK, state=state, finished_at=utc_now() - timedelta(days=1), cancelled_by="first")
    finished_at = run.finished_at
    assert not cancel(run.id, "second")
    assert (run.state, run.finished_at, run.cancelled_by) == (state, finished_at, "first")


def test_cancelling_a_run_that_is_gone_does_nothing(make: Make) -> None:
    assert not cancel(10**6)


def test_whoever_works_on_a_part_of_a_cancelled_run_writes_nothing(make: Make) -> None:
    run = run_of(make, PartState.WAITING)
    [part_id] = SyncPart.due(db.session, run.id, utc_now())
    claim = claim_one(part_id, utc_now())
    assert claim is not None
    db.session.commit()
    cancel(run.id)
    now = utc_now()
    assert not SyncPart.hold(db.session, claim)
    assert not SyncPart.succeed(db.session, claim, now, Outcome(created=3), requests=4)
    assert claim_one(part_id, now) is None
    assert not SyncRun.hear(db.session, run.id, now)
    assert states(run) == [PartState.CANCELLED]


def test_after_a_cancelled_run_another_can_start(make: Make) -> None:
    run = make.run()
    cancel(run.id)
    _, is_new = SyncRun.begin(db.session, run.integration_id, Trigger.MANUAL)
    assert is_new


def test_of_many_who_cancel_at_once_one_does(app: Flask, make: Make) -> None:
    run = run_of(make, *[PartState.WAITING] * 5)
    run_id = run.id
    found = all_at_once(app, [lambda: cancel(run_id)] * 5)
    db.session.commit()
    assert sorted(found) == [False] * 4 + [True]
    assert run.state == RunState.CANCELLED


def _at_once(app: Flask, *calls: Callable[[], object]) -> None:
    all_at_once(app, calls)
    db.session.commit()


@pytest.mark.parametrize("attempt", range(5))
def test_cancelling_and_finishing_at_once_ends_it_one_way(attempt: int, app: Flask, make: Make) -> None:
    run = run_of(make, PartState.OK, PartState.OK)
    run_id = run.id

    def finish() -> bool:
        ended = SyncRun.finish_if_done(db.session, run_id, utc_now())
        db.session.commit()
        return ended

    found = all_at_once(app, [lambda: cancel(run_id), finish])
    db.session.commit()
    assert sorted(found) == [False, True]
    assert run.state in {RunState.OK, RunState.CANCELLED}
    assert bool(run.cancelled_by) == (run.state == RunState.CANCELLED)


@pytest.mark.parametrize("attempt", range(5))
def test_cancelling_while_the_last_part_is_written_leaves_no_part_open(attempt: int, app: Flask, make: Make) -> None:
    run = run_of(make, PartState.WAITING)
    run_id = run.id
    [part_id] = SyncPart.due(db.session, run_id, utc_now())
    claim = claim_one(part_id, utc_now())
    assert claim is not None

    def write() -> None:
        if SyncPart.hold(db.session, claim):
            SyncPart.succeed(db.session, claim, utc_now(), Outcome(created=3), requests=4)
        db.session.commit()
        SyncRun.finish_if_done(db.session, run_id, utc_now())
        db.session.commit()

    _at_once(app, lambda: cancel(run_id), write)
    [state] = states(run)
    assert (run.state, state) in {
        (RunState.OK, PartState.OK),  # written and ended before
        (RunState.CANCELLED, PartState.OK),  # written before, ended by who cancelled
        (RunState.CANCELLED, PartState.CANCELLED),
    }
    assert run.rows_written == (3 if state == PartState.OK else 2)


def test_resuming_hearing_claiming_and_cancelling_at_once_wait_for_each_other_one_way(app: Flask, make: Make) -> None:
    run = run_of(make, *[PartState.WAITING] * 30)
    run_id = run.id
    for part in db.session.query(SyncPart):
        part.not_before = utc_now() - timedelta(seconds=1)
    db.session.commit()
    part_ids = SyncPart.due(db.session, run_id, utc_now())

    def work(ids: list[int]) -> None:
        for part_id in ids:
            if SyncRun.hear(db.session, run_id, utc_now()):
                claim_one(part_id, utc_now())
            db.session.commit()

    def resume() -> None:
        for _ in range(5):
            SyncRun.hear(db.session, run_id, utc_now())
            SyncPart.resume(db.session, utc_now())
            db.session.commit()

    _at_once(app, lambda: work(part_ids), lambda: work(part_ids[::-1]), resume, resume, lambda: cancel(run_id))
    assert run.state == RunState.CANCELLED
    assert set(states(run)) == {PartState.CANCELLED}


def ended(make: Make, *parts: PartState) -> SyncRun:
    return run_of(make, *parts, state=RunState.PARTIAL, finished_at=utc_now())


def test_a_retry_has_a_part_for_each_tenant_that_failed_and_no_other(make: Make) -> None:
    run = ended(make, PartState.OK, PartState.FAILED, PartState.CANCELLED, PartState.FAILED)
    parts = db.session.query(SyncPart).filter_by(state=PartState.FAILED).order_by(SyncPart.id)
    failed = [part.tenant_id for part in parts]
    again = retry(run.id)
    assert again is not None
    assert (again.retry_of_id, again.integration_id, again.trigger) == (run.id, run.integration_id, Trigger.MANUAL)
    due = SyncRun.plan(db.session, again.id, utc_now()) or []
    tenants = db.session.scalars(select(SyncPart.tenant_id).where(SyncPart.id.in_(due)).order_by(SyncPart.id)).all()
    assert tenants == failed
    assert (again.state, again.tenants_total) == (RunState.SYNCING, 2)


def test_a_retry_leaves_out_what_is_not_matched_any_more(make: Make) -> None:
    run = ended(make, PartState.FAILED, PartState.FAILED)
    first, second = db.session.query(SyncPart).order_by(SyncPart.id)
    first.tenant.unmatch()
    db.session.commit()
    again = retry(run.id)
    assert again is not None
    assert again.tenants_total == 1
    second.tenant.unmatch()  # after it was asked for and before it began
    db.session.commit()
    assert SyncRun.plan(db.session, again.id, utc_now()) is None
    assert (again.state, again.code, states(again)) == (RunState.FAILED, "nothing_matched", [])


def test_a_retry_of_an_integration_for_which_nothing_is_chosen_leaves_no_part_open(make: Make) -> None:
    run = ended(make, PartState.FAILED)
    run.integration.sync_licenses = False
    again = retry(run.id)
    assert again is not None
    assert SyncRun.plan(db.session, again.id, utc_now()) is None
    assert (again.code, states(again)) == ("nothing_chosen", [PartState.CANCELLED])


@pytest.mark.parametrize("parts", [[], [PartState.OK], [PartState.CANCELLED]])
def test_where_nothing_failed_nothing_is_tried_again(parts: list[PartState], make: Make) -> None:
    run = ended(make, *parts)
    assert retry(run.id) is None
    assert db.session.query(SyncRun).count() == 1


def test_a_retry_finds_the_run_that_is_active_and_leaves_it_as_it_is(make: Make) -> None:
    run = ended(make, PartState.FAILED)
    active = make.run(integration_id=run.integration_id)
    found = SyncRun.retry(db.session, run.id, Trigger.COMMAND)
    assert found == (active, False)
    assert (active.retry_of_id, states(active)) == (None, [])


def test_many_who_retry_at_once_get_one_run(app: Flask, make: Make) -> None:
    run_id = ended(make, PartState.FAILED, PartState.FAILED).id

    def again() -> int:
        run = retry(run_id)
        assert run is not None
        return run.id

    assert len(set(all_at_once(app, [again] * 6))) == 1
    db.session.commit()
    assert db.session.query(SyncPart).count() == 4


def test_what_failed_in_a_removed_integration_is_not_tried_again(make: Make) -> None:
    run = ended(make, PartState.FAILED)
    removals.begin(db.session, run.integration_id, Removal.KEEP, utc_now())
    db.session.commit()
    with pytest.raises(IntegrationRemoved):
        retry(run.id)


def test_a_repeated_run_that_is_deleted_leaves_the_other_as_it_is(make: Make) -> None:
    run = ended(make, PartState.FAILED)
    again = retry(run.id)
    assert again is not None
    db.session.delete(run)
    make.tenant(integration=db.session.get_one(Integration, again.integration_id), organization=make.organization())
    db.session.commit()
    assert again.retry_of_id is None
    assert len(SyncRun.plan(db.session, again.id, utc_now()) or []) == 1
