"""The room that a crew has: waited for, given back once, and not lost where no hand takes a part."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import TimeoutError

import pytest
from flask import Flask

from jobs import crew, cut_off, sync
from jobs.crew import Crew
from jobs.hold import STOPPED, Hold
from tests.support.claims import claims_of_a_run
from tests.support.factories import Make
from tests.support.locks import in_another_session
from tests.support.waiting import eventually
from webapp.extensions import db
from webapp.models import Claim, RunState, SyncPart, utc_now

from .hands import end, state_of


@pytest.fixture
def held_up(app: Flask, make: Make) -> Iterator[tuple[Crew, list[threading.Event]]]:
    """A crew of eight hands that has no room left, and what lets each of its ten parts end."""
    claims = claims_of_a_run(make, 10)
    may_end = {claim: threading.Event() for claim in claims}

    def end_when_told(hold: Hold) -> bool:
        assert may_end[hold.claim].wait(30)
        return end(hold)

    with crew.at_work(app, hands=8) as own:
        assert own.free(10) == 10
        for claim in claims:
            own.give(claim, end_when_told)
        yield own, list(may_end.values())
        for event in may_end.values():
            event.set()
    assert state_of(claims[0].run_id) == RunState.OK


def test_a_crew_asks_for_several_parts_at_a_time(app: Flask, held_up: tuple[Crew, list[threading.Event]]) -> None:
    own, may_end = held_up
    with in_another_session(app, lambda: own.free(5)) as room:
        may_end[0].set()
        with pytest.raises(TimeoutError):
            room.result(0.2)
        may_end[1].set()
        assert room.result(30) == 2
    own.put_down(2)


def test_a_crew_that_is_stopped_while_it_waits_for_room_leaves_what_room_there_is(
    held_up: tuple[Crew, list[threading.Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    own, may_end = held_up
    may_end[0].set()
    assert own.free(1) == 1
    own.put_down(1)
    is_told = threading.Event()
    is_told.set()
    monkeypatch.setattr(crew, "stopping", is_told)
    assert own.free(5) == 0
    assert own.free(1) == 1
    own.put_down(1)


def test_a_crew_that_is_interrupted_while_it_waits_for_room_loses_none(
    held_up: tuple[Crew, list[threading.Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    class TookTooLong(Exception):
        """As RQ raises it in the midst of whatever a job does."""

    class Interrupting:
        def is_set(self) -> bool:
            raise TookTooLong

    own, may_end = held_up
    may_end[0].set()
    assert own.free(1) == 1
    own.put_down(1)
    monkeypatch.setattr(crew, "stopping", Interrupting())
    with pytest.raises(TookTooLong):
        own.free(5)
    assert own.free(1) == 1
    own.put_down(1)


def test_a_part_that_cannot_be_given_to_a_hand_is_not_in_hand_and_takes_no_room(app: Flask, claim: Claim) -> None:
    own = Crew(app, hands=2)
    own.dissolve()
    assert own.free(2) == 2
    with pytest.raises(RuntimeError):
        own.give(claim, end)
    assert own.is_idle()
    assert own.free(1) == 1


def test_a_job_that_is_interrupted_while_it_gives_parts_to_hands_loses_no_room(
    app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = claims_of_a_run(make, 3)
    for claim in claims:
        SyncPart.put_off(db.session, claim, utc_now(), STOPPED, 0)
    db.session.commit()
    given = []

    def give(own: Crew, claim: Claim, work: crew.Work) -> None:
        own.put_down(1)
        given.append(claim)
        if len(given) == 2:
            raise RuntimeError

    monkeypatch.setattr(Crew, "give", give)
    with crew.at_work(app, hands=8) as own:
        with pytest.raises(RuntimeError):
            sync.work(claims[0].run_id, [claim.part_id for claim in claims])
        assert own.free(11) == 10


@pytest.mark.parametrize("is_left_to_others", [True, False])
def test_parts_that_a_job_does_not_begin_take_no_room(
    app: Flask, claim: Claim, monkeypatch: pytest.MonkeyPatch, is_left_to_others: bool
) -> None:
    """They are left to others by whom Microsoft does not answer, or somebody else works on them."""
    monkeypatch.setattr(sync, "_STAND_BACK_SECONDS", 0.0)
    monkeypatch.setattr(cut_off, "is_cut_off", lambda: is_left_to_others)
    with crew.at_work(app, hands=8) as own:
        sync.work(claim.run_id, [claim.part_id])
        assert own.free(11) == 10


@pytest.mark.parametrize("is_begun", [True, False])
def test_a_part_that_a_hand_got_though_giving_it_failed_gives_its_room_back_once(
    app: Flask, claim: Claim, monkeypatch: pytest.MonkeyPatch, is_begun: bool
) -> None:
    done: list[Hold] = []

    def note_and_end(hold: Hold) -> bool:
        done.append(hold)
        return end(hold)

    with crew.at_work(app, hands=2) as own:
        assert own._threads is not None
        submit = own._threads.submit

        def submit_and_fail(do: Callable[[Hold, crew.Work], None], hold: Hold, work: crew.Work) -> None:
            if is_begun:
                submit(do, hold, work).result(30)
            raise RuntimeError("no thread can be started")

        monkeypatch.setattr(own._threads, "submit", submit_and_fail)
        assert own.free(2) == 2
        with pytest.raises(RuntimeError):
            own.give(claim, note_and_end)
        if not is_begun:
            # A hand that finds it later, all the same, leaves it.
            own._do(Hold(claim, 0.0, own), end)
        assert (len(done), own.is_idle()) == (is_begun, True)
        assert own.free(2) == 1


def test_where_no_more_threads_can_be_started_the_hands_that_there_are_do_all(
    app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *others = claims_of_a_run(make, 5)
    done: list[int] = []
    may_go_on = threading.Event()

    def work(hold: Hold) -> bool:
        may_go_on.wait(10)
        done.append(hold.claim.part_id)
        return False

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    own = Crew(app, 8)
    assert own.free(5) == 5
    own.give(first, work)
    eventually(own._has_hands.is_set)
    with monkeypatch.context() as short:
        short.setattr(threading.Thread, "start", refuse)
        for claim in others:
            own.give(claim, work)
    may_go_on.set()
    own.wait()
    own.dissolve()
    assert sorted(done) == [claim.part_id for claim in (first, *others)]


def test_where_no_thread_can_be_started_at_all_nothing_stays_in_hand(
    app: Flask, claim: Claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    own = Crew(app, 8)
    assert own.free(1) == 1
    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError):
        own.give(claim, lambda hold: False)
    assert own.is_idle()
    own.dissolve()
