"""A worker whose machine cannot reach Microsoft, beside others that can: it leaves the tenants to them."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from flask import Flask
from rq import Queue

from jobs import cut_off, queue, sync, worker
from jobs.microsoft import contact
from sandbox import Sandbox
from tests.support.factories import Make
from tests.support.microsoft import connected, new_run, sandbox_tenant
from tests.support.running import free_port
from webapp.extensions import db
from webapp.models import PartState, SyncPart, SyncRun

from .conftest import Work
from .helpers import asked, do

OTHER = "another-worker"


@pytest.fixture(autouse=True)
def _nothing_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact, "_last", contact._Last())
    monkeypatch.setattr(sync, "_STAND_BACK_SECONDS", 0.0)


@pytest.fixture
def unplugged(app: Flask, sandbox: Sandbox) -> None:
    """Nothing listens where this worker would ask."""
    nowhere = f"https://127.0.0.1:{free_port()}"
    settings = replace(app.config["SETTINGS"], microsoft_login_url=nowhere, microsoft_graph_url=nowhere)
    app.config["SETTINGS"] = settings


def part_of(run: SyncRun) -> SyncPart:
    part: SyncPart = db.session.scalars(db.select(SyncPart).where(SyncPart.run_id == run.id)).one()
    return part


@pytest.mark.usefixtures("unplugged", "hasty")
@pytest.mark.parametrize(("others_get_answers", "faults"), [(True, 0), (False, 1)])
def test_a_tenant_pays_with_no_try_for_a_machine_that_is_cut_off_where_others_get_answers(
    make: Make, sandbox: Sandbox, work: Work, others_get_answers: bool, faults: int
) -> None:
    run = new_run(connected(make, sandbox_tenant(sandbox)).integration)
    if others_get_answers:
        queue.report_answered(OTHER)
    queue.sync(run.id)
    work()
    part = part_of(run)
    assert (part.state, part.attempts, part.faults) == (PartState.WAITING, 1, faults)
    assert "cannot be reached" in part.reason


def test_who_is_cut_off_leaves_a_job_to_others_and_takes_it_again_once_it_gets_answers(
    app: Flask, make: Make, sandbox: Sandbox
) -> None:
    tenant = sandbox_tenant(sandbox)
    run = new_run(connected(make, tenant).integration)
    do(sync.begin, run.id)
    queue.report_answered(OTHER)
    contact._last.missed_at = time.monotonic()
    waiting = Queue(queue.SYNC, connection=queue.connection())

    worker.work(app, burst=True, max_jobs=1)
    assert not asked(sandbox, tenant.tenant_id)
    assert waiting.count == 1

    contact.note_answer()
    worker.work(app, burst=True)
    db.session.commit()
    assert part_of(run).state == PartState.OK


@pytest.mark.usefixtures("app")
def test_who_cannot_connect_is_cut_off_while_others_get_answers_and_for_no_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cut_off.report("own")
    contact._last.missed_at = time.monotonic()
    assert not cut_off.is_cut_off()  # nobody gets an answer
    queue.report_answered("own")
    assert not cut_off.is_cut_off()  # nor does anybody else
    queue.report_answered(OTHER)
    assert cut_off.is_cut_off()
    contact.note_answer()
    assert not cut_off.is_cut_off()
    contact._last.missed_at = time.monotonic() - cut_off.STAND_BACK_SECONDS - 1
    assert not cut_off.is_cut_off()  # it tries again


@pytest.mark.usefixtures("app")
def test_only_who_got_an_answer_lately_says_so() -> None:
    cut_off.report(OTHER)
    assert not queue.answers_others("own")
    contact.note_answer()
    cut_off.report(OTHER)
    assert queue.answers_others("own")
    queue.forget_worker(OTHER)
    assert not queue.answers_others("own")
