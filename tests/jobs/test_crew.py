"""What a crew has in hand: leases renewed, lost, given back, and left to others."""

from __future__ import annotations

import logging
import threading
import time
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from jobs import crew, settling
from jobs.crew import Crew
from jobs.hold import STOPPED, Hold
from tests.support.claims import claims_of_a_run
from tests.support.factories import Make
from tests.support.locks import in_another_session, need_many_writers, wait_for_who_waits
from tests.support.waiting import eventually
from webapp.extensions import db
from webapp.metrics.counting import counts
from webapp.models import Claim, PartState, SyncPart, SyncRun, utc_now
from webapp.models.leases import LEASE
from webapp.models.run import SILENCE

from .hands import end


def in_hand(app: Flask, claim: Claim, act: object) -> Hold:
    """The part in the hand of a crew while `act` is called with that crew."""
    holds: list[Hold] = []

    def work(hold: Hold) -> bool:
        holds.append(hold)
        act(hold.crew)  # type: ignore[operator]
        return False

    own = Crew(app, 1)
    own.free(1)
    own.give(claim, work)
    db.session.commit()
    return holds[0]


def test_the_lease_of_what_is_in_hand_is_renewed_and_its_run_is_heard_of(app: Flask, claim: Claim) -> None:
    part, run = db.session.get_one(SyncPart, claim.part_id), db.session.get_one(SyncRun, claim.run_id)
    part.lease_until, run.heard_at = utc_now() + timedelta(seconds=1), utc_now() - 2 * SILENCE
    db.session.commit()
    hold = in_hand(app, claim, lambda own: own.renew())
    db.session.refresh(part)
    assert part.lease_until > utc_now() + LEASE / 2
    assert SyncRun.silent(db.session, utc_now()) == [], "it is not taken for lost while a tenant takes long"
    assert not hold.is_lost


def test_a_part_that_another_took_is_known_to_be_lost(app: Flask, claim: Claim) -> None:
    part = db.session.get_one(SyncPart, claim.part_id)
    part.lease, part.lease_until = "another's", utc_now()
    db.session.commit()
    hold = in_hand(app, claim, lambda own: own.renew())
    db.session.refresh(part)
    assert hold.is_lost
    assert part.lease_until <= utc_now()


def test_what_is_handed_back_may_be_taken_up_at_once(app: Flask, claim: Claim) -> None:
    def ask_and_hand_back(hold: Hold) -> bool:
        hold.requests = 3
        hold.crew.hand_back()
        return False

    own = Crew(app, 1)
    own.free(1)
    own.give(claim, ask_and_hand_back)
    part = db.session.get_one(SyncPart, claim.part_id)
    assert (part.state, part.lease, part.requests) == (PartState.WAITING, None, 3)
    assert SyncPart.due(db.session, claim.run_id, utc_now()) == [part.id]


