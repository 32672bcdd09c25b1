"""Counters in memory that several processes share."""

from __future__ import annotations

from multiprocessing import get_context

from sandbox.counters import Counters

EACH = 20_000


def count(counters: Counters, process: int) -> None:
    counters.take_row(process)
    for _ in range(EACH):
        counters.add("batch", 200, in_batch=False, early=True)


def test_processes_that_count_at_the_same_time_lose_nothing() -> None:
    counters, context = Counters(2), get_context("fork")
    children = [context.Process(target=count, args=(counters, process)) for process in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    report = counters.report()
    assert (report["http"], report["early"]) == (2 * EACH, 2 * EACH)


def test_what_was_counted_before_a_reset_is_not_told() -> None:
    counters = Counters()
    counters.add("users", 404, in_batch=True, early=False)
    counters.reset()
    counters.add("users", None, in_batch=False, early=False)
    assert counters.report()["counts"] == [{"endpoint": "users", "status": None, "in_batch": False, "count": 1}]


def test_a_status_that_nobody_thought_of_is_counted_too() -> None:
    counters = Counters()
    counters.add("token", 418, in_batch=False, early=False)
    assert counters.report()["counts"] == [{"endpoint": "token", "status": 599, "in_batch": False, "count": 1}]
