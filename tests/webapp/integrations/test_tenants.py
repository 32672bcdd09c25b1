"""Match Tenants: what can be done with one."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from jobs.queue import NoWorker
from tests.support.browser import HTMX
from tests.support.factories import Make
from tests.webapp.integrations.conftest import Microsoft, refusal
from tests.webapp.integrations.matching import address, send, stored
from webapp.extensions import db
from webapp.models import (
    AuditArea,
    AuditEntry,
    Contact,
    License,
    MatchingChange,
    Organization,
    TenantState,
    utc_now,
)


def test_a_tenant_is_matched_to_the_organization_chosen(as_administrator: FlaskClient, make: Make) -> None:
    organization, tenant = make.organization(name="Contoso Ltd"), make.tenant(name="Contoso")
    page = send(as_administrator, address(tenant, "/match"), organization=str(organization.id))
    assert "Contoso is matched to Contoso Ltd." in page.text
    assert stored(tenant.id).organization_id == organization.id


@pytest.mark.parametrize("chosen", ["", "404", "99999999999999999999", "abc", "-1"])
def test_choosing_no_organization_is_pointed_out(chosen: str, as_administrator: FlaskClient, make: Make) -> None:
    tenant = make.tenant(name="Contoso")
    page = send(as_administrator, address(tenant, "/match"), organization=chosen)
    assert "Choose an organization for Contoso first." in page.text
    assert stored(tenant.id).state == TenantState.UNMATCHED


def test_an_organization_is_created_of_what_is_known_of_the_tenant(as_administrator: FlaskClient, make: Make) -> None:
    tenant = make.tenant(
        name="Con\ttoso",
        default_domain="contoso.onmicrosoft.com",
        domains="contoso.onmicrosoft.com\ncontoso.example\ngmail.com\nnot a domain",
        address="1 Main St, Napa",
        phone="+1 555 0100",
    )
    page = send(as_administrator, address(tenant, "/create-organization"))
    assert "is matched to the new organization Con toso" in page.text
    organization = stored(tenant.id).organization
    assert organization is not None
    assert (organization.name, organization.address, organization.phone) == (
        "Con toso",
        "1 Main St, Napa",
        "+1 555 0100",
    )
    assert [row.domain for row in organization.domains] == ["contoso.example"]


def test_what_is_too_long_is_cut(as_administrator: FlaskClient, make: Make) -> None:
    tenant = make.tenant(name="n" * 5000, address="a" * 5000, phone="5" * 5000)
    send(as_administrator, address(tenant, "/create-organization"))
    organization = stored(tenant.id).organization
    assert organization is not None
    assert [len(organization.name), len(organization.address), len(organization.phone)] == [200, 500, 100]


def test_an_archived_organization_is_neither_doubled_nor_matched(as_administrator: FlaskClient, make: Make) -> None:
    archived = make.organization(name="Contoso", archived_at=utc_now())
    tenant = make.tenant(name="Contoso")
    assert (
        "An archived organization is named Contoso"
        in send(as_administrator, address(tenant, "/create-organization")).text
    )
    send(as_administrator, address(tenant, "/match"), organization=str(archived.id))
    assert stored(tenant.id).state == TenantState.UNMATCHED


def test_an_organization_of_that_name_is_not_doubled(as_administrator: FlaskClient, make: Make) -> None:
    make.organization(name="contoso")
    tenant = make.tenant(name="Contoso")
    page = send(as_administrator, address(tenant, "/create-organization"))
    assert "exists already" in page.text
    assert stored(tenant.id).state == TenantState.UNMATCHED
    assert db.session.scalar(select(func.count(Organization.id))) == 1


def test_a_tenant_matched_by_somebody_else_meanwhile_stays_so(as_administrator: FlaskClient, make: Make) -> None:
    organization = make.organization()
    tenant = make.tenant(organization=organization)
    assert "it is matched already" in send(as_administrator, address(tenant, "/create-organization")).text
    assert stored(tenant.id).organization_id == organization.id


def test_a_tenant_is_ignored_and_taken_back(as_administrator: FlaskClient, make: Make) -> None:
    tenant = make.tenant(name="Contoso {0}")
    assert "Contoso {0} is ignored." in send(as_administrator, address(tenant, "/ignore")).text
    assert stored(tenant.id).state == TenantState.IGNORED
    send(as_administrator, address(tenant, "/unmatch"))
    assert stored(tenant.id).state == TenantState.UNMATCHED


def test_unmatching_says_that_licenses_leave_the_lists_and_are_kept(as_administrator: FlaskClient, make: Make) -> None:
    tenant = make.tenant(organization=make.organization())
    for _ in range(2):
        make.license(tenant=tenant)
    page = as_administrator.get(address(tenant.integration)).text
    assert "Unmatching takes its 2 licenses out of the lists at once. They are kept" in page
    page = send(as_administrator, address(tenant, "/unmatch")).text
    assert stored(tenant.id).state == TenantState.UNMATCHED
    assert "2 licenses left the lists." in page
    assert "Start sync" not in page


def test_matching_to_another_takes_the_licenses_along(as_administrator: FlaskClient, make: Make) -> None:
    former, latter = make.organization(name="Former"), make.organization(name="Latter")
    tenant = make.tenant(name="Contoso", organization=former)
    license_id = make.license(tenant=tenant).id
    contact = make.contact(organization=former)
    make.directory_user(tenant=tenant, contact=contact, qualifies=True)
    page = send(as_administrator, address(tenant, "/match"), organization=str(latter.id)).text
    assert "Contoso is matched to Latter. 1 license went along." in " ".join(page.split())
    assert "Start sync" in page
    assert db.session.get_one(License, license_id).tenant.organization_id == latter.id
    contact = db.session.get_one(Contact, contact.id)
    assert contact.organization_id == former.id
    assert contact.unlinked_at is not None
    assert "Match to another" in page


def test_two_tenants_are_matched_to_one_organization(as_administrator: FlaskClient, make: Make) -> None:
    organization = make.organization()
    for tenant_id in [make.tenant().id, make.tenant().id]:
        send(as_administrator, address(stored(tenant_id), "/match"), organization=str(organization.id))
        assert stored(tenant_id).organization_id == organization.id


def test_each_change_is_in_the_audit_log(as_administrator: FlaskClient, make: Make) -> None:
    organization, tenant = make.organization(name="Contoso Ltd"), make.tenant(name="Contoso")
    send(as_administrator, address(tenant, "/match"), organization=str(organization.id))
    send(as_administrator, address(tenant, "/unmatch"))
    send(as_administrator, address(tenant, "/ignore"))
    entries = db.session.scalars(
        select(AuditEntry).where(AuditEntry.area == AuditArea.INTEGRATIONS).order_by(AuditEntry.id)
    )
    assert [entry.event for entry in entries] == [
        "Contoso is matched to Contoso Ltd",
        "Contoso is not matched any more",
        "Contoso is ignored",
    ]


def test_htmx_gets_the_row_with_its_undo_and_what_else_changed(as_administrator: FlaskClient, make: Make) -> None:
    organization, tenant = make.organization(name="Contoso Ltd"), make.tenant(name="Contoso")
    form = {"organization": str(organization.id), "within": str(tenant.integration_id)}
    row = as_administrator.post(address(tenant, "/match"), data=form, headers=HTMX).text
    assert row.index(f'<tr id="tenant-{tenant.id}"') < row.index("Undo") < row.index('id="matching-notice"')
    assert 'hx-swap-oob="outerHTML"' in row
    assert "<html" not in row
    [change] = db.session.scalars(select(MatchingChange))
    undo = f"/account/integrations/tenants/changes/{change.id}/undo"
    undone = as_administrator.post(undo, data={"tenant": tenant.id, "from_list": "1"}, headers=HTMX)
    assert "alike name, 100 %" in undone.text
    assert stored(tenant.id).state == TenantState.UNMATCHED


@pytest.mark.parametrize("action", ["match", "create-organization", "ignore", "unmatch"])
def test_another_integrations_tenant_is_not_found(action: str, as_administrator: FlaskClient, make: Make) -> None:
    tenant, other = make.tenant(), make.integration()
    where = f"/account/integrations/{other.id}/tenants/{tenant.id}/{action}"
    assert as_administrator.post(where).status_code == 404


def test_finding_tenants_asks_microsoft(as_administrator: FlaskClient, make: Make, microsoft: Microsoft) -> None:
    tenant = make.tenant()
    warning = refusal(reason="No name was read.")["problem"]
    microsoft.answer = {"ok": True, "tenants": [tenant.id], "new": [], "back": [], "gone": [], "warning": warning}
    page = send(as_administrator, address(tenant.integration, "/find"))
    assert "This integration reaches 1 tenant" in page.text
    assert "No name was read." in page.text


def test_what_microsoft_refuses_is_told(as_administrator: FlaskClient, make: Make, microsoft: Microsoft) -> None:
    microsoft.answer = refusal(reason="The secret has expired.", code="AADSTS7000222")
    page = send(as_administrator, address(make.integration(), "/find"))
    assert "The secret has expired. Do this. (code AADSTS7000222)" in page.text


def test_finding_tenants_without_a_worker_says_so(
    as_administrator: FlaskClient, make: Make, microsoft: Microsoft
) -> None:
    microsoft.error = NoWorker()
    page = send(as_administrator, address(make.integration(), "/find"))
    assert "No worker is running" in page.text
    assert "No tenant yet" in page.text
