"""Stand-ins for the queue and for Microsoft's answer, which the jobs' own tests cover."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from jobs import queue
from tests.support.factories import Make
from webapp.extensions import db, vault

TENANT_ID = "72f988bf-86f1-41af-91ab-2d7cd011db47"
CLIENT_ID = "11112222-bbbb-3333-cccc-4444dddd5555"
SECRET = "Value~of.the-secret_1234567890"

ACCEPTED = {
    "ok": True,
    "tenant_id": TENANT_ID,
    "name": "Contoso",
    "default_domain": "contoso.onmicrosoft.com",
    "domains": "contoso.onmicrosoft.com",
    "address": "1 Main St, Redmond, US",
    "phone": "425-555-0100",
    "warning": None,
}


def refusal(field: str | None = None, **changes: str) -> dict[str, Any]:
    problem = {"reason": "It was refused.", "fix": "Do this.", "code": "AADSTS1", "request_id": "request-1", **changes}
    return {"ok": False, "problem": problem, "field": field}


@pytest.fixture
def integration_id(make: Make) -> int:
    return make.integration(name="Contoso", home_tenant_id=TENANT_ID, client_id=CLIENT_ID, secret=SECRET).id


class Microsoft:
    """What `check_connection` and `discover` answer, and what they were asked with."""

    def __init__(self) -> None:
        self.answer: dict[str, Any] = dict(ACCEPTED)
        self.error: Exception | None = None
        self.asked: list[dict[str, str]] = []
        self.tokens: list[str] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def check(self, token: str) -> dict[str, Any]:
        assert not db.session().in_transaction(), "a transaction is open while Microsoft is asked"
        self.tokens.append(token)
        self.asked.append(json.loads(vault.decrypt(token)))
        return self._reply()

    def discover(self, integration_id: int) -> dict[str, Any]:
        assert not db.session().in_transaction(), "a transaction is open while Microsoft is asked"
        return self._reply()

    def _reply(self) -> dict[str, Any]:
        self.meanwhile()
        if self.error is not None:
            raise self.error
        return self.answer


@pytest.fixture
def microsoft(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Microsoft:
    stand_in = Microsoft()
    monkeypatch.setattr(queue, "check_connection", stand_in.check)
    monkeypatch.setattr(queue, "discover", stand_in.discover)
    return stand_in


def stored(model: type[Any]) -> int:
    """How many of them there are."""
    return db.session.scalar(select(func.count()).select_from(model)) or 0


class Workers:
    """How many workers are alive, whether the queue can be reached, and which runs were enqueued."""

    def __init__(self) -> None:
        self.alive = 1
        self.cut_off = 0
        self.without_database = 0
        self.is_reachable = True
        self.enqueued: list[int] = []

    def by_queue(self) -> dict[str, queue.Workers]:
        self._reach()
        workers = queue.Workers(self.alive, self.cut_off, self.without_database)
        return dict.fromkeys(queue.QUEUES, workers)

    def sync(self, run_id: int) -> None:
        assert not db.session().in_transaction(), "the run is enqueued before it is committed"
        self._reach()
        self.enqueued.append(run_id)

    def _reach(self) -> None:
        if not self.is_reachable:
            raise queue.QueueUnavailable


@pytest.fixture
def workers(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Workers:
    stand_in = Workers()
    monkeypatch.setattr(queue, "workers_by_queue", stand_in.by_queue)
    monkeypatch.setattr(queue, "sync", stand_in.sync)
    monkeypatch.setattr(queue, "is_reachable", lambda: stand_in.is_reachable)
    return stand_in
