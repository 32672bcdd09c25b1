"""Asking again after a short wait."""

from __future__ import annotations

import pytest

from jobs.microsoft.errors import BadAnswer, MicrosoftError, ServerFailed, Throttled, TimedOut, Unreachable
from jobs.microsoft.patience import TRIES, patiently, wait_before_retry
from webapp.models import Problem

PROBLEM = Problem("It did not work.", "Do something.")


class Asked:
    """Raises these errors one after another, then answers; notes how long it was waited between."""

    def __init__(self, *errors: MicrosoftError) -> None:
        self.errors = list(errors)
        self.times = 0
        self.slept: list[float] = []

    def __call__(self) -> str:
        self.times += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"

    def patiently(self) -> str:
        return patiently(self, self.slept.append)


def test_an_answer_is_returned_without_waiting() -> None:
    asked = Asked()
    assert asked.patiently() == "answer"
    assert asked.slept == []


def test_retry_after_is_waited_out_to_the_second() -> None:
    asked = Asked(Throttled(PROBLEM, 3.0), Throttled(PROBLEM, 5.0))
    assert asked.patiently() == "answer"
    assert asked.slept == [3.0, 5.0]


def test_a_long_wait_is_handed_on_at_once() -> None:
    asked = Asked(Throttled(PROBLEM, 5.1))
    with pytest.raises(Throttled):
        asked.patiently()
    assert (asked.times, asked.slept) == (1, [])


def test_a_request_that_timed_out_is_not_sent_again_at_once() -> None:
    asked = Asked(TimedOut(PROBLEM))
    with pytest.raises(TimedOut):
        asked.patiently()
    assert (asked.times, asked.slept) == (1, [])


def test_what_would_not_help_is_not_tried() -> None:
    asked = Asked(BadAnswer("it is wrong"))
    with pytest.raises(BadAnswer):
        asked.patiently()
    assert asked.times == 1


def test_a_fault_that_does_not_pass_is_handed_on_after_some_tries() -> None:
    asked = Asked(*[ServerFailed(PROBLEM)] * 10)
    with pytest.raises(ServerFailed):
        asked.patiently()
    assert (asked.times, len(asked.slept)) == (TRIES, TRIES - 1)


@pytest.mark.parametrize("error", [ServerFailed(PROBLEM), Unreachable(PROBLEM), Throttled(PROBLEM, None)])
def test_without_retry_after_it_waits_longer_each_time_and_never_the_same(error: Unreachable) -> None:
    for attempt, least, most in ((1, 1, 2), (2, 2, 4)):
        waits = {wait_before_retry(error, attempt) for _ in range(200)}
        assert least <= min(waits) < max(waits) <= most
        assert len(waits) > 100
