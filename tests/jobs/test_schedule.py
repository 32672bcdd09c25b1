"""The automatic sync: each slot starts one run, whoever looks and however many do; nothing starts that must not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from redis.exceptions import RedisError
from rq import Queue
from rq.exceptions import StopRequested
from sqlalchemy import func, insert, select, update

from jobs import queue, schedule
from jobs.schedule import start_due, sweep
from jobs.sync import begin
from sandbox import Sandbox
from tests.support.factories import Make
from tests.support.microsoft import connected, sandbox_tenant
from tests.support.together import all_at_once
from webapp.extensions import db
from webapp.models import Integration, RunState, SyncRun, Tenant, Trigger, begin_due, utc_now
from webapp.models.run import SILENCE
from webapp.models.schedule import next_slot

from .conftest import Work
from .helpers import do, move_time_on


def due(make: Make, late: timedelta = timedelta(seconds=1), matched: bool = True, **values: Any) -> Integration:
    """An integration with a tenant, whose slot came so long ago."""
    integration = make.integration(**{"next_sync_at": utc_now() - late, **values})
    make.tenant(integration=integration, organization=make.organization() if matched else None)
    return integration


def runs() -> list[SyncRun]:
    return list(db.session.scalars(select(SyncRun).order_by(SyncRun.id)))


def waiting(name: str) -> list[tuple[Any, ...]]:
    return [tuple(job.args) for job in Queue(name, connection=queue.connection()).get_jobs()]


def test_what_is_due_starts_once_and_waits_for_its_next_slot(make: Make) -> None:
    integration = due(make)
    for _ in range(3):
        do(start_due)
    (run,) = runs()
    assert (run.integration_id, run.trigger, run.state) == (integration.id, Trigger.SCHEDULE, RunState.QUEUED)
    assert run.started_by_id is None
    assert waiting(queue.SCHEDULED) == [(run.id,)]
    assert integration.next_sync_at is not None
    assert utc_now() < integration.next_sync_at <= utc_now() + timedelta(hours=1.25)


def test_whose_time_has_come_is_told_by_redis_s_clock_and_not_by_each_worker_s_own(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    due(make, late=timedelta(minutes=-30))
    do(start_due)
    assert runs() == []
    there = queue.redis_now()
    monkeypatch.setattr(queue, "redis_now", lambda: there + 3600)
    do(start_due)
    assert len(runs()) == 1


def test_what_is_due_is_synced_by_a_worker(sandbox: Sandbox, make: Make, work: Work) -> None:
    integration = connected(make, sandbox_tenant(sandbox), next_sync_at=utc_now()).integration
    do(start_due)
    work()
    (run,) = runs()
    assert (run.integration_id, run.state, run.tenants_ok) == (integration.id, RunState.OK, 1)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"paused_at": utc_now()}, id="paused"),
        pytest.param({"sync_every_hours": 0}, id="manual only"),
        pytest.param({"sync_licenses": False}, id="nothing chosen"),
        pytest.param({"matched": False}, id="nothing matched"),
        pytest.param({"late": timedelta(minutes=-5)}, id="not due"),
    ],
)
def test_what_must_not_start_does_not(make: Make, values: dict[str, Any]) -> None:
    due(make, **values)
    do(start_due)
    assert runs() == []
    assert waiting(queue.SCHEDULED) == []


@pytest.mark.parametrize("values", [{"sync_licenses": False}, {"matched": False}])
def test_a_slot_that_passed_without_work_is_not_made_up_for_when_there_is_some(
    make: Make, values: dict[str, Any]
) -> None:
    integration = due(make, **values)
    do(start_due)
    integration.sync_licenses = True
    integration.tenants[0].match(make.organization())
    db.session.commit()
    do(start_due)
    assert runs() == []
    assert integration.next_sync_at is not None
    assert integration.next_sync_at > utc_now()


def test_an_integration_that_was_never_planned_waits_for_its_next_slot(make: Make) -> None:
    integration = due(make, next_sync_at=None)
    before = utc_now()
    do(start_due)
    assert runs() == []
    assert integration.next_sync_at in {next_slot(integration.id, 1, before), next_slot(integration.id, 1, utc_now())}


def test_an_integration_planned_too_far_ahead_by_a_wrong_clock_comes_within_its_interval(make: Make) -> None:
    integration = due(make, late=timedelta(days=-300))
    do(start_due)
    assert runs() == []
    assert integration.next_sync_at is not None
    assert integration.next_sync_at <= utc_now() + timedelta(hours=1)


@pytest.mark.parametrize("state", [RunState.QUEUED, RunState.SYNCING])
@pytest.mark.parametrize("trigger", [Trigger.MANUAL, Trigger.SCHEDULE])
def test_a_slot_that_comes_while_a_run_is_active_is_skipped(make: Make, state: RunState, trigger: Trigger) -> None:
    integration = due(make)
    active = make.run(integration=integration, state=state, trigger=trigger)
    do(start_due)
    assert runs() == [active]
    assert waiting(queue.SCHEDULED) == []
    active.state = RunState.OK
    db.session.commit()
    do(start_due)
    assert runs() == [active]


def test_a_machine_that_slept_starts_each_integration_once(make: Make) -> None:
    integrations = [due(make, late=timedelta(days=1, minutes=number)) for number in range(3)]
    for _ in range(3):
        do(start_due)
        db.session.execute(update(SyncRun).values(state=RunState.OK))
        db.session.commit()
    assert sorted(run.integration_id for run in runs()) == [integration.id for integration in integrations]


def test_schedulers_and_workers_at_once_start_each_run_once(app: Flask, make: Make) -> None:
    integrations = [due(make, late=timedelta(seconds=number)).id for number in range(70)]
    # Two schedulers enqueue, at their start and again; four workers take up what they find at the same moment.
    all_at_once(app, [start_due] * 6)
    db.session.commit()
    found = runs()
    assert sorted(run.integration_id for run in found) == integrations
    assert sorted(waiting(queue.SCHEDULED)) == [(run.id,) for run in found]


def test_who_pauses_at_the_same_moment_is_obeyed_or_too_late(app: Flask, make: Make) -> None:
    ids = [due(make).id for _ in range(12)]

    def pause_all() -> None:
        for integration_id in reversed(ids):
            db.session.get_one(Integration, integration_id).pause(utc_now())
            db.session.commit()

    all_at_once(app, [start_due, pause_all, start_due])
    db.session.commit()
    assert db.session.query(Integration).filter(Integration.next_sync_at.is_not(None)).count() == 0
    assert len(runs()) == len({run.integration_id for run in runs()})
    count = len(runs())
    do(start_due)
    assert len(runs()) == count


def test_a_crash_between_the_commit_and_the_queue_is_healed_behind_what_was_started_by_hand(
    app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    due(make)
    settings, now = app.config["SETTINGS"], queue.redis_now()
    monkeypatch.setattr(queue, "redis_now", lambda: now)
    app.config["SETTINGS"] = replace(settings, redis_url="unix:///nowhere/redis.sock")
    with pytest.raises(queue.QueueUnavailable):
        do(start_due)
    app.config["SETTINGS"] = settings
    (run,) = runs()
    by_hand = make.run(integration=due(make, next_sync_at=None))
    move_time_on(timedelta(seconds=31))
    do(sweep)
    assert waiting(queue.SCHEDULED) == [(run.id,)]
    assert waiting(queue.SYNC) == [(by_hand.id,)]


@pytest.mark.parametrize("is_put_off", [True, False])
def test_the_database_is_asked_as_often_for_one_run_that_was_lost_as_for_many(
    make: Make, count_queries: list[str], is_put_off: bool
) -> None:
    asked = []
    for number in (1, 5):
        for _ in range(number):
            run = make.run(state=RunState.SYNCING, heard_at=utc_now() - 2 * SILENCE)
            until = utc_now() + timedelta(minutes=5) if is_put_off else None
            make.part(run_id=run.id, tenant=make.tenant(integration=run.integration), not_before=until)
        db.session.commit()
        count_queries.clear()
        do(sweep)
        asked.append(len(count_queries))
    assert asked[0] == asked[1]
    assert len(waiting(queue.SYNC)) == 6


def test_parts_of_a_scheduled_run_wait_behind_those_started_by_hand(make: Make) -> None:
    scheduled = make.run(integration=due(make), trigger=Trigger.SCHEDULE)
    by_hand = make.run(integration=due(make), trigger=Trigger.MANUAL)
    for run in (scheduled, by_hand):
        do(begin, run.id)
    assert [args[0] for args in waiting(queue.SCHEDULED)] == [scheduled.id]
    assert [args[0] for args in waiting(queue.SYNC)] == [by_hand.id]


def test_what_was_started_by_hand_is_worked_on_first(app: Flask, sandbox: Sandbox, make: Make, work: Work) -> None:
    tenants = [sandbox_tenant(sandbox) for _ in range(4)]
    integrations = [connected(make, tenant, next_sync_at=utc_now()).integration for tenant in tenants]
    by_hand = integrations.pop()
    by_hand.next_sync_at = None
    db.session.commit()
    do(start_due)
    run, _ = SyncRun.begin(db.session, by_hand.id, Trigger.MANUAL)
    db.session.commit()
    queue.sync(run.id)
    work()
    ended = list(db.session.scalars(select(SyncRun).order_by(SyncRun.finished_at)))
    assert [run.state for run in ended] == [RunState.OK] * 4
    assert ended[0] == run


def test_a_scheduled_run_that_somebody_asks_for_before_it_began_becomes_theirs(make: Make) -> None:
    user, integration = make.user(), due(make)
    do(start_due)
    run, is_new = SyncRun.begin(db.session, integration.id, Trigger.MANUAL, user.id)
    db.session.commit()
    assert (is_new, run.trigger, run.started_by_id) == (False, Trigger.MANUAL, user.id)
    run.state, run.trigger, run.started_by_id = RunState.SYNCING, Trigger.SCHEDULE, None
    db.session.commit()
    SyncRun.begin(db.session, integration.id, Trigger.MANUAL, user.id)
    db.session.commit()
    assert (run.trigger, run.started_by_id) == (Trigger.SCHEDULE, None)


def test_thousands_that_are_due_are_found_by_one_query_and_begun_by_and_by(
    app: Flask, make: Make, count_queries: list[str]
) -> None:
    many_due(make, 5000)
    count_queries.clear()
    begun = begin_due(db.session, utc_now(), schedule.BATCH)
    db.session.commit()
    assert (begun.looked_at, len(begun.run_ids)) == (schedule.BATCH, schedule.BATCH)
    assert sum("integration.next_sync_at <=" in statement for statement in count_queries) == 1
    assert len(count_queries) < 7 * schedule.BATCH
    do(start_due)
    assert len(runs()) == schedule.BATCH + schedule.MOST_AT_ONCE
    assert len(waiting(queue.SCHEDULED)) == schedule.MOST_AT_ONCE
    # Those that waited longest came first.
    waiting_still = select(func.max(Integration.next_sync_at)).where(Integration.next_sync_at <= utc_now())
    begun_last = select(func.max(Integration.id)).join(SyncRun)
    assert db.session.scalars(waiting_still).one() is not None
    assert (
        db.session.scalars(begun_last).one()
        == db.session.scalars(select(func.min(Integration.id)).where(Integration.next_sync_at <= utc_now())).one() - 1
    )


def many_due(make: Make, count: int) -> None:
    first, organization = make.integration(sync_every_hours=0), make.organization()
    now = utc_now()
    common = {"home_tenant_id": "", "client_id": "", "client_secret_encrypted": "", "cloud": first.cloud}
    integrations = [
        {
            **common,
            "id": first.id + number,
            "name": f"i{number}",
            "name_folded": f"i{number}",
            "next_sync_at": now - timedelta(minutes=count - number),
        }
        for number in range(1, count + 1)
    ]
    db.session.execute(insert(Integration), integrations)
    tenants = [
        {
            "integration_id": values["id"],
            "tenant_id": str(values["id"]),
            "name": "",
            "name_folded": "",
            "search_folded": "",
            "organization_id": organization.id,
        }
        for values in integrations
    ]
    db.session.execute(insert(Tenant), tenants)
    db.session.commit()


@pytest.mark.usefixtures("app")
def test_the_scheduler_enqueues_its_jobs_and_goes_on_when_the_clock_was_set_back() -> None:
    cron = schedule.scheduler()
    names = [cron_job.func_name for cron_job in cron.get_jobs()]
    assert {"jobs.schedule.sweep", "jobs.schedule.start_due"} <= set(names)
    assert [cron_job.func_name for cron_job in cron.enqueue_jobs()] == names
    assert cron.enqueue_jobs() == []
    for cron_job in cron.get_jobs():
        cron_job.set_enqueue_time(utc_now() + timedelta(days=1))
    assert [cron_job.func_name for cron_job in cron.enqueue_jobs()] == names
    assert cron.enqueue_jobs() == []


@pytest.mark.usefixtures("app")
def test_a_schedule_that_is_told_to_stop_while_redis_is_away_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    def be_told_to_stop(self: object) -> None:
        raise StopRequested

    def be_away(*given: object) -> None:
        raise RedisError("it is away")

    monkeypatch.setattr(schedule.Scheduler, "_install_signal_handlers", lambda self: None)
    monkeypatch.setattr(schedule.Scheduler, "enqueue_jobs", be_told_to_stop)
    monkeypatch.setattr(queue, "forget_schedule", be_away)
    # Where it would go on, it would first be silent for a while.
    monkeypatch.setattr(schedule, "time", SimpleNamespace(sleep=lambda seconds: pytest.fail("it goes on")))
    schedule._run(schedule.scheduler())


def test_a_worker_takes_what_is_scheduled_last() -> None:
    assert queue.QUEUES[-2:] == (queue.SYNC, queue.SCHEDULED)
