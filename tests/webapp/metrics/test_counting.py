"""Counting, from many threads, in processes that fork, with a Redis that goes and comes."""

from __future__ import annotations

import os
import threading
from dataclasses import replace

import pytest
from flask import Flask
from redis import Redis
from redis.exceptions import RedisError

from jobs import queue
from tests.support.waiting import eventually
from webapp.metrics import events, flushing
from webapp.metrics.counting import counts
from webapp.metrics.flushing import handing_over
from webapp.metrics.store import KEY, hand_over, read
from webapp.models import RunState
from webapp.models.run import ACTIVE_STATES

from .conftest import Scrape

OK = "seatledger_parts_total{outcome=ok}"
NOWHERE = "unix:///nowhere/redis.sock"


def test_many_threads_count_and_nothing_is_lost(app: Flask) -> None:
    def count() -> None:
        for _ in range(500):
            events.part_ended("ok", 0.2, rows=2)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        hand_over(counts)
    for thread in threads:
        thread.join()
    hand_over(counts)
    numbers = read()
    assert numbers["seatledger_parts", "ok"] == 4000
    assert numbers["seatledger_rows_written",] == 8000
    assert numbers["seatledger_part_seconds", "ok", "le0.25"] == 4000


def test_what_never_happened_is_told_as_nothing_so_that_the_first_time_is_seen_as_an_increase(scrape: Scrape) -> None:
    found = scrape()
    for outcome in ("ok", "failed", "put_off"):
        assert found[f"seatledger_parts_total{{outcome={outcome}}}"] == 0
        assert found[f"seatledger_part_seconds_count{{outcome={outcome}}}"] == 0
    assert found["seatledger_rows_written_total"] == 0
    ends = {f"seatledger_runs_ended_total{{outcome={state}}}" for state in set(RunState) - set(ACTIVE_STATES)}
    assert {name for name in found if name.startswith("seatledger_runs_ended_total")} == ends


def test_counters_and_histograms_are_told_as_prometheus_wants_them(scrape: Scrape) -> None:
    for seconds in (0.1, 0.1001, 3, 5000):
        events.part_ended("failed", seconds)
    events.part_ended("cancelled")
    found = scrape()
    assert found["seatledger_parts_total{outcome=failed}"] == 4
    assert found["seatledger_parts_total{outcome=cancelled}"] == 1
    buckets = {
        bound: found[f"seatledger_part_seconds_bucket{{le={bound},outcome=failed}}"]
        for bound in ("0.1", "0.25", "2.5", "5.0", "900.0", "+Inf")
    }
    assert buckets == {"0.1": 1, "0.25": 2, "2.5": 2, "5.0": 3, "900.0": 3, "+Inf": 4}
    assert found["seatledger_part_seconds_count{outcome=failed}"] == 4
    assert found["seatledger_part_seconds_sum{outcome=failed}"] == pytest.approx(5003.2001)


def test_a_counter_without_labels_is_there_from_the_beginning(scrape: Scrape) -> None:
    found = scrape()
    assert found["seatledger_rows_written_total"] == found["seatledger_microsoft_throttled_seconds_total"] == 0


def test_redis_may_be_emptied_and_the_counters_begin_again(scrape: Scrape) -> None:
    events.part_ended("ok")
    events.part_ended("ok")
    assert scrape()[OK] == 2
    queue.connection().flushall()
    events.part_ended("ok")
    assert scrape()[OK] == 1


def test_while_redis_is_away_what_is_counted_is_kept(app: Flask, scrape: Scrape) -> None:
    settings = app.config["SETTINGS"]
    app.config["SETTINGS"] = replace(settings, redis_url=NOWHERE)
    events.part_ended("ok")
    with pytest.raises(RedisError):
        hand_over(counts)
    events.part_ended("ok")
    app.config["SETTINGS"] = settings
    assert scrape()[OK] == 2


def test_a_number_that_redis_cannot_add_to_holds_up_no_other(
    app: Flask, scrape: Scrape, caplog: pytest.LogCaptureFixture
) -> None:
    redis: Redis = queue.connection()
    redis.hset(KEY, '["seatledger_parts", "failed"]', "many")
    for outcome in ("ok", "failed"):
        events.part_ended(outcome)
    assert scrape()[OK] == 1
    assert scrape()[OK] == 1
    assert "seatledger_parts/failed" in caplog.text


def test_a_process_hands_over_by_itself_and_at_its_end(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flushing, "FLUSH_SECONDS", 0.01)
    with handing_over(app):
        events.run_ended("ok")
        assert eventually(lambda: read().get(("seatledger_runs_ended", "ok"))) == 1
        monkeypatch.setattr(flushing, "FLUSH_SECONDS", 60)
    monkeypatch.setattr(flushing, "FLUSH_SECONDS", 60)
    with handing_over(app):
        events.run_ended("ok")
    assert read()["seatledger_runs_ended", "ok"] == 2


def test_a_process_whose_redis_is_away_says_so_once_and_goes_on(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(flushing, "FLUSH_SECONDS", 0.01)
    settings = app.config["SETTINGS"]
    app.config["SETTINGS"] = replace(settings, redis_url=NOWHERE)
    with handing_over(app):
        events.run_ended("ok")
        eventually(lambda: "Redis does not answer" in caplog.text)
        app.config["SETTINGS"] = settings
        assert eventually(lambda: read().get(("seatledger_runs_ended", "ok"))) == 1
        eventually(lambda: "Redis answers again" in caplog.text)
    assert caplog.text.count("Redis does not answer, so what is counted is kept: Error ") == 1


def test_a_forked_process_counts_from_nothing() -> None:
    events.run_ended("ok")
    reading, writing = os.pipe()
    if not (child := os.fork()):
        os.write(writing, b"%d" % len(counts.take()))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 10) == b"0"
    os.close(reading)
    os.close(writing)
    assert len(counts.take()) == 1
