"""The tenants of a run that a crew has in hand at the same time, and how the run ends with the last of them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from jobs import crew, parts, queue, settling, sync
from jobs.crew import Crew
from jobs.hold import Hold
from jobs.microsoft.transport import Answer, Transport
from jobs.settling import Settled
from sandbox import Sandbox
from tests.support.claims import claims_of_a_run
from tests.support.factories import Make
from tests.support.microsoft import connected, new_run, sandbox_tenant, tenants_of_one_app
from tests.support.waiting import eventually
from webapp.extensions import db
from webapp.models import Claim, PartState, RunState, SyncPart, SyncRun, utc_now

from .conftest import Work
from .hands import end, settled, state_of
from .helpers import asked, do


@pytest.fixture
def many_hands(app: Flask) -> None:
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], sync_tenants_at_once=6)


@pytest.fixture
def before_signing_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str], object]], None]:
    """Let what is given be called, with the address, by each thread that is about to ask for an access token."""
    real = Transport.send

    def call_first(first: Callable[[str], object]) -> None:
        def send(self: Transport, method: str, url: str, *others: Any, **named: Any) -> Answer:
            if url.endswith("/oauth2/v2.0/token"):
                first(url)
            return real(self, method, url, *others, **named)

        monkeypatch.setattr(Transport, "send", send)

    return call_first


def test_a_worker_asks_for_many_tenants_at_the_same_time(
    many_hands: None, sandbox: Sandbox, make: Make, work: Work, before_signing_in: Callable[..., None]
) -> None:
    tenants = tenants_of_one_app(sandbox, make, 6)
    run = new_run(tenants[0].integration)
    all_ask = threading.Barrier(6)
    before_signing_in(lambda url: all_ask.wait(30))
    queue.sync(run.id)
    work()
    assert (run.state, run.tenants_ok) == (RunState.OK, 6)


def test_a_tenant_that_is_written_takes_nobody_s_place_who_asks(
    app: Flask,
    sandbox: Sandbox,
    make: Make,
    work: Work,
    before_signing_in: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], sync_tenants_at_once=4)
    tenants = tenants_of_one_app(sandbox, make, 5)
    tenant_id, row_id = tenants[0].tenant_id, tenants[0].id
    four_ask, have_asked, write = threading.Barrier(4), threading.Event(), parts._write

    def ask(url: str) -> None:
        if tenant_id not in url:
            four_ask.wait(60)
            have_asked.set()

    def write_when_four_ask(hold: Hold, *read: Any) -> None:
        assert hold.claim.tenant_id != row_id or have_asked.wait(60)
        write(hold, *read)

    before_signing_in(ask)
    monkeypatch.setattr(parts, "_write", write_when_four_ask)
    run = new_run(tenants[0].integration)
    queue.sync(run.id)
    work()
    assert (run.state, run.tenants_ok) == (RunState.OK, 5)


def test_a_slow_tenant_does_not_hold_up_the_others_of_its_job(
    app: Flask, sandbox: Sandbox, make: Make, before_signing_in: Callable[..., None]
) -> None:
    tenants = tenants_of_one_app(sandbox, make, 12)
    others_ended, tenant_id = threading.Event(), tenants[0].tenant_id
    before_signing_in(lambda url: tenant_id not in url or others_ended.wait(60))
    run = new_run(tenants[0].integration)
    do(sync.begin, run.id)
    part_ids = SyncPart.due(db.session, run.id, utc_now())
    with crew.at_work(app, hands=6) as own:
        do(sync.work, run.id, part_ids)
        eventually(lambda: ended(run) == 11)
        assert not own.is_idle()
        others_ended.set()
    db.session.commit()
    assert (run.state, run.tenants_ok) == (RunState.OK, 12)


def ended(run: SyncRun) -> int:
    db.session.commit()
    return db.session.query(SyncPart).filter_by(run_id=run.id, state=PartState.OK).count()


def test_unchanged_tenants_are_settled_together(
    many_hands: None,
    sandbox: Sandbox,
    make: Make,
    work: Work,
    count_queries: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settling, "_SECONDS", 60)  # in which all six answers come, however slow the machine is
    monkeypatch.setattr(settling, "_MOST", 6)
    real, all_answer = settling.settle, threading.Barrier(6)

    def settle(part: Settled) -> None:
        all_answer.wait(60)
        real(part)

    monkeypatch.setattr(parts, "settle", settle)
    tenants = tenants_of_one_app(sandbox, make, 6)
    for _ in range(2):
        queue.sync(new_run(tenants[0].integration).id)
        count_queries.clear()
        work()
    assert len([sql for sql in count_queries if sql.startswith("UPDATE tenant SET last_synced_at")]) == 1
    inserted = [sql.split()[2] for sql in count_queries if sql.startswith("INSERT")]
    assert set(inserted) == {"sync_part"}
    run = db.session.query(SyncRun).order_by(SyncRun.id.desc()).first()
    assert run is not None
    assert (run.state, run.tenants_ok, run.rows_written) == (RunState.OK, 6, 0)
    assert {tenant.last_synced_at > run.created_at for tenant in tenants if tenant.last_synced_at} == {True}


def test_what_is_settled_waits_for_what_else_is_in_hand_and_for_nothing_when_that_is_settled(
    app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "_SECONDS", 600)
    last, first = claims_of_a_run(make, 2)
    may_settle = threading.Event()

    def settle_when_told(hold: Hold) -> bool:
        assert hold.claim == first or may_settle.wait(60)
        settling.settle(settled(hold.claim, lambda: own.ended(hold)))
        return True

    with crew.at_work(app, hands=2) as own:
        assert own.free(2) == 2
        for claim in (last, first):
            own.give(claim, settle_when_told)
        assert own.free(1) == 1, "the first one's hand is free again"
        assert db.session.get_one(SyncPart, first.part_id).state == PartState.SYNCING
        may_settle.set()
        eventually(lambda: state_of(first.run_id) == RunState.OK)


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