def test_what_is_handed_back_is_told_and_counted_as_put_off(
    app: Flask, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="jobs.telling")
    begun, waiting, lost = claims_of_a_run(make, 3)
    db.session.get_one(SyncPart, lost.part_id).lease = "another's"
    db.session.commit()
    own = Crew(app, 1)
    own._in_hand = {Hold(begun, time.monotonic(), own, is_begun=True, requests=3), Hold(waiting, time.monotonic(), own)}
    own._in_hand.add(Hold(lost, time.monotonic(), own, is_begun=True))
    counts.take()
    own.hand_back()
    counted = counts.take()
    assert counted["seatledger_parts", "put_off"] == 2
    assert sum(number for (name, *_, which), number in counted.items() if which.startswith("le")) == 1
    told = [record for record in caplog.records if STOPPED.reason in record.getMessage()]
    assert {record.requests for record in told} == {3, 0}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("error", "level"),
    [(OperationalError("UPDATE", {}, Exception("timed out")), "WARNING"), (RuntimeError("nobody foresaw it"), "ERROR")],
)
def test_a_part_under_which_the_database_fell_away_is_a_warning_on_one_line(
    app: Flask, claim: Claim, caplog: pytest.LogCaptureFixture, error: Exception, level: str
) -> None:
    def fail(hold: Hold) -> bool:
        raise error

    own = Crew(app, 1)
    own.free(1)
    own.give(claim, fail)
    [record] = [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"}]
    assert record.levelname == level
    assert bool(record.exc_info) == (level == "ERROR")
    assert own.is_idle()


def test_what_no_hand_is_free_for_is_left_to_others_after_a_while_and_what_is_done_is_not(
    app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    *claims, waiting = claims_of_a_run(make, 5)
    may_end = threading.Event()

    def end_when_told(hold: Hold) -> bool:
        assert may_end.wait(30)
        return end(hold)

    monkeypatch.setattr("jobs.hold.LONGEST_WAIT_SECONDS", 0.0)
    with crew.at_work(app, hands=4) as own:
        assert own.free(5) == 5
        for claim in (*claims, waiting):
            own.give(claim, end_when_told)
        eventually(lambda: sum(hold.is_begun for hold in own._in_hand) == 4)
        leases = {part.id: part.lease_until for part in db.session.query(SyncPart)}
        db.session.commit()
        own.renew()
        renewed = {part.id for part in db.session.query(SyncPart) if part.lease_until != leases[part.id]}
        db.session.commit()
        may_end.set()
    assert renewed == {claim.part_id for claim in claims}


def test_what_microsoft_was_not_asked_for_counts_as_no_attempt_when_it_is_handed_back(app: Flask, make: Make) -> None:
    *asked, waits_to_ask, waits_for_a_hand = claims_of_a_run(make, 5)
    may_end = threading.Event()

    def ask_and_wait(hold: Hold) -> bool:
        with own.asking():
            hold.requests += 1
            assert may_end.wait(30)
        return False

    with crew.at_work(app, hands=4, at_once=3) as own:
        assert own.free(5) == 5
        for claim in (*asked, waits_to_ask, waits_for_a_hand):
            own.give(claim, ask_and_wait)
        eventually(lambda: sum(hold.is_begun for hold in own._in_hand) == 4)
        eventually(lambda: sum(hold.requests for hold in own._in_hand) == 3)
        own.hand_back()
        may_end.set()
    attempts = sorted(part.attempts for part in db.session.query(SyncPart))
    assert attempts == [0, 0, 1, 1, 1]


def test_so_many_hands_ask_at_once_and_who_waits_for_long_asks_too(
    app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = claims_of_a_run(make, 4)
    may_end = threading.Event()
    ask: list[Claim] = []

    def ask_and_wait(hold: Hold) -> bool:
        with own.asking():
            ask.append(hold.claim)
            assert may_end.wait(60)
        return end(hold)

    with crew.at_work(app, hands=4, at_once=2) as own:
        assert own.free(4) == 4
        for claim in claims[:3]:
            own.give(claim, ask_and_wait)
        eventually(lambda: sum(hold.is_begun for hold in own._in_hand) == 3)
        eventually(lambda: len(ask) == 2)
        monkeypatch.setattr(crew, "LONGEST_WAIT_SECONDS", 0.0)
        own.give(claims[3], ask_and_wait)
        eventually(lambda: len(ask) == 3)
        assert claims[3] in ask
        may_end.set()
    assert len(ask) == 4


def test_what_takes_long_to_write_keeps_nothing_else_from_being_handed_back(app: Flask, make: Make) -> None:
    need_many_writers()
    writing, *others = claims_of_a_run(make, 3)
    own = Crew(app, 1)
    own._in_hand = {Hold(claim, 0.0, own, is_written=claim == writing) for claim in (writing, *others)}
    assert SyncPart.hold(db.session, writing)
    with in_another_session(app, own.hand_back):
        wait_for_who_waits()
        states = {part.id: part.state for part in db.session.query(SyncPart)}
        db.session.commit()
    assert states == {writing.part_id: PartState.SYNCING, **{one.part_id: PartState.WAITING for one in others}}


def test_who_renews_leases_goes_on_after_an_error_that_nobody_foresaw(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ended = threading.Event()
    looks: list[None] = []

    def flush() -> None:
        looks.append(None)
        if len(looks) == 2:
            ended.set()
        raise RuntimeError("nobody foresaw it")

    monkeypatch.setattr(crew, "_TICK_SECONDS", 0.001)
    monkeypatch.setattr(settling, "flush", flush)
    Crew(app, 1).look_after(ended)
    assert len(looks) == 2
    assert "an error that nobody foresaw" in caplog.text
