"""Jobs that somebody waits for: a connection tested, tenants discovered, and no secret left in Redis."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from rq import Queue

from jobs import queue
from jobs.queue import enqueueing
from sandbox import Fault, Sandbox
from tests.jobs.connections import credentials_of
from tests.support.factories import Make
from tests.support.microsoft import connected, new_run, sandbox_tenant
from tests.support.pem import pem_pair
from tests.support.redis_contents import everything_in_redis
from tests.support.waiting import eventually
from webapp.extensions import db, vault
from webapp.models import Tenant

from .conftest import Work
from .helpers import waiting

Answered = Callable[[Callable[[], dict[str, Any]]], dict[str, Any]]


@pytest.fixture
def answered(app: Flask, work: Work) -> Answered:
    """Ask in a thread, as a page does, while a real worker works here."""

    def ask(question: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        answers: list[Any] = []

        def in_thread() -> None:
            with app.app_context():
                try:
                    answers.append(question())
                except Exception as error:
                    answers.append(error)

        queue.report_worker("a worker")
        thread = threading.Thread(target=in_thread)
        thread.start()
        while thread.is_alive():
            work()
            thread.join(0.02)
        if isinstance(answers[0], Exception):
            raise answers[0]
        found: dict[str, Any] = answers[0]
        return found

    return ask


def test_a_connection_that_works_is_described(sandbox: Sandbox, answered: Answered) -> None:
    tenant = sandbox_tenant(sandbox, display_name="株式会社青空")
    answer = answered(lambda: queue.check_connection(credentials_of(tenant, tenant=tenant.domains[0])))
    assert answer == {
        "ok": True,
        "tenant_id": tenant.tenant_id,
        "name": "株式会社青空",
        "default_domain": tenant.domains[0],
        "domains": tenant.domains[0],
        "address": "",
        "phone": "",
        "warning": None,
    }


def test_a_connection_that_lacks_a_permission_works_with_a_warning(sandbox: Sandbox, answered: Answered) -> None:
    tenant = sandbox_tenant(sandbox, permissions=("LicenseAssignment.Read.All",))
    answer = answered(lambda: queue.check_connection(credentials_of(tenant)))
    assert (answer["ok"], answer["tenant_id"], answer["name"]) == (True, tenant.tenant_id, tenant.tenant_id)
    assert "Organization.Read.All" in answer["warning"]["reason"]


@pytest.mark.parametrize(
    ("changes", "credentials", "code", "field"),
    [
        ({}, {"client_secret": "wrong"}, "AADSTS7000215", "client_secret"),
        ({"secret_expired": True}, {}, "AADSTS7000222", "client_secret"),
        ({"consented": False}, {}, "AADSTS65001", None),
        ({}, {"client_id": "00000000-0000-0000-0000-000000000001"}, "AADSTS700016", "client_id"),
        ({}, {"tenant": "nowhere.example"}, "AADSTS90002", "tenant"),
        ({"permissions": ()}, {}, "Authorization_RequestDenied", None),
        ({"faults": (Fault("subscribedSkus", "not_json"),)}, {}, "unexpected_answer", None),
    ],
)
def test_a_connection_that_does_not_work_says_why(
    sandbox: Sandbox,
    answered: Answered,
    changes: dict[str, Any],
    credentials: dict[str, str],
    code: str,
    field: str | None,
) -> None:
    tenant = sandbox_tenant(sandbox, **changes)
    answer = answered(lambda: queue.check_connection(credentials_of(tenant, **credentials)))
    assert (answer["ok"], answer["problem"]["code"], answer["field"]) == (False, code, field)
    assert answer["problem"]["reason"]
    assert answer["problem"]["fix"]


def test_the_own_tenant_is_found_and_called_as_it_says(sandbox: Sandbox, make: Make, answered: Answered) -> None:
    row = connected(make, sandbox_tenant(sandbox), matched=False)
    row_id, integration_id = row.id, row.integration_id
    answer = answered(lambda: queue.discover(integration_id))
    assert answer == {"ok": True, "tenants": [row_id], "new": [], "back": [], "gone": [], "left": [], "warning": None}
    assert [(tenant.id, tenant.name) for tenant in db.session.query(Tenant)] == [(row_id, "Contoso")]


def test_discovering_with_a_secret_whose_key_is_gone_says_so(sandbox: Sandbox, make: Make, answered: Answered) -> None:
    integration = make.integration()
    integration.client_secret_encrypted = "gAAAAA-not-of-this-key"
    db.session.commit()
    integration_id = integration.id
    answer = answered(lambda: queue.discover(integration_id))
    assert (answer["ok"], answer["problem"]["code"]) == (False, "unreadable_secret")


def test_a_job_that_breaks_is_told_apart(sandbox: Sandbox, answered: Answered) -> None:
    with pytest.raises(queue.JobFailed):
        answered(lambda: queue.check_connection(vault.encrypt("this is no JSON")))


def test_credentials_sealed_with_a_key_that_the_worker_lacks_are_explained(
    sandbox: Sandbox, answered: Answered
) -> None:
    answer = answered(lambda: queue.check_connection("not encrypted by this app"))
    assert (answer["ok"], answer["problem"]["code"]) == (False, "unreadable_secret")


def test_a_job_that_redis_lost_is_told_apart(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enqueueing, "_PICK_UP_SECONDS", 0)
    queue.report_worker("a worker")

    def lose_it_once_it_waits() -> None:
        with app.app_context():
            eventually(lambda: waiting(queue.INTERACTIVE))
            queue.connection().flushall()

    loss = threading.Thread(target=lose_it_once_it_waits)
    loss.start()
    with pytest.raises(queue.JobFailed):
        queue.discover(1)
    loss.join()


@pytest.mark.usefixtures("app")
def test_without_a_worker_nobody_waits() -> None:
    began = time.monotonic()
    with pytest.raises(queue.NoWorker, match="make run"):
        queue.discover(1)
    assert time.monotonic() - began < 10
    assert waiting(queue.INTERACTIVE) == []


@pytest.mark.usefixtures("app")
def test_where_the_last_worker_went_away_nobody_waits_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enqueueing, "_PICK_UP_SECONDS", 0)
    monkeypatch.setattr(enqueueing, "workers_alive", lambda queue_name: 1)
    with pytest.raises(queue.NoWorker, match="No worker is running"):
        queue.discover(1)
    assert waiting(queue.INTERACTIVE) == []


@pytest.mark.usefixtures("app")
def test_where_all_workers_are_cut_off_nobody_waits_long_and_hears_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enqueueing, "_PICK_UP_SECONDS", 0)
    queue.report_worker("cut off")
    queue.report_reached("cut off", [], [], has_database=False)
    with pytest.raises(queue.NoWorker, match="All workers are cut off"):
        queue.discover(1)
    assert waiting(queue.INTERACTIVE) == []


@pytest.mark.usefixtures("app")
def test_where_all_workers_stay_busy_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enqueueing, "_ANSWER_SECONDS", 1)
    queue.report_worker("a busy worker")
    with pytest.raises(queue.WorkersBusy, match="busy"):
        queue.discover(1)
    assert waiting(queue.INTERACTIVE) == []


def test_no_secret_lies_in_redis(app: Flask, sandbox: Sandbox, make: Make, work: Work, answered: Answered) -> None:
    tenant = sandbox_tenant(sandbox, secret_expired=True)
    secret = tenant.secret.encode()
    integration = connected(make, tenant).integration
    queue.sync(new_run(integration).id)
    Queue(queue.INTERACTIVE, connection=queue.connection()).enqueue_call(
        "jobs.connect.check", args=(credentials_of(tenant),)
    )
    before = everything_in_redis()
    assert b"jobs.connect.check" in before
    assert secret not in before
    work()
    answered(lambda: queue.check_connection(credentials_of(tenant)))
    after = everything_in_redis()
    assert secret not in after


def test_a_partners_app_that_may_read_nothing_by_itself_connects_with_a_warning(
    sandbox: Sandbox, answered: Answered
) -> None:
    tenant = sandbox_tenant(sandbox, permissions=())
    token = vault.encrypt(
        json.dumps(
            {
                "cloud": "global",
                "tenant": tenant.domains[0],
                "client_id": tenant.client_id,
                "client_secret": tenant.secret,
                "is_partners": True,
            }
        )
    )
    answer = answered(lambda: queue.check_connection(token))
    assert (answer["ok"], answer["tenant_id"], answer["name"]) == (True, tenant.tenant_id, tenant.tenant_id)
    assert answer["warning"]["code"] == "nothing_by_itself"
    assert "Sign in as a partner user" in answer["warning"]["fix"]


def test_a_certificate_is_tried_like_a_secret(sandbox: Sandbox, answered: Answered) -> None:
    ours, public = pem_pair()
    tenant = sandbox_tenant(sandbox, certificates=(public,))
    answer = answered(lambda: queue.check_connection(credentials_of(tenant, client_secret="", certificate=ours)))
    assert answer["ok"]
    other = credentials_of(tenant, client_secret="", certificate=pem_pair(2)[0])
    answer = answered(lambda: queue.check_connection(other))
    assert (answer["ok"], answer["field"], answer["problem"]["code"]) == (False, "certificate", "AADSTS700027")
