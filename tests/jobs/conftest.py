"""Fixtures for jobs: the sandbox, and a real RQ worker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from math import inf

import pytest
from flask import Flask

from jobs import adding, prune, queue, removal, skew, unlinking, worker
from jobs.microsoft import contact, patience
from jobs.queue import clock, presence
from sandbox import Sandbox
from tests.support.claims import claims_of_a_run
from tests.support.factories import Make
from tests.support.microsoft import new_run
from tests.support.running import free_port
from webapp.extensions import db
from webapp.models import Claim, SyncRun
from webapp.models import Tenant as TenantRow

Work = Callable[[], None]
Sync = Callable[[TenantRow], SyncRun]


SetClock = Callable[[float], AbstractContextManager[None]]
Unplug = Callable[[], AbstractContextManager[str]]


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(app: Flask, shared_sandbox: Sandbox) -> Sandbox:
    """The sandbox, to which the app's requests go."""
    app.config["SETTINGS"] = replace(
        app.config["SETTINGS"],
        microsoft_login_url=shared_sandbox.url,
        microsoft_graph_url=shared_sandbox.url,
        microsoft_ca_bundle=str(shared_sandbox.ca_bundle),
    )
    return shared_sandbox


@pytest.fixture
def unplug(app: Flask, sandbox: Sandbox) -> Unplug:
    """Let nothing listen, while a context lasts, at the host that this worker would ask, which it gives."""

    @contextmanager
    def unplugged() -> Iterator[str]:
        before, nowhere = app.config["SETTINGS"], f"127.0.0.1:{free_port()}"
        addresses = dict.fromkeys(("microsoft_login_url", "microsoft_graph_url"), f"https://{nowhere}")
        app.config["SETTINGS"] = replace(before, **addresses)
        try:
            yield nowhere
        finally:
            app.config["SETTINGS"] = before

    return unplugged


@pytest.fixture
def lasting_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has reported once is there until it is forgotten, however long the machine stands still meanwhile."""
    monkeypatch.setattr(presence, "_alive_since", lambda silence: (0.0, inf))


@pytest.fixture(autouse=True)
def _nothing_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test asked in vain, of Microsoft or the database, cuts no worker of the next one off."""
    monkeypatch.setattr(contact, "_answered", {})
    monkeypatch.setattr(contact, "_missed", {})
    monkeypatch.setattr(skew, "_last", skew._Last())


@pytest.fixture(autouse=True)
def _a_turn_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that works for a few seconds and enqueues the rest does all in one turn, however slow the machine is."""
    for module in (adding, removal, unlinking):
        monkeypatch.setattr(module, "SECONDS", 600.0)
    monkeypatch.setattr(prune, "_SECONDS", 600)


@pytest.fixture
def work(app: Flask) -> Work:
    """Let a real RQ worker take what is enqueued, until nothing is left; the test then sees what it committed."""

    def work_until_done() -> None:
        db.session.commit()
        worker.work(app, burst=True)
        db.session.commit()

    return work_until_done


@pytest.fixture
def sync(work: Work) -> Sync:
    """Start a sync of the tenant's integration and let a worker finish what can be done now."""

    def start_and_work(tenant: TenantRow) -> SyncRun:
        run = new_run(tenant.integration)
        queue.sync(run.id)
        work()
        return run

    return start_and_work


@pytest.fixture
def claim(make: Make) -> Claim:
    """The part of a run of one tenant, claimed."""
    [claim] = claims_of_a_run(make, 1)
    return claim


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault is not waited out within a job, so that the tests need not wait either."""
    monkeypatch.setattr(patience, "TRIES", 1)


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """Set the clock of this process so many seconds ahead, while a context lasts."""
    monkeypatch.setattr("jobs.queue.clock._last", clock._Compared())
    real = time.time

    @contextmanager
    def ahead_by(seconds: float) -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda: real() + seconds)
            yield

    return ahead_by
