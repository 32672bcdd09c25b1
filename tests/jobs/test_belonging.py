"""Two installations that share a Redis by mistake: none does the other's jobs, and whoever waits or looks is told."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from flask import Flask
from rq import Queue
from rq.job import JobStatus

from jobs import queue, schedule, worker
from jobs.queue.belonging import is_ours, is_ours_to_do, own_marks
from jobs.queue.enqueueing import enqueue_awaited
from jobs.schedule import sweep
from tests.support.factories import Make
from tests.support.microsoft import new_run
from tests.support.settings import new_key, with_keys
from webapp.doctor.finding import Health
from webapp.doctor.queues import check_signing, check_strangers
from webapp.extensions import db
from webapp.models import RunState
from webapp.models.run import SILENCE

from .conftest import Work
from .helpers import do, move_time_on, waiting


def take_one(app: Flask, *queues: str) -> None:
    """Let a worker take one job up; the test then sees what it committed."""
    db.session.commit()
    worker.work(app, queues or queue.QUEUES, burst=True, max_jobs=1)
    db.session.commit()


def test_a_sync_that_another_installation_enqueued_is_left_to_its_workers(
    app: Flask, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    run = new_run(make.tenant(organization=make.organization()).integration)
    theirs = new_key()
    with with_keys(app, theirs):
        queue.report_worker("theirs")
        queue.sync(run.id)
    with caplog.at_level(logging.WARNING):
        take_one(app)
        take_one(app)
    assert run.state == RunState.QUEUED
    told = [record for record in caplog.records if "was enqueued by another installation" in record.getMessage()]
    assert {record.levelname for record in told} == {"WARNING"}
    with with_keys(app, theirs):
        take_one(app)
    assert run.state != RunState.QUEUED


def test_what_was_enqueued_with_keys_that_nobody_has_any_more_holds_up_nothing(
    app: Flask, make: Make, work: Work
) -> None:
    run = new_run(make.tenant(organization=make.organization()).integration)
    with with_keys(app, new_key()):
        queue.sync(run.id)
    work()
    assert run.state == RunState.QUEUED
    assert not list(queue.connection().scan_iter("rq:job:*"))
    move_time_on(SILENCE)
    do(sweep)
    work()
    assert run.state != RunState.QUEUED


def test_what_an_installation_enqueued_that_is_gone_is_thrown_away_also_where_another_one_is_there(
    app: Flask, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    run = new_run(make.tenant(organization=make.organization()).integration)
    with with_keys(app, new_key()):
        queue.report_worker("another's")
    with with_keys(app, new_key()):
        queue.sync(run.id)
    take_one(app)
    assert (run.state, waiting()) == (RunState.QUEUED, [])
    assert "is thrown away" in caplog.text


def test_while_nobody_can_tell_whether_its_installation_is_there_nothing_is_thrown_away(
    app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give_no_answer(marks: object) -> bool:
        raise queue.QueueUnavailable

    run = new_run(make.tenant(organization=make.organization()).integration)
    with with_keys(app, new_key()):
        queue.sync(run.id)
    monkeypatch.setattr(queue, "is_any_there_of", give_no_answer)
    take_one(app)
    assert len(waiting()) == 1


def test_what_another_installation_has_waiting_by_the_same_name_holds_up_nothing(app: Flask) -> None:
    theirs, ours = new_key(), new_key()
    for _ in range(2):
        for key in (theirs, ours):
            with with_keys(app, key):
                queue.sync(5)
    assert len(waiting()) == 2
    with with_keys(app, ours):
        assert [is_ours_to_do(job.meta) for job in waiting()] == [False, True]


def test_while_a_key_is_rotated_what_waits_is_known_again_by_machines_that_have_both_keys(app: Flask) -> None:
    old, new = new_key(), new_key()
    for keys in ((old,), (old, new), (new, old)):
        with with_keys(app, *keys):
            queue.sync(5)
    assert len(waiting()) == 1


@pytest.mark.usefixtures("app")
def test_this_version_and_the_one_before_know_again_what_the_other_has_waiting() -> None:
    Queue(queue.SYNC, connection=queue.connection()).enqueue_call("jobs.sync.begin", args=(5,), job_id="run-5_0a1b2c3d")
    queue.sync(5)
    queue.sync(6)
    # As the version before tells a job's name.
    assert [job.id.rpartition("_")[0] for job in waiting()] == ["run-5", "run-6"]


def test_what_somebody_waits_for_is_answered_by_a_worker_of_the_same_installation_only(app: Flask, make: Make) -> None:
    tenant = make.tenant(organization=make.organization())
    theirs = new_key()
    with with_keys(app, theirs):
        queue.report_worker("theirs")
        job = enqueue_awaited("jobs.compare.compare", tenant.id)
    take_one(app, queue.INTERACTIVE)
    assert (job.get_status(), job.latest_result()) == (JobStatus.QUEUED, None)
    with with_keys(app, theirs):
        take_one(app, queue.INTERACTIVE)
    assert job.latest_result() is not None


def test_the_upkeep_is_done_for_the_database_of_the_schedule_that_asks_for_it(app: Flask) -> None:
    with with_keys(app, new_key()):
        schedule.scheduler().enqueue_jobs()
    enqueued = Queue(queue.UPKEEP, connection=queue.connection()).get_jobs()
    assert enqueued
    assert not any(is_ours_to_do(job.meta) for job in enqueued)


@pytest.mark.usefixtures("app")
def test_what_a_version_without_marks_enqueued_is_done(make: Make, work: Work) -> None:
    run = new_run(make.tenant(organization=make.organization()).integration)
    Queue(queue.SYNC, connection=queue.connection()).enqueue_call("jobs.sync.begin", args=(run.id,))
    work()
    assert run.state != RunState.QUEUED


def test_while_a_key_is_rotated_all_machines_are_one_installation(app: Flask) -> None:
    old, new = new_key(), new_key()
    with with_keys(app, old):
        marks_of_old = own_marks()
    for keys in ((old, new), (new, old)):
        with with_keys(app, *keys):
            assert is_ours(marks_of_old)
            assert old not in "".join(own_marks())
    with with_keys(app, new):
        assert not is_ours(marks_of_old)


def test_the_doctor_names_workers_and_schedules_of_another_installation(app: Flask) -> None:
    queue.report_worker("ours")
    schedule.scheduler().heartbeat()
    assert list(check_strangers()) == []
    with with_keys(app, new_key()):
        queue.report_worker("theirs")
        queue.report_schedule("their-schedule")
    (found,) = check_strangers()
    assert found.health is Health.FAILED
    assert "theirs and their-schedule" in found.text
    assert "ours" not in found.text
    assert (queue.workers_alive(), queue.schedules_alive()) == (1, 1)
    db.session.rollback()


def test_the_versions_and_clocks_of_another_installation_are_its_own_concern(app: Flask) -> None:
    queue.report_worker("ours", version="1.0")
    queue.report_schedule("our-schedule")
    with with_keys(app, new_key()):
        queue.report_worker("theirs", version="0.9")
        queue.report_schedule("their-schedule")
    assert queue.workers_versions() == {"ours": "1.0"}
    assert (set(queue.workers_clocks()), set(queue.schedules_clocks())) == ({"ours"}, {"our-schedule"})


def test_the_doctor_names_workers_and_schedules_that_have_another_secret_key(app: Flask) -> None:
    queue.report_worker("same")
    before = app.config["SETTINGS"]
    app.config["SETTINGS"] = replace(before, secret_key="another one")
    queue.report_worker("other")
    queue.report_schedule("other-schedule")
    with with_keys(app, new_key()):
        queue.report_worker("theirs")  # which is another matter
    app.config["SETTINGS"] = before
    (found,) = check_signing()
    assert found.health is Health.WARNING
    assert "other and other-schedule" in found.text
    assert "same" not in found.text
    assert "theirs" not in found.text
    queue.forget_worker("other")
    queue.forget_schedule("other-schedule")
    assert list(check_signing()) == []
    kept = [str(queue.connection().get(key)) for key in queue.connection().scan_iter("seatledger:process:*:signing")]
    assert kept
    assert not any(before.secret_key in mark for mark in kept)
