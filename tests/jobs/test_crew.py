"""The hands of a worker: tenants at the same time, leases renewed, what is in hand given back."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import TimeoutError
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from jobs import crew, queue, settling, sync
from jobs.crew import Crew, Hold
from sandbox import Fault, Sandbox
from tests.support.factories import Make
from tests.support.locks import in_another_session
from tests.support.microsoft import connected, new_run, sandbox_tenant
from tests.support.waiting import eventually
from webapp.extensions import db
from webapp.models import Claim, Outcome, PartState, RunState, SyncPart, SyncRun, Trigger, utc_now
from webapp.models.leases import LEASE

from .conftest import Work
from .helpers import asked, do
from .test_cancel import tenants_of_one_app


def claims_of_a_run(make: Make, count: int) -> list[Claim]:
    """The parts of a run of so many tenants, all claimed."""
    integration = make.integration()
    for _ in range(count):
        make.tenant(integration=integration, organization=make.organization())
    run, _ = SyncRun.begin(db.session, integration.id, Trigger.MANUAL)
    db.session.commit()
    claims = SyncPart.claim(db.session, SyncRun.plan(db.session, run.id, utc_now()) or [], utc_now())
    db.session.commit()
    assert len(claims) == count
    return claims


@pytest.fixture
def claim(make: Make) -> Claim:
    [claim] = claims_of_a_run(make, 1)
    return claim


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


def test_the_lease_of_what_is_in_hand_is_renewed(app: Flask, claim: Claim) -> None:
    part = db.session.get_one(SyncPart, claim.part_id)
    part.lease_until = utc_now() + timedelta(seconds=1)
    db.session.commit()
    hold = in_hand(app, claim, lambda own: own.renew())
    db.session.refresh(part)
    assert part.lease_until > utc_now() + LEASE / 2
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
    in_hand(app, claim, lambda own: own.hand_back())
    part = db.session.get_one(SyncPart, claim.part_id)
    assert (part.state, part.lease) == (PartState.WAITING, None)
    assert SyncPart.due(db.session, claim.run_id, utc_now()) == [part.id]


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


@pytest.fixture
def many_hands(app: Flask) -> None:
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], sync_tenants_at_once=6)


def test_a_worker_asks_for_many_tenants_at_the_same_time(
    many_hands: None, sandbox: Sandbox, make: Make, work: Work
) -> None:
    tenants = tenants_of_one_app(sandbox, make, 6)
    barrier_run = new_run(tenants[0].integration)
    for tenant in tenants:
        sandbox.faults(tenant.tenant_id, Fault("token", "slow", seconds=1))
    queue.sync(barrier_run.id)
    began = utc_now()
    work()
    assert (barrier_run.state, barrier_run.tenants_ok) == (RunState.OK, 6)
    assert barrier_run.finished_at is not None
    assert barrier_run.finished_at - began < timedelta(seconds=5)


def test_a_slow_tenant_does_not_hold_up_the_others_of_its_job(app: Flask, sandbox: Sandbox, make: Make) -> None:
    tenants = tenants_of_one_app(sandbox, make, 12)
    slow = tenants[0]
    sandbox.faults(slow.tenant_id, Fault("token", "slow", seconds=3))
    run = new_run(slow.integration)
    do(sync.begin, run.id)
    part_ids = SyncPart.due(db.session, run.id, utc_now())
    with crew.at_work(app, hands=6) as own:
        do(sync.work, run.id, part_ids)
        eventually(lambda: ended(run) == 11)
        assert not own.is_idle()
    db.session.commit()
    assert (run.state, run.tenants_ok) == (RunState.OK, 12)


def ended(run: SyncRun) -> int:
    db.session.commit()
    return db.session.query(SyncPart).filter_by(run_id=run.id, state=PartState.OK).count()


def test_unchanged_tenants_are_settled_together(
    many_hands: None, sandbox: Sandbox, make: Make, work: Work, count_queries: list[str]
) -> None:
    tenants = tenants_of_one_app(sandbox, make, 6)
    for _ in range(2):
        queue.sync(new_run(tenants[0].integration).id)
        count_queries.clear()
        work()
    assert len([sql for sql in count_queries if sql.startswith("UPDATE tenant SET last_synced_at")]) <= 2
    inserted = [sql.split()[2] for sql in count_queries if sql.startswith("INSERT")]
    assert set(inserted) == {"sync_part"}
    run = db.session.query(SyncRun).order_by(SyncRun.id.desc()).first()
    assert run is not None
    assert (run.state, run.tenants_ok, run.rows_written) == (RunState.OK, 6, 0)
    assert {tenant.last_synced_at > run.created_at for tenant in tenants if tenant.last_synced_at} == {True}


def test_a_part_lost_before_it_is_settled_is_not_written(
    sandbox: Sandbox, make: Make, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = connected(make, sandbox_tenant(sandbox))
    queue.sync(new_run(tenant.integration).id)
    work()
    before = tenant.last_synced_at
    run = new_run(tenant.integration)
    do(sync.begin, run.id)
    real = settling.flush

    def flush(at_once: bool = False) -> None:
        db.session.execute(db.update(SyncPart).where(SyncPart.run_id == run_id).values(lease="another's"))
        db.session.commit()
        real(at_once)

    run_id = run.id
    monkeypatch.setattr(settling, "flush", flush)
    do(sync.work, run_id, SyncPart.due(db.session, run_id, utc_now()))
    [part] = db.session.query(SyncPart).filter_by(run_id=run_id)
    assert (part.state, part.lease) == (PartState.SYNCING, "another's")
    db.session.refresh(tenant)
    assert tenant.last_synced_at == before
    assert asked(sandbox, tenant.tenant_id)["batch"] == 2


def end(hold: Hold) -> bool:
    assert SyncPart.succeed(db.session, hold.claim, utc_now(), Outcome(), 1)
    db.session.commit()
    return False


def state_of(run_id: int) -> RunState:
    db.session.commit()
    return db.session.get_one(SyncRun, run_id).state


def test_a_run_ends_also_where_all_its_parts_end_at_the_same_moment(
    app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = claims_of_a_run(make, 6)
    real, all_end = Crew.ended, threading.Barrier(6)

    def ended(self: Crew, hold: Hold) -> None:
        all_end.wait(30)
        real(self, hold)

    monkeypatch.setattr(Crew, "ended", ended)
    with crew.at_work(app, hands=6) as own:
        assert own.free(6) == 6
        for claim in claims:
            own.give(claim, end)
    assert state_of(claims[0].run_id) == RunState.OK


def test_a_part_is_in_hand_until_the_run_is_ended_of_which_it_was_the_last(
    app: Flask, claim: Claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, was_idle = settling.finish, []

    def finish(run_id: int) -> None:
        was_idle.append(own.is_idle())
        real(run_id)

    monkeypatch.setattr(settling, "finish", finish)
    with crew.at_work(app, hands=2) as own:
        own.free(1)
        own.give(claim, end)
    assert was_idle == [False]
    assert state_of(claim.run_id) == RunState.OK


def test_a_run_of_which_more_is_in_hand_is_not_looked_at_for_each_part_that_ends(
    app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims, others = claims_of_a_run(make, 6), claims_of_a_run(make, 2)
    run_id, other_run_id = claims[0].run_id, others[0].run_id
    may_end = {claim: threading.Event() for claim in (*claims, *others)}
    looks: Counter[int] = Counter()
    real = settling.finish

    def finish(run_id: int) -> None:
        looks[run_id] += 1
        real(run_id)

    def end_when_told(hold: Hold) -> bool:
        assert may_end[hold.claim].wait(30)
        return end(hold)

    monkeypatch.setattr(settling, "finish", finish)
    with crew.at_work(app, hands=8) as own:
        assert own.free(99) == 10, "its hands, and a quarter ahead of them"
        for claim in may_end:
            own.give(claim, end_when_told)
        for claim in claims:
            assert (looks[run_id], state_of(run_id)) == (0, RunState.SYNCING)
            may_end[claim].set()
            assert own.free(1) == 1, "its hand is free again"
        assert (looks, state_of(run_id), state_of(other_run_id)) == ({run_id: 1}, RunState.OK, RunState.SYNCING)
        for claim in others:
            may_end[claim].set()
    assert (looks[other_run_id], state_of(other_run_id)) == (1, RunState.OK)


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


def test_what_no_hand_is_free_for_is_left_to_others_after_a_while_and_what_is_done_is_not(
    app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    *claims, waiting = claims_of_a_run(make, 5)
    may_end = threading.Event()

    def end_when_told(hold: Hold) -> bool:
        assert may_end.wait(30)
        return end(hold)

    monkeypatch.setattr(crew, "_LONGEST_WAIT_SECONDS", 0.0)
    with crew.at_work(app, hands=4) as own:
        assert own.free(5) == 5
        for claim in (*claims, waiting):
            own.give(claim, end_when_told)
        leases = {part.id: part.lease_until for part in db.session.query(SyncPart)}
        db.session.commit()
        own.renew()
        renewed = {part.id for part in db.session.query(SyncPart) if part.lease_until != leases[part.id]}
        db.session.commit()
        may_end.set()
    assert renewed == {claim.part_id for claim in claims}


def test_what_no_hand_took_counts_as_no_attempt_when_it_is_handed_back(app: Flask, make: Make) -> None:
    *claims, waiting = claims_of_a_run(make, 5)
    may_end = threading.Event()

    def wait(hold: Hold) -> bool:
        assert may_end.wait(30)
        return False

    with crew.at_work(app, hands=4) as own:
        assert own.free(5) == 5
        for claim in (*claims, waiting):
            own.give(claim, wait)
        eventually(lambda: sum(hold.is_begun for hold in own._in_hand) == 4)
        own.hand_back()
        may_end.set()
    attempts = {part.id: part.attempts for part in db.session.query(SyncPart)}
    assert attempts == {**{claim.part_id: 1 for claim in claims}, waiting.part_id: 0}


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
        SyncPart.put_off(db.session, claim, utc_now(), crew.STOPPED, 0)
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
