"""A worker whose machine cannot reach Microsoft, beside others that can: it leaves the tenants to them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest
from flask import Flask
from rq import Queue
from rq.job import JobStatus

from jobs import cut_off, discovery, leaving, queue, sync, worker
from jobs.microsoft import contact
from jobs.microsoft.errors import AccessDenied, MicrosoftError, ServerFailed, Unreachable
from jobs.queue.enqueueing import enqueue_awaited
from sandbox import Sandbox
from tests.support.factories import Make
from tests.support.microsoft import connected, new_run, sandbox_tenant
from webapp.extensions import db
from webapp.models import PartState, Problem, RunState, utc_now
from webapp.models.leases import MAX_ATTEMPTS

from .conftest import Unplug, Work
from .helpers import asked, do
from .partners import customers_of, partner_integration, partner_tenant, rows_of
from .people.helpers import part_of

OTHER = "another-worker"
HOST = "graph.example"
URL = f"https://{HOST}/v1.0/users"


@pytest.fixture(autouse=True)
def _nobody_stands_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (sync, leaving):
        monkeypatch.setattr(module, "_STAND_BACK_SECONDS", 0.0)


@pytest.fixture
def own(app: Flask) -> Iterator[None]:
    with cut_off.as_worker("own"):
        yield


def answers_another(*hosts: str, queues: Sequence[str] = queue.QUEUES) -> None:
    """Let another worker of these queues say that these hosts answer it."""
    queue.report_worker(OTHER, queues)
    queue.report_reached(OTHER, hosts, [])


@pytest.fixture
def unplugged(unplug: Unplug) -> Iterator[str]:
    with unplug() as host:
        yield host


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(("others_get_answers", "faults"), [(True, 0), (False, 1)])
def test_a_machine_that_is_cut_off_is_no_fault_of_a_tenant_where_others_get_answers_of_the_same_host(
    make: Make, sandbox: Sandbox, work: Work, unplugged: str, others_get_answers: bool, faults: int
) -> None:
    run = new_run(connected(make, sandbox_tenant(sandbox)).integration)
    do(sync.begin, run.id)
    part_of(run).started_at = utc_now() - timedelta(minutes=1)
    answers_another(unplugged if others_get_answers else HOST)
    work()
    part = part_of(run)
    assert (part.state, part.attempts, part.faults) == (PartState.WAITING, 1, faults)
    assert "cannot be reached" in part.reason


@pytest.mark.usefixtures("unplugged")
def test_an_outage_of_everybody_that_may_be_brief_is_no_fault_of_a_tenant(
    make: Make, sandbox: Sandbox, work: Work
) -> None:
    run = new_run(connected(make, sandbox_tenant(sandbox)).integration)
    do(sync.begin, run.id)
    now = utc_now()
    part_of(run).started_at = now - timedelta(seconds=30)
    work()
    part = part_of(run)
    assert (part.state, part.attempts, part.faults) == (PartState.WAITING, 1, 0)
    # Not so soon that its attempts are used up within the minute.
    assert part.not_before is not None
    assert part.not_before - now > timedelta(seconds=8)


@pytest.mark.usefixtures("hasty")
def test_a_machine_that_is_cut_off_at_the_last_attempt_says_what_it_lacked_and_not_that_work_was_lost(
    make: Make, sandbox: Sandbox, work: Work, unplugged: str
) -> None:
    run = new_run(connected(make, sandbox_tenant(sandbox)).integration)
    do(sync.begin, run.id)
    part_of(run).attempts = MAX_ATTEMPTS - 1
    answers_another(unplugged)
    work()
    part = part_of(run)
    assert (part.state, part.code) == (PartState.FAILED, "no_answer")
    assert "cannot be reached" in part.reason


def test_who_is_cut_off_leaves_a_job_to_others_and_takes_it_again_once_it_gets_answers(
    app: Flask, make: Make, sandbox: Sandbox
) -> None:
    tenant = sandbox_tenant(sandbox)
    run = new_run(connected(make, tenant).integration)
    do(sync.begin, run.id)
    answers_another(HOST)
    contact._missed[HOST] = time.monotonic()
    waiting = Queue(queue.SYNC, connection=queue.connection())

    worker.work(app, burst=True, max_jobs=1)
    assert not asked(sandbox, tenant.tenant_id)
    assert waiting.count == 1

    contact.note_answer(URL)
    worker.work(app, burst=True)
    db.session.commit()
    assert part_of(run).state == PartState.OK


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("signed_in", [False, True])
def test_the_look_for_customers_with_which_a_run_begins_is_left_to_others(
    app: Flask, make: Make, sandbox: Sandbox, work: Work, unplug: Unplug, signed_in: bool
) -> None:
    partner = partner_tenant(sandbox)
    customers_of(sandbox, partner, "Fabrikam")
    integration = partner_integration(make, partner)
    if signed_in:
        do(discovery.discover, integration.id)
        contact._answered.clear()
    run = new_run(integration)
    run.started_at = utc_now() - timedelta(minutes=1)
    with unplug() as nowhere:
        answers_another(nowhere)
        queue.sync(run.id)
        db.session.commit()
        for _ in range(3):
            worker.work(app, burst=True, max_jobs=1)
    db.session.commit()
    assert (run.state, run.notice_reason) == (RunState.QUEUED, "")
    contact._missed.clear()
    work()
    assert (run.state != RunState.QUEUED, run.notice_reason) == (True, "")
    assert "Fabrikam" in rows_of(integration.id)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(("seconds", "state", "notice"), [(30, "queued", ""), (60, "failed", "cannot be reached")])
def test_the_look_for_customers_waits_for_an_outage_that_may_be_brief_and_for_no_other(
    app: Flask, make: Make, sandbox: Sandbox, unplug: Unplug, seconds: int, state: str, notice: str
) -> None:
    run = new_run(partner_integration(make, partner_tenant(sandbox)))
    run.started_at = utc_now() - timedelta(seconds=seconds)
    queue.sync(run.id)
    db.session.commit()
    with unplug():
        worker.work(app, burst=True, max_jobs=1)
    db.session.commit()
    assert run.state == state
    assert notice in run.notice_reason
    assert bool(run.notice_reason) == bool(notice)


@pytest.mark.usefixtures("own")
def test_who_cannot_connect_is_cut_off_while_others_get_answers_and_for_no_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    contact._missed[HOST] = time.monotonic()
    assert not cut_off.is_cut_off()  # nobody gets an answer
    queue.report_reached("own", [HOST], [])
    assert not cut_off.is_cut_off()  # nor does anybody else
    answers_another(HOST)
    assert cut_off.is_cut_off()
    contact.note_answer(URL)
    assert not cut_off.is_cut_off()
    contact._missed[HOST] = time.monotonic() - cut_off.TRY_AGAIN_SECONDS - 1
    assert not cut_off.is_cut_off()  # it tries again


@pytest.mark.usefixtures("own")
def test_only_who_got_an_answer_of_a_host_lately_says_so() -> None:
    queue.report_worker("own")
    cut_off.report()
    assert not queue.answers_others(OTHER, HOST, queue.QUEUES)
    contact.note_answer(URL)
    cut_off.report()
    assert queue.answers_others(OTHER, HOST, queue.QUEUES)
    assert not queue.answers_others(OTHER, "graph.another.example", queue.QUEUES)


@pytest.mark.usefixtures("own")
def test_a_host_that_nobody_reaches_cuts_nobody_off_from_the_others() -> None:
    answers_another(HOST)
    contact._missed["graph.another.example"] = time.monotonic()
    contact.note_answer(URL)
    assert not cut_off.is_cut_off()
    contact._missed[HOST] = time.monotonic()
    contact.note_answer("https://login.example/common")
    assert cut_off.is_cut_off()


@pytest.mark.usefixtures("own")
def test_who_gets_answers_cuts_others_off_from_the_queues_only_of_which_it_takes_jobs() -> None:
    contact._missed[HOST] = time.monotonic()
    answers_another(HOST, queues=[queue.INTERACTIVE])
    assert not cut_off.is_cut_off()
    assert cut_off.is_cut_off([queue.INTERACTIVE])
    answers_another(HOST, queues=[queue.SCHEDULED])
    assert cut_off.is_cut_off()
    queue.forget_worker(OTHER)
    assert not cut_off.is_cut_off()


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("error", [Unreachable, ServerFailed, AccessDenied])
def test_what_microsoft_answered_is_left_to_nobody_though_another_request_got_no_connection(
    error: type[MicrosoftError],
) -> None:
    contact._missed[HOST] = time.monotonic()
    queue.report_worker(OTHER, [queue.INTERACTIVE])
    found = error(Problem("It did not work.", "Try again."))
    assert not cut_off.lets_leave(found)
    if isinstance(found, Unreachable):
        found.has_no_connection = True
        assert cut_off.lets_leave(found)


@pytest.mark.usefixtures("app")
def test_what_is_no_worker_leaves_nothing_to_others() -> None:
    answers_another(HOST)
    contact._missed[HOST] = time.monotonic()
    assert not cut_off.is_cut_off()


def test_a_worker_of_any_queue_tells_others_that_it_gets_answers(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    contact.note_answer(URL)
    monkeypatch.setattr(queue, "forget_worker", lambda *given: None)
    worker.work(app, [queue.INTERACTIVE], burst=True)
    assert not queue.answers_others("own", HOST, cut_off.SYNCS)
    assert queue.answers_others("own", HOST, [queue.INTERACTIVE])


def test_who_gets_no_connection_leaves_what_somebody_waits_for_to_a_worker_that_may(app: Flask) -> None:
    contact._missed[HOST] = time.monotonic()
    asking, mailing = enqueue_awaited("jobs.compare.compare", 1), enqueue_awaited("jobs.mail.send_link", "")

    def take_two() -> list[bool]:
        """Which of the two are left."""
        worker.work(app, burst=True, max_jobs=2)
        return [job.get_status() == JobStatus.QUEUED for job in (asking, mailing)]

    queue.report_worker(OTHER, [queue.INTERACTIVE])
    assert take_two() == [True, False]
    queue.report_reached(OTHER, [], [HOST])
    assert take_two() == [False, False]


def test_nothing_is_left_to_a_worker_of_the_same_machine_which_has_the_same_way_to_microsoft(app: Flask) -> None:
    contact._missed[HOST] = time.monotonic()
    name, other, elsewhere = worker.new_name(), worker.new_name(), f"not-{worker.new_name()}"
    assert name != other
    with cut_off.as_worker(name):
        queue.report_worker(other)
        assert not cut_off.may_leave()
        queue.report_worker(elsewhere)
        assert cut_off.may_leave()
