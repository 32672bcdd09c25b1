"""Runs: begun once, planned once, ended once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from tests.support.factories import Make
from tests.support.together import all_at_once
from webapp.database import declare_writing
from webapp.extensions import db
from webapp.models import (
    Integration,
    IntegrationRemoved,
    PartState,
    Progress,
    RunState,
    SyncPart,
    SyncRun,
    Tenant,
    Trigger,
    utc_now,
)
from webapp.models.run import SILENCE


@pytest.fixture(autouse=True)
def _may_write(app: Flask) -> None:
    """As in a request that posts, and in a job."""
    declare_writing()


def begin(integration: Integration) -> SyncRun:
    run, _ = SyncRun.begin(db.session, integration.id, Trigger.MANUAL)
    db.session.commit()
    return run


def plan(run: SyncRun) -> list[int]:
    due = SyncRun.plan(db.session, run.id, utc_now()) or []
    db.session.commit()
    return due


def matched(make: Make, count: int) -> Integration:
    integration = make.integration()
    for _ in range(count):
        make.tenant(integration=integration, organization=make.organization())
    return integration


def end_parts(run: SyncRun, *states: PartState) -> None:
    parts = db.session.query(SyncPart).filter_by(run_id=run.id).order_by(SyncPart.id)
    for number, (part, state) in enumerate(zip(parts, states, strict=True)):
        part.state, part.requests, part.rows_written = state, 4, 2
        part.reason = f"reason {number}" if state == PartState.FAILED else ""
    db.session.commit()


def finish(run: SyncRun) -> bool:
    ended = SyncRun.finish_if_done(db.session, run.id, utc_now())
    db.session.commit()
    return ended


def test_a_second_start_finds_the_run_that_is_active(make: Make) -> None:
    integration = make.integration()
    first, is_new = SyncRun.begin(db.session, integration.id, Trigger.MANUAL)
    second, is_new_too = SyncRun.begin(db.session, integration.id, Trigger.SCHEDULE)
    assert (first.id, is_new, is_new_too) == (second.id, True, False)
    assert second.trigger == Trigger.MANUAL


def test_integrations_have_runs_of_their_own(make: Make) -> None:
    assert begin(make.integration()).id != begin(make.integration()).id


@pytest.mark.parametrize("state", [RunState.OK, RunState.PARTIAL, RunState.FAILED, RunState.CANCELLED])
def test_after_a_run_has_ended_another_can_start(state: RunState, make: Make) -> None:
    run = make.run(state=state)
    _, is_new = SyncRun.begin(db.session, run.integration_id, Trigger.MANUAL)
    assert is_new


def test_many_who_start_at_once_get_one_run(app: Flask, make: Make) -> None:
    integration_id = make.integration().id

    def start() -> tuple[int, bool]:
        run, is_new = SyncRun.begin(db.session, integration_id, Trigger.MANUAL)
        run_id = run.id
        db.session.commit()
        return run_id, is_new

    found = all_at_once(app, [start] * 8)
    assert len({run_id for run_id, _ in found}) == 1
    assert sum(is_new for _, is_new in found) == 1
    assert db.session.query(SyncRun).count() == 1


def test_a_start_on_an_integration_that_was_deleted_ends_with_an_error(make: Make) -> None:
    integration = make.integration()
    integration_id = integration.id
    db.session.delete(integration)
    db.session.commit()
    with pytest.raises(IntegrationRemoved):
        SyncRun.begin(db.session, integration_id, Trigger.MANUAL)


def test_a_plan_has_a_part_for_each_matched_tenant(make: Make) -> None:
    integration = matched(make, 3)
    make.tenant(integration=integration)
    make.tenant(integration=integration, ignored_at=utc_now())
    make.tenant(organization=make.organization())
    run = begin(integration)
    assert len(plan(run)) == run.tenants_total == 3
    assert run.state == RunState.SYNCING
    assert run.started_at is not None


def test_a_plan_takes_the_tenants_in_the_order_in_which_they_were_found(make: Make) -> None:
    run = begin(matched(make, 20))
    plan(run)
    tenant_ids = list(db.session.scalars(db.select(SyncPart.tenant_id).order_by(SyncPart.id)))
    assert tenant_ids == sorted(tenant_ids)


def test_planning_twice_is_planning_once(make: Make) -> None:
    run = begin(matched(make, 2))
    assert plan(run) == plan(run)
    assert db.session.query(SyncPart).count() == 2


def test_planning_at_once_is_planning_once(app: Flask, make: Make) -> None:
    run_id = begin(matched(make, 5)).id

    def plan_it() -> list[int]:
        due = SyncRun.plan(db.session, run_id, utc_now()) or []
        db.session.commit()
        return due

    first, *others = all_at_once(app, [plan_it] * 4)
    assert len(first) == 5
    assert others == [first] * 3


def test_a_tenant_matched_after_the_plan_waits_for_the_next_run(make: Make) -> None:
    integration = matched(make, 1)
    run = begin(integration)
    plan(run)
    make.tenant(integration=integration, organization=make.organization())
    assert len(plan(run)) == 1


def test_a_tenant_unmatched_after_the_plan_keeps_its_part(make: Make) -> None:
    integration = matched(make, 2)
    run = begin(integration)
    planned = plan(run)
    db.session.execute(update(Tenant).values(organization_id=None))
    assert plan(run) == planned


def test_a_run_without_matched_tenants_fails_and_says_why(make: Make) -> None:
    run = begin(make.integration())
    assert plan(run) == []
    assert (run.state, run.code) == (RunState.FAILED, "nothing_matched")
    assert "Match Tenants" in run.fix


def test_a_run_with_nothing_chosen_fails_and_says_why(make: Make) -> None:
    integration = matched(make, 1)
    integration.sync_licenses = False
    run = begin(integration)
    assert plan(run) == []
    assert (run.state, run.code) == (RunState.FAILED, "nothing_chosen")
    assert "tick Licenses" in run.fix


def test_planning_a_run_that_is_gone_or_has_ended_does_nothing(make: Make) -> None:
    assert SyncRun.plan(db.session, 10**6, utc_now()) == []
    run = make.run(state=RunState.OK, integration=matched(make, 1))
    assert plan(run) == []
    assert db.session.query(SyncPart).count() == 0


@pytest.mark.parametrize(
    ("parts", "expected", "reason"),
    [
        ([PartState.OK, PartState.OK], RunState.OK, ""),
        ([PartState.OK, PartState.FAILED], RunState.PARTIAL, "reason 1"),
        ([PartState.FAILED, PartState.FAILED], RunState.FAILED, "reason 0"),
        ([PartState.CANCELLED, PartState.FAILED], RunState.FAILED, "reason 1"),
        ([PartState.CANCELLED, PartState.OK], RunState.PARTIAL, ""),
    ],
)
def test_a_run_ends_as_its_parts_did(parts: list[PartState], expected: RunState, reason: str, make: Make) -> None:
    run = begin(matched(make, 2))
    plan(run)
    end_parts(run, *parts)
    assert finish(run)
    ok = parts.count(PartState.OK)
    assert (run.state, run.reason, run.tenants_ok, run.tenants_failed) == (expected, reason, ok, 2 - ok)
    assert (run.requests, run.rows_written) == (8, 4)
    assert run.finished_at is not None


@pytest.mark.parametrize("state", [PartState.WAITING, PartState.SYNCING])
def test_a_run_does_not_end_while_a_part_is_open(state: PartState, make: Make) -> None:
    run = begin(matched(make, 2))
    plan(run)
    end_parts(run, PartState.OK, state)
    assert not finish(run)
    assert run.state == RunState.SYNCING
    assert Progress.of(db.session, [run.id])[run.id] == Progress(1, 1, 0, 8, 4)


def test_a_run_ends_once_however_many_finish_it(app: Flask, make: Make) -> None:
    run = begin(matched(make, 1))
    plan(run)
    end_parts(run, PartState.OK)
    run_id = run.id

    def finish_it() -> bool:
        ended = SyncRun.finish_if_done(db.session, run_id, utc_now())
        db.session.commit()
        return ended

    assert sorted(all_at_once(app, [finish_it] * 5)) == [False] * 4 + [True]


def test_a_run_is_silent_when_nothing_was_heard_of_it_for_a_while(make: Make) -> None:
    now = utc_now()
    long_ago = now - SILENCE - timedelta(seconds=1)
    silent = make.run(heard_at=long_ago)
    queued = make.run(heard_at=long_ago, state=RunState.SYNCING)
    make.run(heard_at=now - timedelta(seconds=1))
    make.run(heard_at=long_ago, state=RunState.OK)
    assert SyncRun.silent(db.session, now) == [silent.id, queued.id]
    assert SyncRun.silent(db.session, now) == [], "they count as heard of now"


def test_a_run_that_was_heard_of_by_a_clock_that_was_ahead_is_silent(make: Make) -> None:
    now = utc_now()
    run = make.run(heard_at=now + timedelta(hours=3))
    make.run(heard_at=now + SILENCE / 2)
    assert SyncRun.silent(db.session, now) == [run.id]
    assert SyncRun.silent(db.session, now) == []


def test_progress_is_counted_in_one_query_for_all_runs(make: Make, count_queries: list[str]) -> None:
    runs = [make.run() for _ in range(3)]
    run_ids = [run.id for run in runs]
    count_queries.clear()
    assert Progress.of(db.session, run_ids) == dict.fromkeys(run_ids, Progress())
    assert len(count_queries) == 1
