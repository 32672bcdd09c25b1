"""Asking again after a short wait."""

from __future__ import annotations

import pytest

from jobs.microsoft.errors import BadAnswer, HeldBack, MicrosoftError, ServerFailed, Throttled, TimedOut, Unreachable
from jobs.microsoft.patience import SOMEBODY_WAITS, SYNC, TRIES, Patience, back_off, patiently
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

    def patiently(self, patience: Patience = SOMEBODY_WAITS) -> str:
        return patiently(self, self.slept.append, patience)


def test_an_answer_is_returned_without_waiting() -> None:
    asked = Asked()
    assert asked.patiently() == "answer"
    assert asked.slept == []


def test_a_short_retry_after_is_waited_out_and_not_undercut() -> None:
    asked = Asked(Throttled(PROBLEM, 1.5), Throttled(PROBLEM, 3.5))
    assert asked.patiently() == "answer"
    assert all(told < slept < told + 0.1 for told, slept in zip((1.5, 3.5), asked.slept, strict=True))


def test_a_long_wait_is_handed_on_at_once() -> None:
    asked = Asked(Throttled(PROBLEM, 5.1))
    with pytest.raises(Throttled):
        asked.patiently()
    assert (asked.times, asked.slept) == (1, [])


def test_short_waits_that_are_long_together_are_handed_on() -> None:
    asked = Asked(Throttled(PROBLEM, 3.0), Throttled(PROBLEM, 3.0))
    with pytest.raises(Throttled):
        asked.patiently()
    assert (asked.times, len(asked.slept)) == (2, 1)


@pytest.mark.parametrize("error", [Throttled(PROBLEM, 0.5), HeldBack(PROBLEM, 0.5)])
def test_a_sync_never_sleeps_on_a_wait_that_was_asked_for(error: Throttled) -> None:
    asked = Asked(error)
    with pytest.raises(Throttled):
        asked.patiently(SYNC)
    assert (asked.times, asked.slept) == (1, [])


@pytest.mark.parametrize("error", [ServerFailed(PROBLEM), Unreachable(PROBLEM), Throttled(PROBLEM, None)])
def test_a_sync_sleeps_a_little_where_no_wait_was_asked_for(error: MicrosoftError) -> None:
    for _ in range(50):
        asked = Asked(*[error] * (TRIES - 1))
        assert asked.patiently(SYNC) == "answer"
        assert sum(asked.slept) <= SYNC.untold


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


def test_the_longest_pause_doubles_and_the_whole_of_it_is_by_lot() -> None:
    for attempt, most in ((1, 2), (2, 4), (3, 8), (4, 9), (10_000, 9)):
        pauses = [back_off(attempt, first=2, longest=9) for _ in range(1000)]
        assert 0 <= min(pauses) < most / 10
        assert most * 0.9 < max(pauses) <= most
