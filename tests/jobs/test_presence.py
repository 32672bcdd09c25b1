"""Who is there is told by the clock of Redis, whatever their own say; and `flask doctor` names those that are wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskCliRunner
from rq.exceptions import StopRequested

from jobs import queue, schedule
from jobs.queue.redis_server import redis_now
from webapp.doctor import Finding, checks
from webapp.doctor.clock import compare_clocks
from webapp.doctor.finding import Health
from webapp.doctor.queues import check_clocks, check_schedule

from .conftest import SetClock

HOUR = 3600.0


def said_of(findings: Iterator[Finding]) -> list[tuple[Health, str]]:
    return [(finding.health, finding.text) for finding in findings]


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("schedules", [-HOUR, 0, HOUR])
@pytest.mark.parametrize("doctors", [-HOUR, 0, 200, HOUR])
def test_a_schedule_that_runs_is_found_whatever_the_clocks_of_the_processes_say(
    set_clock: SetClock, schedules: float, doctors: float
) -> None:
    with set_clock(schedules):
        schedule.scheduler().heartbeat()
    with set_clock(doctors):
        assert queue.schedules_alive() == 1
        assert [finding.health for finding in check_schedule()] == [Health.OK]


@pytest.mark.usefixtures("app")
def test_a_schedule_counts_while_it_reports_and_until_it_ends() -> None:
    cron, other = schedule.scheduler(), schedule.scheduler()
    assert queue.schedules_alive() == 0
    for reporting in (cron, cron, other):
        reporting.heartbeat()
    assert queue.schedules_alive() == 2
    cron.register_death()
    assert queue.schedules_alive() == 1
    silent_since = redis_now() - queue.SCHEDULE_SILENCE_SECONDS - 1
    queue.connection().zadd(queue.SCHEDULES_KEY, {other.name: silent_since})
    assert queue.schedules_alive() == 0


@pytest.mark.usefixtures("app")
def test_a_schedule_that_reported_before_the_clock_of_redis_was_set_back_is_not_believed_to_be_there() -> None:
    queue.connection().zadd(queue.SCHEDULES_KEY, {"one": redis_now() + HOUR / 2, "two": redis_now() + 2 * HOUR})
    assert queue.schedules_alive() == 0
    queue.report_schedule("three")
    assert queue.schedules_alive() == 1
    assert queue.connection().zrange(queue.SCHEDULES_KEY, 0, -1) == [b"three", b"one"]


@pytest.mark.usefixtures("app")
def test_a_schedule_reports_each_time_it_has_enqueued_what_is_due_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[tuple[str, int]] = []
    enqueue = schedule.Scheduler.enqueue_jobs

    def see_and_enqueue(self: schedule.Scheduler) -> Any:
        # What it said before is taken away, so that a call that hangs here would be followed by silence.
        queue.connection().delete(queue.SCHEDULES_KEY)
        found = enqueue(self)
        seen.append(("enqueued", queue.schedules_alive()))
        return found

    def sleep(seconds: float) -> None:
        seen.append(("sleeps", queue.schedules_alive()))
        assert 0 < seconds <= schedule.SWEEP_SECONDS < queue.SCHEDULE_SILENCE_SECONDS
        if len(seen) == 4:
            raise StopRequested

    monkeypatch.setattr(schedule.Scheduler, "_install_signal_handlers", lambda self: None)
    monkeypatch.setattr(schedule.Scheduler, "enqueue_jobs", see_and_enqueue)
    monkeypatch.setattr("rq.cron.time.sleep", sleep)
    schedule._run(schedule.scheduler())
    assert seen == [("enqueued", 0), ("sleeps", 1)] * 2
    assert queue.schedules_alive() == 0


@pytest.mark.usefixtures("app")
def test_a_schedule_that_is_killed_leaves_no_name_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    def be_killed(seconds: float) -> None:
        raise StopRequested

    monkeypatch.setattr(schedule.Scheduler, "_install_signal_handlers", lambda self: None)
    monkeypatch.setattr(schedule.Scheduler, "register_death", lambda self: None)
    monkeypatch.setattr("rq.cron.time.sleep", be_killed)
    cron = schedule.scheduler()
    schedule._run(cron)
    assert queue.schedules_alive() == 1
    of_it = [key for key in queue.connection().scan_iter("*cron_scheduler*") if queue.connection().ttl(key) < 0]
    assert not of_it


@pytest.mark.usefixtures("app")
def test_nothing_is_left_of_a_schedule_or_a_worker_that_ended() -> None:
    cron = schedule.scheduler()
    cron.heartbeat()
    cron.register_death()
    queue.report_worker("one")
    queue.forget_worker("one")
    assert not list(queue.connection().scan_iter())


@pytest.mark.usefixtures("app")
def test_workers_and_schedules_tell_how_far_their_clocks_are_from_that_of_redis(set_clock: SetClock) -> None:
    queue.report_worker("right")
    with set_clock(HOUR):
        queue.report_worker("ahead", [queue.SYNC])
        queue.report_schedule("fast")
    with set_clock(-HOUR):
        queue.report_worker("behind", [queue.INTERACTIVE])
    assert queue.workers_clocks() == pytest.approx({"right": 0, "ahead": HOUR, "behind": -HOUR}, abs=5)
    assert queue.schedules_clocks() == pytest.approx({"fast": HOUR}, abs=5)
    queue.report_schedule("fast")  # its clock was set right
    assert queue.schedules_clocks() == pytest.approx({"fast": 0}, abs=5)


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("asked", [-20, -0.001])
def test_a_redis_that_takes_long_to_answer_makes_no_clock_wrong(monkeypatch: pytest.MonkeyPatch, asked: float) -> None:
    now = redis_now()
    moments = iter([now + asked, now + asked + 20.001])
    with monkeypatch.context() as patch:
        patch.setattr("jobs.queue.clock.redis_now", lambda: now)
        patch.setattr("jobs.queue.clock.time", SimpleNamespace(time=lambda: next(moments)))
        queue.report_schedule("one")
    assert queue.schedules_clocks() == {"one": 0}


@pytest.mark.usefixtures("app")
def test_the_doctor_says_nothing_of_clocks_that_agree_or_of_who_is_gone(set_clock: SetClock) -> None:
    assert not list(check_clocks())
    queue.report_worker("right")
    with set_clock(5):
        queue.report_worker("nearly right")
        queue.report_schedule("nearly right, too")
    with set_clock(HOUR):
        queue.report_worker("gone")
    for name in queue.QUEUES:
        queue.connection().zadd(queue.workers_key(name), {"gone": redis_now() - HOUR / 2})
    # One of a version that does not tell of its clock.
    queue.report_worker("old")
    queue.connection().delete("seatledger:process:old:clock")
    assert not list(check_clocks())


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize(
    ("seconds", "health", "words"),
    [
        (HOUR, Health.FAILED, "3,600 s ahead of it"),
        (-HOUR, Health.FAILED, "3,600 s behind it"),
        (60, Health.WARNING, "60 s ahead of it"),
        (-60, Health.WARNING, "60 s behind it"),
    ],
)
def test_the_doctor_names_whose_clock_is_wrong_and_by_how_much(seconds: float, health: Health, words: str) -> None:
    queue.report_worker("right")
    for report, whose in ((queue.report_worker, "worker"), (queue.report_schedule, "schedule")):
        report("host-7-ab")
        queue.connection().set("seatledger:process:host-7-ab:clock", seconds)
        text = f"Not all clocks agree with that of Redis: that of the {whose} host-7-ab is {words}."
        assert said_of(check_clocks()) == [(health, text)]
        queue.forget_worker("host-7-ab")


@pytest.mark.usefixtures("app")
def test_of_many_wrong_clocks_the_doctor_names_those_that_are_furthest_off() -> None:
    for number in range(1, 8):
        queue.report_worker(f"w{number}")
        queue.connection().set(f"seatledger:process:w{number}:clock", number * (-100 if number % 2 else 100))
    [(health, text)] = said_of(check_clocks())
    assert health == Health.FAILED
    assert "of the worker w7 is 700 s behind it, that of the worker w6 is 600 s ahead of it" in text
    assert text.endswith("that of the worker w3 is 300 s behind it and 2 more.")


def test_a_worker_whose_clock_is_wrong_fails_the_doctor(
    run_command: FlaskCliRunner, monkeypatch: pytest.MonkeyPatch, set_clock: SetClock
) -> None:
    looked_at = [check for check in checks._CHECKS if check[0].__name__ not in {"check_microsoft", "check_settings"}]
    monkeypatch.setattr(checks, "_CHECKS", tuple(looked_at))
    queue.report_worker("one")
    queue.report_schedule("two")
    assert run_command.invoke(args=["doctor"]).exit_code == 0
    with set_clock(HOUR):
        queue.report_worker("one")
    result = run_command.invoke(args=["doctor", "--json"])
    assert result.exit_code == 1
    [failed] = [finding for finding in json.loads(result.output) if finding["health"] == "failed"]
    assert "the worker one is 3,600 s ahead" in failed["text"]
    assert "NTP" in failed["fix"]


@pytest.mark.parametrize(
    ("there", "health", "words"),
    [
        (0, Health.OK, "agrees with that of Redis"),
        (-60, Health.WARNING, "is 60 s ahead of that of Redis"),
        (60, Health.WARNING, "is 60 s behind that of Redis"),
        (-HOUR, Health.FAILED, "is 3,600 s ahead of that of Redis"),
        (HOUR, Health.FAILED, "is 3,600 s behind that of Redis"),
    ],
)
def test_the_clock_here_is_said_to_be_ahead_or_behind(there: float, health: Health, words: str) -> None:
    found = compare_clocks("clock of Redis", "that of Redis", datetime.now(UTC) + timedelta(seconds=there))
    assert (found.health, found.text) == (health, f"The clock here {words}.")
