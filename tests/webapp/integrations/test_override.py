"""How one tenant is synced, where that is not as its integration says."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.support.browser import HTMX
from tests.support.factories import Make
from tests.support.forms import began_with, edited, opened
from webapp.extensions import db
from webapp.models import AuditEntry, CheckedLicense, License, Tenant, TenantCheckedLicense, UserSync, utc_now
from webapp.models.user_rules import rules_of

INDEX = "/account/integrations"


@pytest.fixture
def tenant(make: Make) -> Tenant:
    return make.tenant(
        organization=make.organization(), integration=make.integration(), users_synced_at=utc_now(), name="Contoso"
    )


@pytest.fixture
def license(make: Make, tenant: Tenant) -> License:
    return make.license(tenant=tenant, product=make.product(name="Microsoft 365 E3"))


def address(tenant: Tenant, path: str = "settings") -> str:
    return f"{INDEX}/{tenant.integration_id}/tenants/{tenant.id}/{path}"


def sent(how: str, mode: str = "off", *sku_ids: str, **values: str) -> dict[str, Any]:
    return {"how": how, "sync_users": mode, "sku_ids": list(sku_ids), **values}


def stored(tenant_id: int) -> Tenant:
    return db.session.get_one(Tenant, tenant_id, populate_existing=True)


def test_the_tenants_page_leads_there_and_shows_what_is_overridden(as_administrator: FlaskClient, make: Make) -> None:
    integration, organization = make.integration(), make.organization()
    plain = make.tenant(integration=integration, organization=organization)
    make.tenant(integration=integration, organization=organization, left_out_at=utc_now())
    make.tenant(integration=integration, organization=organization, has_own_user_rules=True)
    page = as_administrator.get(f"{INDEX}/{integration.id}/tenants").text
    assert f'href="{address(plain)}"' in page
    assert page.count(">Left out</span>") == 1
    assert page.count(">Own rules for users</span>") == 1


def test_a_tenant_is_left_out_and_included_again(as_administrator: FlaskClient, tenant: Tenant) -> None:
    page = as_administrator.get(address(tenant)).text
    assert re.search(r'<input checked[^>]*value="as-integration"', page)
    answer = edited(as_administrator, address(tenant), sent("left-out"), follow_redirects=True)
    assert answer.request.path == f"{INDEX}/{tenant.integration_id}/tenants"
    assert "The next sync passes it over" in answer.text
    left_out_at = stored(tenant.id).left_out_at
    assert left_out_at is not None
    assert db.session.scalar(select(Tenant.id).where(Tenant.is_synced())) is None
    edited(as_administrator, address(tenant), sent("left-out"))
    assert stored(tenant.id).left_out_at == left_out_at, "the first date stays"
    edited(as_administrator, address(tenant), sent("as-integration"))
    assert stored(tenant.id).left_out_at is None


def test_a_name_that_ends_with_a_stop_ends_the_sentence(as_administrator: FlaskClient, make: Make) -> None:
    tenant = make.tenant(name="Contoso Inc.", organization=make.organization())
    answer = edited(as_administrator, address(tenant), sent("left-out"), follow_redirects=True)
    assert "Saved for Contoso Inc. The next sync" in answer.text


def test_own_rules_hold_for_this_tenant_alone(as_administrator: FlaskClient, tenant: Tenant, license: License) -> None:
    data = sent("own-rules", "licensed", license.sku_id, include_blocked="y")
    edited(as_administrator, address(tenant), data)
    rules = rules_of(db.session, stored(tenant.id))
    assert (rules.sync_users, rules.include_blocked, rules.checked) == (
        UserSync.LICENSED,
        True,
        frozenset({license.sku_id}),
    )
    assert stored(tenant.id).integration.sync_users == UserSync.OFF
    assert re.search(r'<input checked[^>]*value="own-rules"', as_administrator.get(address(tenant)).text)


def test_own_rules_are_kept_while_the_tenant_is_left_out_and_are_not_forged_meanwhile(
    as_administrator: FlaskClient, tenant: Tenant, license: License
) -> None:
    edited(as_administrator, address(tenant), sent("own-rules", "licensed", license.sku_id))
    edited(as_administrator, address(tenant), sent("left-out", "all", "forged"))
    assert stored(tenant.id).has_own_user_rules is True
    assert db.session.scalars(select(TenantCheckedLicense.sku_id)).all() == [license.sku_id]


def test_what_others_changed_of_own_rules_meanwhile_stays(as_administrator: FlaskClient, tenant: Tenant) -> None:
    edited(as_administrator, address(tenant), sent("own-rules", "all"))
    mine = opened(as_administrator, address(tenant))
    edited(as_administrator, address(tenant), sent("own-rules", "all", include_guests="y"))
    mine |= sent("own-rules", "all", include_blocked="y")
    assert as_administrator.post(address(tenant), data=mine).status_code == 303
    assert (stored(tenant.id).include_guests, stored(tenant.id).include_blocked) == (True, True)


@pytest.mark.parametrize("others", ["left-out", "as-integration"])
def test_who_changes_own_rules_that_others_let_hold_no_more_is_told(
    others: str, as_administrator: FlaskClient, tenant: Tenant
) -> None:
    edited(as_administrator, address(tenant), sent("own-rules", "all"))
    mine = opened(as_administrator, address(tenant))
    edited(as_administrator, address(tenant), sent(others))
    untouched = as_administrator.post(address(tenant), data={**mine, **sent("own-rules", "all")})
    assert untouched.status_code == 303
    assert re.search(rf'<input checked[^>]*value="{others}"', as_administrator.get(address(tenant)).text)

    typed = sent("own-rules", "all", include_blocked="y")
    answer = as_administrator.post(address(tenant), data={**mine, **typed})
    assert answer.status_code == 409
    assert "Somebody else changed How it is synced while you were editing" in answer.text
    assert re.search(r'<input checked[^>]*value="own-rules"', answer.text)
    assert stored(tenant.id).include_blocked is False
    assert as_administrator.post(address(tenant), data={**began_with(answer.text), **typed}).status_code == 303
    assert (stored(tenant.id).has_own_user_rules, stored(tenant.id).include_blocked) == (True, True)


def test_own_rules_begin_with_those_of_the_integration(
    as_administrator: FlaskClient, tenant: Tenant, license: License
) -> None:
    integration = stored(tenant.id).integration
    integration.sync_users = UserSync.LICENSED
    db.session.add(CheckedLicense(integration_id=integration.id, sku_id=license.sku_id))
    db.session.commit()
    page = as_administrator.get(address(tenant)).text
    assert re.search(r'<input checked[^>]*value="licensed"', page)
    assert f'value="{license.sku_id}" checked>' in page


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (sent("own-rules", "licensed"), "Check at least one license"),
        (sent("own-rules", "all", "not a guid"), "1 of the checked licenses is not offered here"),
        (sent("own-rules", "everybody"), "Choose which users become contacts."),
        (sent("elsewhere"), "Choose how it is synced."),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_saved(
    data: dict[str, Any], sentence: str, as_administrator: FlaskClient, tenant: Tenant
) -> None:
    data |= opened(as_administrator, address(tenant))
    for path in ("settings", "settings/preview"):
        answer = as_administrator.post(address(tenant, path), data=data)
        assert answer.status_code == 422
        assert sentence in answer.text
    assert (stored(tenant.id).has_own_user_rules, stored(tenant.id).left_out_at) == (False, None)
    assert db.session.scalars(select(AuditEntry)).all() == []


def test_the_forecast_is_that_of_this_tenant(as_administrator: FlaskClient, make: Make, tenant: Tenant) -> None:
    make.directory_user(tenant=tenant)
    make.directory_user(tenant=make.tenant(integration_id=tenant.integration_id, organization=make.organization()))
    preview = address(tenant, "settings/preview")
    data = sent("own-rules", "all", include_unlicensed="y")
    assert "About 1 contact will be created" in as_administrator.post(preview, data=data, headers=HTMX).text
    data = sent("as-integration")
    assert "No contact will be created" in as_administrator.post(preview, data=data, headers=HTMX).text
    data = sent("left-out")
    assert "passes it over" in as_administrator.post(preview, data=data, headers=HTMX).text
    assert stored(tenant.id).left_out_at is None


def test_the_audit_log_tells_of_it(as_administrator: FlaskClient, tenant: Tenant) -> None:
    edited(as_administrator, address(tenant), sent("left-out"))
    entry = db.session.scalars(select(AuditEntry)).one()
    assert entry.event == "Changed the sync settings of the tenant Contoso"
    assert entry.details == {
        "tenant_id": tenant.tenant_id,
        "synced": {"from": "As the integration", "to": "Leave it out of syncs"},
    }


@pytest.mark.parametrize("path", ["settings", "settings/preview"])
def test_only_who_manages_integrations_comes_here(
    path: str, as_reader: FlaskClient, as_administrator: FlaskClient, make: Make, tenant: Tenant
) -> None:
    assert as_reader.post(address(tenant, path), data=sent("left-out")).status_code == 403
    another = make.integration()
    foreign = f"{INDEX}/{another.id}/tenants/{tenant.id}/{path}"
    assert as_administrator.post(foreign, data=sent("left-out")).status_code == 404
    assert stored(tenant.id).left_out_at is None
