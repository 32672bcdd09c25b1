"""Tenants added to a direct integration: each line gets its own answer, and no list waits for ever."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from jobs import adding, queue
from jobs.microsoft import deadline
from sandbox import Fault, Sandbox
from tests.support.factories import Make
from tests.support.microsoft import connected, sandbox_tenant
from tests.support.turns import in_turn
from webapp.extensions import db
from webapp.models import (
    AuditEntry,
    License,
    LineState,
    Removal,
    Tenant,
    TenantAddition,
    TenantState,
    removal,
    utc_now,
)

from .additions import answers, app_in, line_of, listed
from .conftest import Work
from .helpers import asked, do


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


def test_a_tenant_whose_answers_take_too_long_gets_that_for_an_answer(
    sandbox: Sandbox, make: Make, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = sandbox_tenant(sandbox)
    slow = app_in(sandbox, home, faults=(Fault("subscribedSkus", "endless_pages"),))
    addition = listed(connected(make, home).integration, slow.tenant_id)
    # Each request takes so long that the third one would come after its time.
    ticks = itertools.count(0, step=adding._LONGEST_SECONDS / 2.5)
    monkeypatch.setattr(deadline, "monotonic", lambda: next(ticks))
    queue.add_tenants(addition.id)
    work()
    assert answers(addition) == [(slow.tenant_id, "refused")]
    assert line_of(addition, slow.tenant_id).code == "took_too_long"
    assert sandbox.requests(slow.tenant_id)["total"] == 2


def test_lists_that_ended_long_ago_are_forgotten(sandbox: Sandbox, make: Make) -> None:
    integration = make.integration()
    old, new, unfinished = (listed(integration, "a.example") for _ in range(3))
    old.finished_at, new.finished_at = utc_now() - timedelta(days=91), utc_now()
    ids = new.id, unfinished.id
    db.session.commit()
    do(queue.run_here, "jobs.prune.prune")
    assert tuple(db.session.scalars(db.select(TenantAddition.id).order_by(TenantAddition.id))) == ids
