"""Matching many tenants at once: the preview, what is applied of it, and what is left."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.conftest import signed_in
from tests.support.factories import Make
from tests.support.turns import in_turn
from tests.webapp.integrations.bulk import ALL, CHANGES, accept, age, organization_of, prepare, press, stored
from webapp.extensions import db
from webapp.models import (
    AuditEntry,
    MatchingAction,
    MatchingChange,
    Organization,
    Role,
    Tenant,
    TenantState,
    utc_now,
)
from webapp.models.matching import PREVIEW_LIFETIME


def test_a_preview_shows_what_would_happen_and_changes_nothing(as_administrator: FlaskClient, make: Make) -> None:
    make.organization(name="Contoso Ltd")
    make.organization(name="Fabrikam")
    alike, same, none = (make.tenant(name=name) for name in ("Contosso", "FABRIKAM", "Northwind"))
    matched = make.tenant(name="Matched", organization=make.organization())
    page = as_administrator.get(prepare(as_administrator, "accept", alike, same, none, matched)).text
    assert "nothing is changed yet" in page
    assert "Alike name, 93 %" in page
    assert (
        "1: no suggestion; 1: it is matched already." in page or "1: it is matched already; 1: no suggestion." in page
    )
    assert {stored(tenant).state for tenant in (alike, same, none)} == {TenantState.UNMATCHED}


def test_what_was_previewed_is_applied(as_administrator: FlaskClient, make: Make) -> None:
    make.organization(name="Contoso Ltd")
    make.organization(name="Fabrikam")
    alike, same = make.tenant(name="Contosso"), make.tenant(name="FABRIKAM")
    page = accept(as_administrator, prepare(as_administrator, "accept", alike, same))
    assert "2 tenants matched." in page
    assert "Start sync" in page
    assert (organization_of(alike), organization_of(same)) == ("Contoso Ltd", "Fabrikam")
    [entry] = db.session.scalars(select(AuditEntry))
    assert entry.event == "2 tenants matched"
    assert entry.details["by_reason"] == {"alike name": 1, "same name": 1}


def test_only_the_kinds_that_are_ticked_are_applied(as_administrator: FlaskClient, make: Make) -> None:
    make.organization(name="Contoso Ltd")
    make.organization(name="Fabrikam")
    alike, same = make.tenant(name="Contosso"), make.tenant(name="FABRIKAM")
    preview = prepare(as_administrator, "accept", which="filtered")
    page = as_administrator.get(preview).text
    assert 'value="same name" checked' in page
    assert 'value="alike name">' in page
    refused = as_administrator.post(f"{preview}/apply", data={"reason": "nonsense"})
    assert refused.status_code == 422
    assert "Choose at least one kind" in refused.text
    press(as_administrator, preview, "apply", reason="same name")
    assert (organization_of(alike), organization_of(same)) == (None, "Fabrikam")


def test_exact_names_are_reviewed_together(as_administrator: FlaskClient, make: Make) -> None:
    make.organization(name="Contoso")
    make.organization(name="Fabrikam Ltd")
    same, alike = make.tenant(name="CONTOSO"), make.tenant(name="Fabrikam")
    preview = prepare(as_administrator, "accept", exact="1", q="nothing like it")
    page = as_administrator.get(preview).text
    assert "CONTOSO" in page
    assert "Fabrikam" not in page
    press(as_administrator, preview, "apply", reason="same name")
    assert (organization_of(same), organization_of(alike)) == ("Contoso", None)


def test_one_is_left_out_of_what_is_applied(as_administrator: FlaskClient, make: Make) -> None:
    tenants = [make.tenant(name=name) for name in ("Contoso", "Fabrikam")]
    preview = prepare(as_administrator, "create", *tenants)
    assert "Fabrikam" not in press(as_administrator, preview, "leave-out", tenant=tenants[1].id).text
    press(as_administrator, preview, "apply")
    assert [organization_of(tenant) for tenant in tenants] == ["Contoso", None]


def test_all_that_are_filtered_are_meant_on_whatever_page(as_administrator: FlaskClient, make: Make) -> None:
    integration = make.integration()
    tenants = [make.tenant(integration=integration, name=f"Lab {number:02}") for number in range(52)]
    other, elsewhere = make.tenant(integration=integration, name="Contoso"), make.tenant(name="Lab 99")
    where = f"/account/integrations/{integration.id}/tenants/changes"
    press(as_administrator, prepare(as_administrator, "ignore", where=where, which="filtered", q="lab"), "apply")
    assert {stored(tenant).state for tenant in tenants} == {TenantState.IGNORED}
    assert {stored(other).state, stored(elsewhere).state} == {TenantState.UNMATCHED}


def test_organizations_are_created_and_tenants_of_one_name_share_one(as_administrator: FlaskClient, make: Make) -> None:
    make.organization(name="Fabrikam")
    make.organization(name="Contoso Ltd")
    first, twin, there = make.tenant(name="Contoso"), make.tenant(name="CONTOSO"), make.tenant(name="fabrikam")
    preview = prepare(as_administrator, "create", first, twin, there)
    page = as_administrator.get(preview).text
    assert "together with 1 other tenant of this name" in page
    assert "Contoso Ltd is there already: alike name, 100 %" in page
    assert "1 organization was created" in press(as_administrator, preview, "apply").text
    assert stored(first).organization_id == stored(twin).organization_id
    assert organization_of(there) == "Fabrikam"
    assert db.session.scalar(select(func.count(Organization.id))) == 3


def test_unmatching_tells_how_many_licenses_leave(as_administrator: FlaskClient, make: Make) -> None:
    tenants = [make.tenant(organization=make.organization()) for _ in range(2)]
    for tenant in (tenants[0], *tenants):
        make.license(tenant=tenant)
    preview = prepare(as_administrator, "unmatch", *tenants)
    assert "3 licenses of matched tenants leave the lists at once. They are kept" in as_administrator.get(preview).text
    page = press(as_administrator, preview, "apply").text
    assert "2 tenants unmatched." in page
    assert "3 licenses left the lists" in page


Meddle = Callable[[Tenant, Organization], None]


def _match_it(tenant: Tenant, organization: Organization) -> None:
    tenant.match(organization)


def _rename_the_organization(tenant: Tenant, organization: Organization) -> None:
    organization.name = "Something else"


def _archive_the_organization(tenant: Tenant, organization: Organization) -> None:
    organization.archived_at = utc_now()


def _double_the_organization(tenant: Tenant, organization: Organization) -> None:
    db.session.add(Organization(name=organization.name))


def _remove_the_integration(tenant: Tenant, organization: Organization) -> None:
    tenant.integration.disconnected_at = utc_now()


@pytest.mark.parametrize(
    ("meddle", "why"),
    [
        (_match_it, "It was changed meanwhile."),
        (_rename_the_organization, "What was shown for it does not hold any more."),
        (_archive_the_organization, "What was shown for it does not hold any more."),
        (_double_the_organization, "What was shown for it does not hold any more."),
        (_remove_the_integration, "It is not here any more, or its integration was removed."),
    ],
)
def test_what_is_not_so_any_more_is_left_and_told(
    meddle: Meddle, why: str, as_administrator: FlaskClient, make: Make
) -> None:
    organization, tenant = make.organization(name="Contoso"), make.tenant(name="Contoso")
    make.organization(name="Fabrikam")
    other = make.tenant(name="Fabrikam")
    preview = prepare(as_administrator, "accept", tenant, other)

    @in_turn
    def meanwhile() -> None:
        meddle(stored(tenant), db.session.get_one(Organization, organization.id))
        db.session.commit()

    meanwhile()
    before = stored(tenant).organization_id
    page = accept(as_administrator, preview)
    assert why in page
    assert "Fabrikam is matched to Fabrikam." in page
    assert stored(tenant).organization_id == before


def test_pressing_twice_applies_once(as_administrator: FlaskClient, make: Make) -> None:
    tenant = make.tenant(name="Contoso")
    preview = prepare(as_administrator, "create", tenant)
    press(as_administrator, preview, "apply")
    assert "done already" in press(as_administrator, preview, "apply").text
    assert db.session.scalar(select(func.count(Organization.id))) == 1


def test_a_preview_that_is_too_old_is_not_applied(as_administrator: FlaskClient, make: Make) -> None:
    tenant = make.tenant(name="Contoso")
    preview = prepare(as_administrator, "create", tenant)
    age(PREVIEW_LIFETIME)
    assert "too long ago" in press(as_administrator, preview, "apply").text
    assert stored(tenant).state == TenantState.UNMATCHED


def test_what_is_cancelled_is_forgotten(as_administrator: FlaskClient, make: Make) -> None:
    preview = prepare(as_administrator, "create", make.tenant())
    assert "Nothing was changed." in press(as_administrator, preview, "discard").text
    assert as_administrator.get(preview).status_code == 404


def test_a_change_is_its_users_alone(app: Flask, as_administrator: FlaskClient, make: Make) -> None:
    tenant = make.tenant()
    preview = prepare(as_administrator, "ignore", tenant)
    colleague = signed_in(app, make.user(role=Role.MANAGER))
    assert colleague.get(preview).status_code == 404
    for button in ("apply", "undo", "discard", "leave-out"):
        assert colleague.post(f"{preview}/{button}").status_code == 404
    press(as_administrator, preview, "apply")
    assert "Undo" not in colleague.get(ALL).text
    assert stored(tenant).state == TenantState.IGNORED


@pytest.mark.parametrize("role", [Role.EDITOR, Role.CREATOR, Role.READ_ONLY, Role.LITE])
def test_who_does_not_manage_integrations_matches_nothing(role: Role, app: Flask, make: Make) -> None:
    client, tenant = signed_in(app, make.user(role=role)), make.tenant()
    assert client.get(ALL).status_code == 403
    assert client.post(CHANGES, data={"action": "ignore", "tenant": tenant.id}).status_code == 403
    assert stored(tenant).state == TenantState.UNMATCHED


def test_forged_ids_select_nothing(as_administrator: FlaskClient, make: Make) -> None:
    tenant, other = make.tenant(name="Ours"), make.tenant(name="Theirs")
    within = f"/account/integrations/{tenant.integration_id}/tenants/changes"
    forged = ["99999999999999999999", "987654", "-1", "x", "\x00", "", str(other.id), str(tenant.id)]
    answer = as_administrator.post(within, data={"action": "ignore", "tenant": forged})
    page = press(as_administrator, answer.location, "apply").text
    assert "Ours is ignored." in page
    assert stored(other).state == TenantState.UNMATCHED
    assert as_administrator.post(CHANGES, data={"action": "ignore", "tenant": "x"}).location == ALL
    assert as_administrator.post(CHANGES, data={"action": "match", "tenant": tenant.id}).status_code == 400
    assert as_administrator.post(CHANGES, data={"tenant": tenant.id}).status_code == 400
    removed = "/account/integrations/987654/tenants/changes"
    assert as_administrator.post(removed, data={"action": "ignore"}).status_code == 404


def test_a_preview_takes_as_many_queries_for_many_as_for_one(
    as_administrator: FlaskClient, make: Make, count_queries: list[str]
) -> None:
    def count(number: int) -> int:
        tenants = [make.tenant(name=f"Customer {number} {part}") for part in range(number)]
        preview = prepare(as_administrator, "create", *tenants)
        count_queries.clear()
        assert as_administrator.get(preview).status_code == 200
        return len(count_queries)

    assert count(30) == count(1)


def test_what_is_written_down_is_plain_and_names_no_secret(as_administrator: FlaskClient, make: Make) -> None:
    press(as_administrator, prepare(as_administrator, "create", make.tenant(name="Contoso")), "apply")
    [change] = db.session.scalars(select(MatchingChange))
    assert change.action == MatchingAction.CREATE
    assert json.dumps(change.steps).count("new organization") == 1
