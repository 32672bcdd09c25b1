"""Compare with Microsoft: the page."""

from __future__ import annotations

from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from jobs import queue
from tests.support.factories import Make
from webapp.extensions import db
from webapp.integrations.consent import admin_consent_url
from webapp.models import Cloud, Tenant
from webapp.models.user_rules import UserSync

READ_AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def difference(kind: str, field: str, stored: object, live: object, name: str = "Microsoft 365 E3") -> dict[str, Any]:
    about = {"kind": kind, "sku_id": name, "sku_part_number": "SPE_E3", "name": name}
    return {**about, "field": field, "stored": stored, "live": live}


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the worker answers; a test changes it."""
    found: dict[str, Any] = {"ok": True, "read_at": READ_AT, "differences": [], "same": 3, "warning": None}

    def compare(tenant_row_id: int) -> dict[str, Any]:
        assert not db.session().in_transaction(), "a transaction is open while Microsoft is asked"
        if "error" in found:
            raise found["error"]
        return found

    monkeypatch.setattr(queue, "compare", compare)
    return found


def address(tenant: Tenant) -> str:
    return f"/account/integrations/{tenant.integration_id}/tenants/{tenant.id}/compare"


def test_differences_are_shown_stored_beside_live(
    as_administrator: FlaskClient, make: Make, answer: dict[str, Any]
) -> None:
    answer["differences"] = [
        difference("tenant", "name", "Contoso", "Contoso <AG>", name="Contoso"),
        difference("changed", "active", 25, 1020),
        difference("changed", "status", "Enabled", "Warning"),
        difference("only_live", "consumed", None, 7, name="Visio"),
        difference("only_stored", "consumed", 9, None, name="Project"),
    ]
    text = as_administrator.post(address(make.tenant(organization=make.organization()))).text
    for word in (
        "4 differences",
        "Contoso &lt;AG&gt;",
        "1,020",
        "In grace",
        "Only at Microsoft",
        "Only stored",
        "Visio",
    ):
        assert word in text
    assert "3 licenses are the same" in text
    assert READ_AT.isoformat() in text


def test_no_difference_is_said_too(as_administrator: FlaskClient, make: Make, answer: dict[str, Any]) -> None:
    answer["warning"] = {"reason": "The name could not be read.", "fix": "Grant it."}
    text = as_administrator.post(address(make.tenant())).text
    assert "No difference" in text
    assert "The name could not be read." in text


@pytest.mark.parametrize("differences", [[], [difference("tenant", "name", "Contoso", "Contoso AG")]])
def test_licenses_that_are_not_synced_are_said_not_to_be_compared(
    differences: list[dict[str, Any]], as_administrator: FlaskClient, make: Make, answer: dict[str, Any]
) -> None:
    answer.update(differences=differences, syncs_licenses=False, same=0)
    integration = make.integration(sync_licenses=False, sync_users=UserSync.ALL)
    tenant = make.tenant(integration=integration, organization=make.organization())
    text = as_administrator.post(address(tenant)).text
    assert "Licenses are not synced" in text
    assert f'<a href="/account/integrations/{integration.id}/settings">Sync Settings</a>' in text
    for untrue in ("marked as Gone", "licenses are the same", "Every license", "no sync writes"):
        assert untrue not in text
    assert ("A sync writes what Microsoft says." in text) == bool(differences)


def test_where_nothing_is_chosen_to_sync_it_says_that_no_sync_writes_it(
    as_administrator: FlaskClient, make: Make, answer: dict[str, Any]
) -> None:
    answer.update(differences=[difference("tenant", "name", "A", "B")], syncs_licenses=False, same=0)
    text = as_administrator.post(address(make.tenant(integration=make.integration(sync_licenses=False)))).text
    assert "no sync writes any of this" in text
    assert "A sync writes" not in text


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({}, "This tenant is not matched to an organization, so"),
        ({"ignored_at": READ_AT}, "This tenant is ignored, so"),
        ({"left_out_at": READ_AT}, "This tenant is left out of syncs, so"),
        ({"gone_at": READ_AT}, "does not name this one among its customers any more, so"),
    ],
)
def test_of_a_tenant_that_no_sync_reads_it_says_that_no_sync_writes_it(
    values: dict[str, Any], why: str, as_administrator: FlaskClient, make: Make, answer: dict[str, Any]
) -> None:
    answer["differences"] = [difference("tenant", "name", "A", "B")]
    text = unescape(as_administrator.post(address(make.tenant(**values))).text)
    assert f"{why} no sync writes any of this." in text
    assert "A sync writes" not in text


def test_nor_does_one_write_what_is_of_an_archived_organization(
    as_administrator: FlaskClient, make: Make, answer: dict[str, Any]
) -> None:
    answer["differences"] = [difference("tenant", "name", "A", "B")]
    tenant = make.tenant(organization=make.organization(archived_at=READ_AT))
    text = unescape(as_administrator.post(address(tenant)).text)
    assert "The tenant's organization is archived, so no sync writes any of this." in text


def test_a_worker_of_an_older_version_compared_the_licenses(
    as_administrator: FlaskClient, make: Make, answer: dict[str, Any]
) -> None:
    answer["differences"] = [difference("changed", "active", 25, 20)]
    text = as_administrator.post(address(make.tenant(organization=make.organization()))).text
    assert "marked as Gone" in text
    assert "Licenses are not synced" not in text


def test_a_refusal_is_explained_with_the_consent_link_of_that_tenant(
    as_administrator: FlaskClient, make: Make, answer: dict[str, Any]
) -> None:
    tenant = make.tenant()
    problem = {"reason": "Nobody consented.", "fix": "Consent.", "code": "AADSTS65001", "needs_consent": True}
    answer.update(ok=False, problem=problem)
    text = as_administrator.post(address(tenant)).text
    assert "Nobody consented." in text
    assert str(admin_consent_url(Cloud.GLOBAL, tenant.tenant_id, tenant.integration.client_id)) in text


@pytest.mark.parametrize("error", [queue.QueueUnavailable(), queue.NoWorker(), queue.JobFailed()])
def test_without_an_answer_it_says_what_to_do(
    error: Exception, as_administrator: FlaskClient, make: Make, answer: dict[str, Any]
) -> None:
    answer["error"] = error
    page = as_administrator.post(address(make.tenant()))
    assert page.status_code == 503
    assert 'role="alert"' in page.text


def test_the_address_alone_compares_nothing_and_offers_to(
    as_administrator: FlaskClient, make: Make, answer: dict[str, Any]
) -> None:
    answer["error"] = AssertionError("nothing is asked")
    assert "Compare now" in as_administrator.get(address(make.tenant())).text


def test_only_who_manages_integrations_compares_and_only_within_the_integration(
    as_reader: FlaskClient, as_administrator: FlaskClient, make: Make, answer: dict[str, Any]
) -> None:
    answer["error"] = AssertionError("nothing is asked")
    tenant, other = make.tenant(), make.integration()
    for method in ("GET", "POST"):
        assert as_reader.open(address(tenant), method=method).status_code == 403
        foreign = f"/account/integrations/{other.id}/tenants/{tenant.id}/compare"
        assert as_administrator.open(foreign, method=method).status_code == 404


def test_a_matched_tenant_has_the_button_on_the_matching_page(as_administrator: FlaskClient, make: Make) -> None:
    tenant = make.tenant(organization=make.organization())
    unmatched = make.tenant(integration=tenant.integration)
    text = as_administrator.get(f"/account/integrations/{tenant.integration_id}/tenants").text
    assert f'action="{address(tenant)}"' in text
    assert address(unmatched) not in text


@pytest.mark.parametrize(
    ("cloud", "host"),
    [
        (Cloud.GLOBAL, "login.microsoftonline.com"),
        (Cloud.USGOV, "login.microsoftonline.us"),
        (Cloud.DOD, "login.microsoftonline.us"),
        (Cloud.CHINA, "login.partner.microsoftonline.cn"),
    ],
)
def test_the_consent_link_is_the_clouds_own(cloud: Cloud, host: str) -> None:
    assert (
        admin_consent_url(cloud, "contoso.com", "app 1") == f"https://{host}/contoso.com/adminconsent?client_id=app+1"
    )
