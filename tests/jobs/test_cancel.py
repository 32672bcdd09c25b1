"""Cancelling a run under a real worker, and trying again only what failed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from jobs import queue, sync
from jobs.microsoft.transport import Answer, Transport
from sandbox import Fault, Sandbox, Sku
from tests.support.factories import Make
from tests.support.microsoft import connected, new_run, sandbox_tenant, tenants_of_one_app
from tests.support.together import all_at_once
from webapp.database import declare_writing
from webapp.extensions import db
from webapp.integrations import running
from webapp.models import License, PartState, RunState, SyncPart, SyncRun, Trigger, utc_now

from .conftest import Work
from .helpers import asked, do


def cancel(run_id: int) -> bool:
    declare_writing()
    return running.cancel(run_id, "ada@msp.example")


def states(run: SyncRun) -> list[PartState]:
    parts = db.session.query(SyncPart).filter_by(run_id=run.id).order_by(SyncPart.id)
    return [part.state for part in parts]


@pytest.fixture
def cancel_while(monkeypatch: pytest.MonkeyPatch, app: Flask) -> Iterator[Callable[[str, int], None]]:
    """Cancel a run, in a session of its own, when the first answer to a request of that path has come."""
    wanted: list[tuple[str, int]] = []
    real = Transport.send

    def send(self: Transport, method: str, url: str, **options: Any) -> Answer:
        answer = real(self, method, url, **options)
        if wanted and wanted[0][0] in url:
            _, run_id = wanted.pop()
            with app.app_context():
                assert cancel(run_id)
        return answer

    monkeypatch.setattr(Transport, "send", send)
    yield lambda path, run_id: wanted.append((path, run_id))
    assert not wanted


@pytest.mark.parametrize("path", ["/token", "/$batch", "/users?"])
def test_a_run_cancelled_while_microsoft_is_asked_writes_nothing_more(
    path: str,
    sandbox: Sandbox,
    make: Make,
    work: Work,
    cancel_while: Callable[[str, int], None],
) -> None:
    tenants = tenants_of_one_app(sandbox, make, 3)
    run = new_run(tenants[0].integration)
    cancel_while(path, run.id)
    queue.sync(run.id)
    work()
    assert (run.state, run.cancelled_by) == (RunState.CANCELLED, "ada@msp.example")
    assert states(run) == [PartState.CANCELLED] * 3
    assert db.session.query(License).count() == 0
    assert (tenants[0].name, tenants[0].last_synced_at) == ("as it was", None)
    assert asked(sandbox, tenants[1].tenant_id) == {}, "the next tenant is not begun"
    assert queue.connection().zcard("rq:failed:sync") == 0


def test_a_run_cancelled_under_a_slow_tenant_ends_at_once_and_the_answer_is_dropped(
    app: Flask, sandbox: Sandbox, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    [tenant] = tenants_of_one_app(sandbox, make, 1)
    run = new_run(tenant.integration)
    run_id = run.id
    do(sync.begin, run_id)
    [part_id] = SyncPart.due(db.session, run_id, utc_now())
    db.session.commit()

    real, is_asked, is_cancelled = Transport.send, threading.Event(), threading.Event()

    def send(self: Transport, method: str, url: str, **options: Any) -> Answer:
        answer = real(self, method, url, **options)
        if "/$batch" in url:
            is_asked.set()
            assert is_cancelled.wait(60)
        return answer

    def worker() -> None:
        with app.app_context():
            sync.work(run_id, [part_id])

    monkeypatch.setattr(Transport, "send", send)
    thread = threading.Thread(target=worker)
    thread.start()
    assert is_asked.wait(60)
    assert cancel(run_id)
    db.session.refresh(run)
    assert (run.state, thread.is_alive()) == (RunState.CANCELLED, True)
    db.session.commit()  # SQLite has one writer at a time: what begins here would hold the worker up
    is_cancelled.set()
    thread.join(60)
    assert not thread.is_alive()
    assert (run.state, states(run)) == (RunState.CANCELLED, [PartState.CANCELLED])
    assert db.session.query(License).count() == 0
    assert tenant.last_synced_at is None


def test_what_was_stored_before_stays_when_the_next_run_is_cancelled(
    sandbox: Sandbox, make: Make, work: Work, cancel_while: Callable[[str, int], None]
) -> None:
    [tenant] = tenants_of_one_app(sandbox, make, 1)
    queue.sync(new_run(tenant.integration).id)
    work()
    synced_at = tenant.last_synced_at
    sandbox.patch_tenant(tenant.tenant_id, skus=(Sku.of("SPE_E3", 99, 1),))
    run = new_run(tenant.integration)
    cancel_while("/$batch", run.id)
    queue.sync(run.id)
    work()
    assert run.state == RunState.CANCELLED
    assert [row.active for row in db.session.query(License)] == [25]
    assert tenant.last_synced_at == synced_at


def test_a_run_cancelled_in_the_queue_asks_microsoft_for_nothing(sandbox: Sandbox, make: Make, work: Work) -> None:
    [tenant] = tenants_of_one_app(sandbox, make, 1)
    run = new_run(tenant.integration)
    queue.sync(run.id)
    assert cancel(run.id)
    work()
    assert (run.state, asked(sandbox, tenant.tenant_id)) == (RunState.CANCELLED, {})


@pytest.mark.parametrize("attempt", range(3))
def test_workers_and_who_cancels_at_once_come_to_one_end(
    attempt: int, app: Flask, sandbox: Sandbox, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenants = tenants_of_one_app(sandbox, make, 6)
    slow_id, real, is_cancelled = tenants[2].tenant_id, Transport.send, threading.Event()

    def send(self: Transport, method: str, url: str, **options: Any) -> Answer:
        # Without one that waits, the run may be over before who cancels has its turn to write.
        assert slow_id not in url or is_cancelled.wait(60)
        return real(self, method, url, **options)

    def cancel_and_say() -> None:
        assert cancel(run_id)
        is_cancelled.set()

    monkeypatch.setattr(Transport, "send", send)
    run = new_run(tenants[0].integration)
    run_id = run.id
    do(sync.begin, run_id)
    ids = list(db.session.scalars(db.select(SyncPart.id).order_by(SyncPart.id)))
    all_at_once(app, [lambda: sync.work(run_id, ids), lambda: sync.work(run_id, ids[::-1]), cancel_and_say])
    db.session.commit()
    ok = states(run).count(PartState.OK)
    assert set(states(run)) <= {PartState.OK, PartState.CANCELLED}
    assert run.state == RunState.CANCELLED
    assert run.tenants_ok == ok == db.session.query(License).count()


def test_only_what_failed_is_tried_again(sandbox: Sandbox, make: Make, work: Work) -> None:
    tenants = tenants_of_one_app(sandbox, make, 4)
    for number in (1, 3):
        sandbox.faults(tenants[number].tenant_id, Fault("subscribedSkus", "not_json"))
    run = new_run(tenants[0].integration)
    queue.sync(run.id)
    work()
    assert (run.state, run.tenants_failed) == (RunState.PARTIAL, 2)
    sandbox.faults(tenants[1].tenant_id)
    sandbox.faults(tenants[3].tenant_id)
    for tenant in tenants:
        sandbox.reset_requests(tenant.tenant_id)
    retried_id, is_new = running.retry(run.id, Trigger.MANUAL)
    work()
    again = db.session.get_one(SyncRun, retried_id)
    assert is_new
    assert (again.state, again.tenants_total, again.tenants_ok, again.retry_of_id) == (RunState.OK, 2, 2, run.id)
    assert [bool(asked(sandbox, tenant.tenant_id)) for tenant in tenants] == [False, True, False, True]
    assert run.state == RunState.PARTIAL


def test_microsofts_date_and_the_need_for_consent_are_kept_with_the_part(
    sandbox: Sandbox, make: Make, work: Work
) -> None:
    given = sandbox_tenant(sandbox, permissions=())
    run = new_run(connected(make, given).integration)
    before = utc_now().replace(microsecond=0)
    queue.sync(run.id)
    work()
    part = db.session.query(SyncPart).one()
    assert part.code == "Authorization_RequestDenied"
    assert part.answered_at is not None
    assert before <= part.answered_at <= utc_now()
    assert part.needs_consent
