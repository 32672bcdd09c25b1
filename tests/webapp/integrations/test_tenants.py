"""Match Tenants."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from jobs.queue import NoWorker
from tests.support.factories import Make
from tests.webapp.integrations.conftest import Microsoft, refusal
from webapp.extensions import db
from webapp.models import Integration, Organization, Tenant, TenantState, utc_now


def address(tenant: Tenant | Integration, action: str = "") -> str:
    if isinstance(tenant, Integration):
        return f"/account/integrations/{tenant.id}/tenants{action}"
    return f"/account/integrations/{tenant.integration_id}/tenants/{tenant.id}{action}"


def send(client: FlaskClient, where: str, **form: str) -> TestResponse:
    answer = client.post(where, data=form)
    assert answer.status_code == 303
    return client.get(answer.location)


def stored(tenant_id: int) -> Tenant:
    return db.session.get_one(Tenant, tenant_id)


def test_tenants_are_listed_with_those_to_be_matched_first(as_administrator: FlaskClient, make: Make) -> None:
    integration = make.integration()
    make.tenant(integration=integration, name="Ignored", ignored_at=utc_now())
    make.tenant(integration=integration, name="Matched", organization=make.organization(name="Customer <1>"))
    unmatched = make.tenant(integration=integration, name="Unmatched <b>", default_domain="un.example")
    make.tenant(name="Somebody else's")
    page = as_administrator.get(address(integration)).text
    positions = [page.index(text) for text in ("Unmatched &lt;b&gt;", ">Matched</div>", ">Ignored</div>")]
    assert positions == sorted(positions)
    for text in (unmatched.tenant_id, "un.example", "Customer &lt;1&gt;", "1 to 3 of 3 tenants"):
        assert text in page
    assert "Somebody else's" not in page


def test_the_organization_of_the_same_name_is_suggested(as_administrator: FlaskClient, make: Make) -> None:
    organization = make.organization(name="Müller  GmbH")
    tenant = make.tenant(name="MÜLLER GmbH")
    page = as_administrator.get(address(tenant.integration)).text
    assert f'<option value="{organization.id}" selected>' in page
    assert "Suggested: same name" in page
    assert address(tenant, "/create-organization") not in page


def test_without_a_namesake_creating_an_organization_is_offered(as_administrator: FlaskClient, make: Make) -> None:
    make.organization(name="Contoso Holding")
    tenant = make.tenant(name="Contoso")
    page = as_administrator.get(address(tenant.integration)).text
    assert "selected" not in page
    assert address(tenant, "/create-organization") in page


def test_a_tenant_is_matched_to_the_organization_chosen(as_administrator: FlaskClient, make: Make) -> None:
    organization, tenant = make.organization(name="Contoso Ltd"), make.tenant(name="Contoso")
    page = send(as_administrator, address(tenant, "/match"), organization=str(organization.id))
    assert "Contoso is matched to Contoso Ltd." in page.text
    assert stored(tenant.id).organization_id == organization.id


def test_an_organization_can_be_named_where_scripts_are_off(as_administrator: FlaskClient, make: Make) -> None:
    organization, tenant = make.organization(name="Contoso Ltd"), make.tenant()
    send(as_administrator, address(tenant, "/match"), organization="", organization_name=" contoso LTD ")
    assert stored(tenant.id).organization_id == organization.id


@pytest.mark.parametrize("chosen", ["", "404", "99999999999999999999", "abc", "-1"])
def test_choosing_no_organization_is_pointed_out(chosen: str, as_administrator: FlaskClient, make: Make) -> None:
    tenant = make.tenant(name="Contoso")
    page = send(as_administrator, address(tenant, "/match"), organization=chosen, organization_name="\x00")
    assert "Choose an organization for Contoso first." in page.text
    assert stored(tenant.id).state == TenantState.UNMATCHED


def test_an_organization_is_created_named_after_the_tenant(as_administrator: FlaskClient, make: Make) -> None:
    tenant = make.tenant(name="Con\ttoso")
    page = send(as_administrator, address(tenant, "/create-organization"))
    assert "was created" in page.text
    organization = stored(tenant.id).organization
    assert organization is not None
    assert organization.name == "Con toso"


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
    assert "is matched already" in send(as_administrator, address(tenant, "/create-organization")).text
    assert stored(tenant.id).organization_id == organization.id


def test_a_tenant_is_ignored_and_taken_back(as_administrator: FlaskClient, make: Make) -> None:
    tenant = make.tenant(name="Contoso {0}")
    assert "Contoso {0} is ignored." in send(as_administrator, address(tenant, "/ignore")).text
    assert stored(tenant.id).state == TenantState.IGNORED
    send(as_administrator, address(tenant, "/unmatch"))
    assert stored(tenant.id).state == TenantState.UNMATCHED


def test_unmatching_says_that_licenses_leave_the_lists_and_are_kept(as_administrator: FlaskClient, make: Make) -> None:
    tenant = make.tenant(organization=make.organization())
    page = as_administrator.get(address(tenant.integration)).text
    assert "leave the lists at once" in page
    assert "They are kept" in page
    send(as_administrator, address(tenant, "/unmatch"))
    assert stored(tenant.id).state == TenantState.UNMATCHED


@pytest.mark.parametrize("action", ["match", "create-organization", "ignore", "unmatch"])
def test_another_integrations_tenant_is_not_found(action: str, as_administrator: FlaskClient, make: Make) -> None:
    tenant, other = make.tenant(), make.integration()
    where = f"/account/integrations/{other.id}/tenants/{tenant.id}/{action}"
    assert as_administrator.post(where).status_code == 404


def test_finding_tenants_asks_microsoft(as_administrator: FlaskClient, make: Make, microsoft: Microsoft) -> None:
    tenant = make.tenant()
    microsoft.answer = {"ok": True, "tenants": [tenant.id], "warning": refusal(reason="No name was read.")["problem"]}
    page = send(as_administrator, address(tenant.integration, "/find"))
    assert "Microsoft names 1 tenant that" in page.text
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


def test_one_stays_on_the_page_where_one_was(as_administrator: FlaskClient, make: Make) -> None:
    integration = make.integration()
    tenants = [make.tenant(integration=integration, name=f"Tenant {number:03}") for number in range(52)]
    last = tenants[-1]
    assert last.name in as_administrator.get(address(integration), query_string={"page": "2"}).text
    assert last.name not in as_administrator.get(address(integration)).text
    answer = as_administrator.post(address(last, "/ignore"), data={"page": "2"})
    assert answer.location == f"{address(integration)}?page=2"


def test_the_page_takes_as_many_queries_for_thirty_tenants_as_for_one(
    as_administrator: FlaskClient, make: Make, count_queries: list[str]
) -> None:
    integration = make.integration()

    def fill(number: int) -> None:
        make.organization(name=f"Customer {number}")
        make.tenant(integration=integration, name=f"Customer {number}")
        make.tenant(integration=integration, organization=make.organization())

    def count() -> int:
        count_queries.clear()
        assert as_administrator.get(address(integration)).status_code == 200
        return len(count_queries)

    fill(0)
    for_one = count()
    for number in range(1, 30):
        fill(number)
    assert count() == for_one
