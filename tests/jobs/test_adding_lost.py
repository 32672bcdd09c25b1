"""Lists whose jobs come twice, stop, die, or meet what nobody foresaw."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from jobs import adding, crew, queue, schedule
from jobs.microsoft.signin import Credentials
from sandbox import Sandbox
from tests.support.factories import Make
from tests.support.microsoft import connected, sandbox_tenant
from tests.support.together import all_at_once
from tests.support.turns import in_turn
from webapp.extensions import db
from webapp.models import (
    IntegrationRemoved,
    LineState,
    Removal,
    Tenant,
    TenantAddition,
    utc_now,
)

from .additions import answers, app_in, line_of, listed
from .conftest import Work
from .helpers import do


def test_a_tenant_in_two_lists_at_once_is_stored_once(app: Flask, sandbox: Sandbox, make: Make) -> None:
    home, second_home = sandbox_tenant(sandbox), sandbox_tenant(sandbox)
    other = app_in(sandbox, home)
    first = listed(connected(make, home).integration, other.tenant_id)
    second_integration = connected(make, second_home).integration
    second_integration.client_id, second_integration.client_secret = home.client_id, home.secret
    db.session.commit()
    second = listed(second_integration, other.tenant_id)
    ids = [first.id, second.id, first.id, second.id]
    all_at_once(app, [partial(queue.run_here, "jobs.adding.add_here", each) for each in ids])
    assert db.session.query(Tenant).filter_by(tenant_id=other.tenant_id).count() == 1
    assert sorted([answers(first)[0][1], answers(second)[0][1]]) == ["added", "elsewhere"]


def test_a_list_longer_than_a_job_works_is_finished_by_the_next(
    sandbox: Sandbox, make: Make, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adding, "SECONDS", 0)
    home = sandbox_tenant(sandbox)
    others = [app_in(sandbox, home) for _ in range(2 * adding.AT_ONCE + 1)]
    addition = listed(connected(make, home).integration, *(other.tenant_id for other in others))
    do(adding.add, addition.id)
    assert sum(state == "added" for _, state in answers(addition)) == adding.AT_ONCE
    work()
    assert {state for _, state in answers(addition)} == {"added"}


@pytest.mark.parametrize(
    "heard", [timedelta(seconds=-31), pytest.param(timedelta(hours=3), id="by a clock that was ahead")]
)
def test_a_list_whose_worker_was_killed_is_found_by_the_sweep(
    sandbox: Sandbox, make: Make, work: Work, heard: timedelta
) -> None:
    home = sandbox_tenant(sandbox)
    other = app_in(sandbox, home)
    addition = listed(connected(make, home).integration, other.tenant_id)
    in_turn(TenantAddition.take)(db.session, addition.id, 1)
    db.session.commit()
    do(schedule.sweep)
    work()
    assert answers(addition) == [(other.tenant_id, "waiting")]
    db.session.execute(update(TenantAddition).values(heard_at=utc_now() + heard))
    db.session.commit()
    do(schedule.sweep)
    work()
    assert answers(addition) == [(other.tenant_id, "added")]


@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_of_two_jobs_of_a_list_the_later_one_goes_on(
    sandbox: Sandbox, make: Make, work: Work, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """As where a worker was frozen, and was taken for lost: else both do nothing but this until the list's end."""
    home = sandbox_tenant(sandbox)
    others = [app_in(sandbox, home) for _ in range(adding.AT_ONCE + 1)]
    addition = listed(connected(make, home).integration, *(other.tenant_id for other in others))
    addition_id, ask = addition.id, adding._ask

    def ask_while_another_begins(credentials: Credentials) -> Any:
        answer = ask(credentials)
        in_turn(TenantAddition.hear)(db.session, addition_id, queue.shared_now())
        db.session.commit()
        return answer

    monkeypatch.setattr(adding, "SECONDS", seconds)
    monkeypatch.setattr(adding, "_ask", ask_while_another_begins)
    do(adding.add, addition_id)
    assert queue.waiting()[queue.INTERACTIVE][0] == 0, "what is left is for the other one to enqueue"
    assert [state for _, state in answers(addition)] == ["added"] * adding.AT_ONCE + ["waiting"]
    monkeypatch.setattr(adding, "_ask", ask)
    do(adding.add, addition_id)
    work()
    assert {state for _, state in answers(addition)} == {"added"}
    assert db.session.get_one(TenantAddition, addition_id).finished_at is not None


def test_a_line_whose_worker_dies_each_time_is_answered_in_the_end(sandbox: Sandbox, make: Make, work: Work) -> None:
    home = sandbox_tenant(sandbox)
    other = app_in(sandbox, home)
    addition = listed(connected(make, home).integration, other.tenant_id)
    for _ in range(3):
        in_turn(TenantAddition.take)(db.session, addition.id, 1)
        db.session.commit()
    queue.add_tenants(addition.id)
    work()
    assert line_of(addition, other.tenant_id).state == LineState.REFUSED
    assert line_of(addition, other.tenant_id).code == "lost"
    assert db.session.get_one(TenantAddition, addition.id).finished_at is not None


def test_a_worker_that_is_told_to_stop_leaves_its_lines_to_others(
    sandbox: Sandbox, make: Make, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = sandbox_tenant(sandbox)
    other = app_in(sandbox, home)
    addition = listed(connected(make, home).integration, other.tenant_id)
    crew.stopping.set()
    try:
        do(adding.add, addition.id)
    finally:
        crew.stopping.clear()
    assert answers(addition) == [(other.tenant_id, "waiting")]
    assert line_of(addition, other.tenant_id).attempts == 0
    work()
    assert answers(addition) == [(other.tenant_id, "added")]


def test_an_error_that_nobody_foresaw_is_the_answer_of_its_line(
    sandbox: Sandbox, make: Make, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = sandbox_tenant(sandbox)
    monkeypatch.setattr(adding, "_ask", lambda credentials: 1 / 0)
    addition = listed(connected(make, home).integration, "contoso.example")
    queue.add_tenants(addition.id)
    work()
    assert "Seatledger itself" in line_of(addition, "contoso.example").reason


def test_nothing_is_added_to_an_integration_that_was_removed_meanwhile(
    sandbox: Sandbox, make: Make, work: Work
) -> None:
    home = sandbox_tenant(sandbox)
    other = app_in(sandbox, home)
    integration = connected(make, home).integration
    addition = listed(integration, other.tenant_id)
    integration.disconnect(Removal.KEEP, utc_now())
    db.session.commit()
    queue.add_tenants(addition.id)
    work()
    assert answers(addition) == [(other.tenant_id, "refused")]
    assert db.session.query(Tenant).filter_by(tenant_id=other.tenant_id).count() == 0
    with pytest.raises(IntegrationRemoved):
        TenantAddition.begin(db.session, integration.id, [], "ann@msp.example")
