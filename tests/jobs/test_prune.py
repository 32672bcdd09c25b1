"""Which logs are deleted, and which are kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from rq.registry import BaseRegistry, FailedJobRegistry, FinishedJobRegistry, StartedJobRegistry

from jobs import prune as pruning
from jobs import queue
from jobs.reach import reach
from jobs.schedule import scheduler
from sandbox import Sandbox
from tests.support.factories import Make
from tests.support.together import all_at_once
from webapp.extensions import db
from webapp.models import Cloud, Integration, PartState, RunState, SyncPart, SyncRun, run_log, utc_now

from .helpers import do


@pytest.fixture(autouse=True)
def asked(sandbox: Sandbox) -> None:
    """Microsoft, whose clock is right, can be reached."""


def run(make: Make, integration: Integration, days_ago: float, **values: Any) -> SyncRun:
    moment = utc_now() - timedelta(days=days_ago)
    made = make.run(**{"state": RunState.OK, "integration": integration, "finished_at": moment, **values})
    made.created_at = moment
    make.part(run_id=made.id, tenant_id=make.tenant(integration=integration).id, state=PartState.OK)
    return made


def kept() -> list[int]:
    do(pruning.prune)
    return list(db.session.scalars(db.select(SyncRun.id).order_by(SyncRun.id)))


def test_what_ended_longer_ago_than_logs_are_kept_is_deleted_with_its_parts(make: Make) -> None:
    integration = make.integration()
    run(make, integration, 200)
    run(make, integration, 90.1, state=RunState.PARTIAL)
    young, latest = run(make, integration, 89.9), run(make, integration, 1)
    assert kept() == [young.id, latest.id]
    assert {part.run_id for part in db.session.query(SyncPart)} == {young.id, latest.id}


def test_the_latest_run_of_each_integration_is_kept_however_old(make: Make) -> None:
    first, second = make.integration(), make.integration()
    run(make, first, 300)
    latest = [run(make, first, 200).id, run(make, second, 400).id]
    assert kept() == latest


def test_an_active_run_is_never_deleted(make: Make) -> None:
    integration = make.integration()
    active = run(make, integration, 300, state=RunState.SYNCING, finished_at=None)
    latest = run(make, integration, 1)
    assert kept() == [active.id, latest.id]


def test_how_long_logs_are_kept_is_a_setting(app: Flask, make: Make) -> None:
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], run_log_days=7)
    integration = make.integration()
    run(make, integration, 8)
    young, latest = run(make, integration, 6), run(make, integration, 0)
    assert kept() == [young.id, latest.id]


def test_a_run_that_repeats_a_deleted_one_stays(make: Make) -> None:
    integration = make.integration()
    repeated = run(make, integration, 100)
    again = run(make, integration, 80, retry_of_id=repeated.id)
    assert kept() == [again.id]
    assert again.retry_of_id is None


def test_many_parts_go_in_small_transactions(
    make: Make, monkeypatch: pytest.MonkeyPatch, count_queries: list[str]
) -> None:
    monkeypatch.setattr(run_log, "BATCH", 2)
    integration = make.integration()
    old = run(make, integration, 100)
    for _ in range(6):
        make.part(run_id=old.id, tenant_id=make.tenant(integration=integration).id, state=PartState.OK)
    latest = run(make, integration, 1)
    count_queries.clear()
    assert kept() == [latest.id]
    assert sum(statement.startswith("DELETE FROM sync_part") for statement in count_queries) == 4


def test_what_takes_too_long_is_left_to_the_next_call(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "_SECONDS", 0)
    integration = make.integration()
    runs = [run(make, integration, 100), run(make, integration, 1)]
    assert kept() == [run.id for run in runs]


def test_several_who_prune_at_once_delete_the_same(app: Flask, make: Make) -> None:
    integration = make.integration()
    for _ in range(10):
        run(make, integration, 100)
    latest = run(make, integration, 1)
    all_at_once(app, [pruning.prune] * 3)
    assert kept() == [latest.id]


def test_nothing_is_deleted_while_the_clock_here_is_far_from_microsoft_s(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    integration = make.integration()
    runs = [run(make, integration, days).id for days in (3, 2, 1)]
    monkeypatch.setattr(pruning, "utc_now", lambda: utc_now() + timedelta(days=366))
    assert kept() == runs
    assert "Microsoft does not confirm that it is" in caplog.text


def test_nothing_is_deleted_where_nobody_confirms_the_clock(app: Flask, make: Make) -> None:
    app.config["SETTINGS"] = replace(
        app.config["SETTINGS"],
        microsoft_login_url="https://127.0.0.1:1",
        microsoft_graph_url="https://127.0.0.1:1",
    )
    integration = make.integration()
    runs = [run(make, integration, days).id for days in (200, 1)]
    assert kept() == runs


def test_any_cloud_in_use_confirms_the_clock(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "reach", lambda cloud: {"hosts": []} if cloud == Cloud.CHINA else reach(cloud))
    left, integration = make.integration(cloud=Cloud.CHINA), make.integration()
    run(make, integration, 200)
    latest = [run(make, left, 200).id, run(make, integration, 1).id]
    assert kept() == latest


def test_the_schedule_starts_it(app: Flask) -> None:
    assert "jobs.prune.prune" in {job.func_name for job in scheduler().get_jobs()}


@pytest.mark.parametrize("registry", [FinishedJobRegistry, FailedJobRegistry, StartedJobRegistry])
def test_names_of_jobs_that_expired_do_not_stay_in_redis_for_ever(registry: type[BaseRegistry]) -> None:
    redis, now = queue.connection(), queue.redis_now()
    key = registry(queue.INTERACTIVE, connection=redis).key
    redis.zadd(key, {"long-gone": now - 2 * 24 * 3600, "expired-just-now": now - 60, "there": now + 60})
    do(pruning.prune)
    assert redis.zrange(key, 0, -1) == [b"expired-just-now", b"there"]


def test_names_of_workers_that_were_killed_do_not_either() -> None:
    redis = queue.connection()
    for key in ("rq:workers", f"rq:workers:{queue.SYNC}"):
        redis.sadd(key, "rq:worker:killed", "rq:worker:there")
    redis.hset("rq:worker:there", "birth", "now")
    do(pruning.prune)
    assert redis.smembers("rq:workers") == redis.smembers(f"rq:workers:{queue.SYNC}") == {b"rq:worker:there"}


def test_jobs_at_which_a_worker_was_killed_do_not_either() -> None:
    redis, now = queue.connection(), queue.redis_now()
    for name in ("killed", "at-work"):
        redis.hset(f"rq:job:{name}", "status", "started")
    redis.zadd(f"rq:wip:{queue.SYNC}", {"killed:1": now - 2 * 24 * 3600, "at-work:1": now + 60})
    do(pruning.prune)
    assert redis.keys("rq:job:*") == [b"rq:job:at-work"]
