"""Tenants added to a direct integration: each line gets its own answer, and no list waits for ever."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from jobs import adding, crew, queue, schedule
from jobs.microsoft.signin import Credentials
from sandbox import Fault, Sandbox
from sandbox import Tenant as SandboxTenant
from tests.support.factories import Make
from tests.support.microsoft import connected, sandbox_tenant
from tests.support.turns import in_turn
from webapp.extensions import db
from webapp.models import (
    AdditionLine,
    AuditEntry,
    Integration,
    IntegrationRemoved,
    License,
    LineState,
    Removal,
    Tenant,
    TenantAddition,
    TenantState,
    removal,
    utc_now,
)

from .conftest import Work
from .helpers import all_at_once, asked, do


def app_in(sandbox: Sandbox, home: SandboxTenant, **values: Any) -> SandboxTenant:
    """Another tenant in which the same app registration is used."""
    return sandbox_tenant(sandbox, client_id=home.client_id, secret=home.secret, **values)


@in_turn
def listed(integration: Integration, *lines: str) -> TenantAddition:
    """A list as the page records it, before it is enqueued."""
    addition = TenantAddition.begin(db.session, integration.id, [(line, None) for line in lines], "ann@msp.example")
    db.session.commit()
    return addition


def answers(addition: TenantAddition) -> list[tuple[str, str]]:
    db.session.rollback()
    query = db.select(AdditionLine).filter_by(addition_id=addition.id).order_by(AdditionLine.id)
    return [(line.text, line.state.value) for line in db.session.scalars(query)]


def line_of(addition: TenantAddition, text: str) -> AdditionLine:
    db.session.rollback()
    found: AdditionLine = db.session.query(AdditionLine).filter_by(addition_id=addition.id, text=text).one()
    return found


def test_each_line_of_a_mixed_list_gets_its_own_answer(sandbox: Sandbox, make: Make, work: Work) -> None:
    home = sandbox_tenant(sandbox)
    mine = connected(make, home)
    by_guid, by_domain = app_in(sandbox, home, display_name="By GUID"), app_in(sandbox, home, display_name="By domain")
    theirs = sandbox_tenant(sandbox)
    connected(make, theirs, name="Fabrikam's own")
    without = app_in(sandbox, home, consented=False)
    unknown = sandbox_tenant(sandbox)
    lacking = app_in(sandbox, home, permissions=())
    broken = app_in(sandbox, home, faults=(Fault("subscribedSkus", "not_json"),))
    addition = listed(
        mine.integration,
        by_guid.tenant_id,
        by_domain.domains[0],
        by_domain.tenant_id,
        home.domains[0],
        theirs.domains[0],
        "nowhere.example",
        "00000000-0000-4000-8000-000000000001",
        without.tenant_id,
        unknown.tenant_id,
        lacking.tenant_id,
        broken.tenant_id,
    )
    queue.add_tenants(addition.id)
    work()
    found = dict(answers(addition))
    # Two lines name one tenant: whichever is asked first adds it.
    assert {found.pop(by_domain.domains[0]), found.pop(by_domain.tenant_id)} == {"added", "present"}
    assert found == {
        by_guid.tenant_id: "added",
        home.domains[0]: "present",
        theirs.domains[0]: "elsewhere",
        "nowhere.example": "not_a_tenant",
        "00000000-0000-4000-8000-000000000001": "not_a_tenant",
        without.tenant_id: "no_consent",
        unknown.tenant_id: "no_consent",
        lacking.tenant_id: "no_consent",
        broken.tenant_id: "refused",
    }
    rows = db.session.query(Tenant).filter_by(integration_id=mine.integration_id)
    assert {row.name for row in rows} == {"as it was", "By GUID", "By domain"}
    assert line_of(addition, theirs.domains[0]).held_by == "Fabrikam's own"
    assert line_of(addition, without.tenant_id).code == "AADSTS65001"
    assert line_of(addition, broken.tenant_id).code == "unexpected_answer"
    assert db.session.get_one(TenantAddition, addition.id).finished_at is not None


def test_what_is_added_is_unmatched_and_says_of_itself_what_microsoft_tells(
    sandbox: Sandbox, make: Make, work: Work
) -> None:
    home = sandbox_tenant(sandbox)
    organization = {"street": "1 Rue X", "city": "Pau", "country": "France", "businessPhones": ["+33 5"]}
    other = app_in(sandbox, home, display_name="Autre", organization=organization)
    integration = connected(make, home).integration
    addition = listed(integration, other.tenant_id)
    queue.add_tenants(addition.id)
    work()
    row = db.session.query(Tenant).filter_by(tenant_id=other.tenant_id).one()
    assert (row.name, row.state, row.integration_id) == ("Autre", TenantState.UNMATCHED, integration.id)
    assert (row.domains, row.address, row.phone) == (other.domains[0], "1 Rue X, Pau, France", "+33 5")
    entry = db.session.query(AuditEntry).one()
    assert (entry.actor, entry.event) == ("ann@msp.example", f"Added the tenant Autre to {integration.name}")


def test_a_tenant_is_added_after_its_administrator_consented(sandbox: Sandbox, make: Make, work: Work) -> None:
    home = sandbox_tenant(sandbox)
    other = app_in(sandbox, home, consented=False)
    addition = listed(connected(make, home).integration, other.domains[0], home.tenant_id)
    queue.add_tenants(addition.id)
    work()
    assert answers(addition) == [(other.domains[0], "no_consent"), (home.tenant_id, "present")]
    sandbox.patch_tenant(other.tenant_id, consented=True)
    assert in_turn(TenantAddition.repeat)(db.session, addition.id, utc_now()) == 1
    db.session.commit()
    queue.add_tenants(addition.id)
    work()
    assert answers(addition) == [(other.domains[0], "added"), (home.tenant_id, "present")]
    assert line_of(addition, other.domains[0]).reason == ""


def test_a_tenant_that_is_known_is_not_asked_for_anything(sandbox: Sandbox, make: Make, work: Work) -> None:
    home = sandbox_tenant(sandbox)
    integration = connected(make, home).integration
    # Not even where nothing may be asked for.
    integration.not_before = utc_now() + timedelta(hours=1)
    sandbox.reset_requests()
    addition = listed(integration, home.tenant_id)
    queue.add_tenants(addition.id)
    work()
    assert answers(addition) == [(home.tenant_id, "present")]
    assert asked(sandbox, home.tenant_id) == {}


def test_a_wrong_secret_answers_all_lines_and_is_not_tried_for_each(sandbox: Sandbox, make: Make, work: Work) -> None:
    home = sandbox_tenant(sandbox)
    others = [app_in(sandbox, home) for _ in range(20)]
    integration = connected(make, home).integration
    integration.client_secret = "wrong"
    db.session.commit()
    addition = listed(integration, *(other.tenant_id for other in others))
    queue.add_tenants(addition.id)
    work()
    assert {state for _, state in answers(addition)} == {"refused"}
    assert sum(bool(asked(sandbox, other.tenant_id)) for other in others) <= adding.AT_ONCE
    assert line_of(addition, others[-1].tenant_id).code == "AADSTS7000215"


def test_a_secret_whose_key_is_gone_answers_all_lines(sandbox: Sandbox, make: Make, work: Work) -> None:
    integration = make.integration()
    integration.client_secret_encrypted = "gAAAAA-not-of-this-key"
    db.session.commit()
    addition = listed(integration, "a.example", "b.example")
    queue.add_tenants(addition.id)
    work()
    assert {state for _, state in answers(addition)} == {"refused"}
    assert line_of(addition, "a.example").code == "unreadable_secret"


def test_a_tenant_kept_from_a_removed_integration_is_adopted(sandbox: Sandbox, make: Make, work: Work) -> None:
    home = sandbox_tenant(sandbox)
    other = app_in(sandbox, home)
    former = connected(make, other)
    make.license(tenant=former)
    row_id, organization_id = former.id, former.organization_id
    removal.begin(db.session, former.integration_id, Removal.KEEP, utc_now())
    db.session.commit()
    integration = connected(make, home).integration
    addition = listed(integration, other.tenant_id)
    queue.add_tenants(addition.id)
    work()
    row = db.session.query(Tenant).filter_by(tenant_id=other.tenant_id).one()
    assert (row.id, row.integration_id, row.organization_id) == (row_id, integration.id, organization_id)
    assert db.session.query(License).one().tenant_id == row_id
    assert "kept" in line_of(addition, other.tenant_id).reason


def test_a_new_tenant_is_matched_by_its_exact_name_where_that_is_wished(
    sandbox: Sandbox, make: Make, work: Work
) -> None:
    home = sandbox_tenant(sandbox)
    other = app_in(sandbox, home, display_name="Fabrikam")
    organization = make.organization(name="fabrikam")
    integration = connected(make, home, match_by_name=True).integration
    addition = listed(integration, other.tenant_id)
    queue.add_tenants(addition.id)
    work()
    assert db.session.query(Tenant).filter_by(tenant_id=other.tenant_id).one().organization_id == organization.id


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


def test_a_tenant_that_asks_to_wait_says_so(sandbox: Sandbox, make: Make, work: Work) -> None:
    home = sandbox_tenant(sandbox)
    other = app_in(sandbox, home, faults=(Fault("subscribedSkus", "throttle", retry_after=600),))
    addition = listed(connected(make, home).integration, other.tenant_id)
    queue.add_tenants(addition.id)
    work()
    assert (line_of(addition, other.tenant_id).state, line_of(addition, other.tenant_id).code) == (
        LineState.REFUSED,
        "HTTP 429",
    )


def test_lists_that_ended_long_ago_are_forgotten(sandbox: Sandbox, make: Make) -> None:
    integration = make.integration()
    old, new, unfinished = (listed(integration, "a.example") for _ in range(3))
    old.finished_at, new.finished_at = utc_now() - timedelta(days=91), utc_now()
    ids = new.id, unfinished.id
    db.session.commit()
    do(queue.run_here, "jobs.prune.prune")
    assert tuple(db.session.scalars(db.select(TenantAddition.id).order_by(TenantAddition.id))) == ids
