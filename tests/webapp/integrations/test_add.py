"""Adding an integration: the connection is tried, then saved or refused."""

from __future__ import annotations

import logging

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from jobs.queue import JobFailed, NoWorker, QueueUnavailable
from tests.support.factories import Make
from tests.webapp.integrations.conftest import ACCEPTED, CLIENT_ID, SECRET, TENANT_ID, Microsoft, refusal, stored
from webapp.extensions import db
from webapp.models import (
    OFFICE_365_LICENSES,
    Cloud,
    FlexibleAssetType,
    Integration,
    Organization,
    Removal,
    Tenant,
    utc_now,
)

ADD = "/account/integrations/add"
FORM = {
    "name": "Contoso",
    "tenant": "contoso.onmicrosoft.com",
    "client_id": CLIENT_ID,
    "client_secret": SECRET,
    "cloud": "global",
    "placement": "create",
}


def send(client: FlaskClient, **changes: str) -> TestResponse:
    answer = client.post(ADD, data={**FORM, **changes})
    assert SECRET not in answer.text
    return answer


def test_the_page_tells_how_to_register_the_app_and_what_it_may_read(as_administrator: FlaskClient) -> None:
    page = as_administrator.get(ADD).text
    for text in (
        "App registrations",
        "Single tenant",
        "Client ID",
        "not its Secret ID",
        "LicenseAssignment.Read.All",
        "Organization.Read.All",
        "User.Read.All",
        "Grant admin consent",
        "US government (GCC High)",
        "Test and connect",
    ):
        assert text in page


def test_what_microsoft_accepts_is_saved_with_its_tenant(as_administrator: FlaskClient, microsoft: Microsoft) -> None:
    answer = send(as_administrator, tenant=" Contoso.onmicrosoft.com ", cloud="usgov")
    [integration] = db.session.scalars(select(Integration))
    assert answer.status_code == 303
    assert answer.location == f"/account/integrations/{integration.id}/settings"
    assert (integration.name, integration.cloud) == ("Contoso", Cloud.USGOV)
    assert (integration.home_tenant_id, integration.client_id) == (TENANT_ID, CLIENT_ID)
    assert integration.client_secret == SECRET
    assert SECRET not in integration.client_secret_encrypted
    [tenant] = integration.tenants
    assert (tenant.tenant_id, tenant.name) == (TENANT_ID, "Contoso")
    assert tenant.default_domain == "contoso.onmicrosoft.com"
    assert db.session.scalars(select(FlexibleAssetType.slug)).all() == [OFFICE_365_LICENSES]
    assert microsoft.asked == [
        {"cloud": "usgov", "tenant": "contoso.onmicrosoft.com", "client_id": CLIENT_ID, "client_secret": SECRET}
    ]
    assert "Connected to Contoso (contoso.onmicrosoft.com)" in as_administrator.get(answer.location).text


def test_the_secret_appears_in_no_page_token_or_log(
    as_administrator: FlaskClient, microsoft: Microsoft, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    microsoft.answer = refusal("client_secret")
    send(as_administrator)
    microsoft.answer = dict(ACCEPTED)
    send(as_administrator)
    [integration] = db.session.scalars(select(Integration))
    for path in ("", f"/{integration.id}/connection", f"/{integration.id}/settings", f"/{integration.id}/tenants"):
        assert SECRET not in as_administrator.get(f"/account/integrations{path}").text
    assert SECRET not in caplog.text
    assert not any(SECRET in token for token in microsoft.tokens)


def test_an_organization_named_after_the_tenant_is_created_and_matched(
    as_administrator: FlaskClient, microsoft: Microsoft
) -> None:
    send(as_administrator)
    [tenant] = db.session.scalars(select(Tenant))
    assert tenant.organization is not None
    assert tenant.organization.name == "Contoso"


def test_an_organization_of_that_name_is_not_doubled_but_suggested(
    as_administrator: FlaskClient, microsoft: Microsoft, make: Make
) -> None:
    organization = make.organization(name="CONTOSO")
    answer = send(as_administrator)
    [tenant] = db.session.scalars(select(Tenant))
    assert answer.location == f"/account/integrations/{tenant.integration_id}/tenants"
    assert not tenant.is_matched
    assert stored(Organization) == 1
    page = as_administrator.get(answer.location).text
    assert "exists already" in page
    assert "same name" in page
    assert f'name="organization" value="{organization.id}"' in page


def test_an_archived_organization_of_that_name_is_to_be_brought_back_first(
    as_administrator: FlaskClient, microsoft: Microsoft, make: Make
) -> None:
    make.organization(name="Contoso", archived_at=utc_now())
    page = as_administrator.get(str(send(as_administrator).location)).text
    assert "An archived organization is named Contoso, so none was created. Bring it back" in page
    assert "exists already" not in page
    assert stored(Organization) == 1


def test_an_organization_that_exists_can_be_chosen(
    as_administrator: FlaskClient, microsoft: Microsoft, make: Make
) -> None:
    organization = make.organization()
    answer = send(as_administrator, placement="existing", organization=str(organization.id))
    [tenant] = db.session.scalars(select(Tenant))
    assert tenant.organization_id == organization.id
    assert answer.location.endswith("/settings")


@pytest.mark.parametrize("organization", ["", "404", "99999999999999999999", "Contoso"])
def test_choosing_no_organization_is_pointed_out_before_microsoft_is_asked(
    organization: str, as_administrator: FlaskClient, microsoft: Microsoft
) -> None:
    answer = send(as_administrator, placement="existing", organization=organization)
    assert answer.status_code == 422
    assert "Choose one of the organizations" in answer.text
    assert microsoft.asked == []


def test_an_organization_deleted_meanwhile_leaves_the_tenant_to_be_matched(
    as_administrator: FlaskClient, microsoft: Microsoft, make: Make
) -> None:
    organization = make.organization()
    organization_id = organization.id

    def delete() -> None:
        db.session.delete(db.session.get_one(Organization, organization_id))
        db.session.commit()

    microsoft.meanwhile = delete
    answer = send(as_administrator, placement="existing", organization=str(organization_id))
    assert answer.location.endswith("/tenants")
    assert stored(Integration) == 1


def test_matching_can_be_left_for_later(as_administrator: FlaskClient, microsoft: Microsoft) -> None:
    answer = send(as_administrator, placement="later")
    [tenant] = db.session.scalars(select(Tenant))
    assert not tenant.is_matched
    assert stored(Organization) == 0
    assert answer.location.endswith("/settings")


def test_a_name_that_microsoft_does_not_tell_is_the_domain_typed_and_the_warning_is_shown(
    as_administrator: FlaskClient, microsoft: Microsoft
) -> None:
    warning = {"reason": "No name.", "fix": "Add Organization.Read.All.", "code": "Denied", "request_id": "r"}
    microsoft.answer = {**ACCEPTED, "name": TENANT_ID, "default_domain": "", "warning": warning}
    answer = send(as_administrator)
    [tenant] = db.session.scalars(select(Tenant))
    assert tenant.name == "contoso.onmicrosoft.com"
    assert "No name. Add Organization.Read.All. (code Denied)" in as_administrator.get(answer.location).text


def test_what_microsoft_refuses_is_explained_and_nothing_typed_is_lost_but_the_secret(
    as_administrator: FlaskClient, microsoft: Microsoft
) -> None:
    microsoft.answer = refusal(
        "client_id", reason="The app <b>is not</b> there.", fix="Register it.", code="AADSTS700016"
    )
    answer = send(as_administrator, name="Kontoso", placement="later")
    assert answer.status_code == 422
    for text in ("The app &lt;b&gt;is not&lt;/b&gt; there.", "Register it.", "AADSTS700016", "request-1"):
        assert text in answer.text
    assert 'id="client_id-error"' in answer.text
    for kept in ("Kontoso", "contoso.onmicrosoft.com", CLIENT_ID):
        assert f'value="{kept}"' in answer.text
    assert 'checked class="form-check-input" id="placement-2"' in answer.text
    assert stored(Integration) == stored(Tenant) == stored(Organization) == 0


def test_a_secret_that_is_a_guid_is_tried_and_hinted_at_when_refused(
    as_administrator: FlaskClient, microsoft: Microsoft
) -> None:
    microsoft.answer = refusal("client_secret")
    assert "looks like the Secret ID" in send(as_administrator, client_secret=TENANT_ID).text
    assert "looks like the Secret ID" not in send(as_administrator).text
    microsoft.answer = dict(ACCEPTED)
    assert send(as_administrator, client_secret=TENANT_ID).status_code == 303


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (QueueUnavailable(), "job queue cannot be reached"),
        (NoWorker(), "No worker is running"),
        (JobFailed(), "worker"),
    ],
)
def test_a_test_that_could_not_be_made_says_why_and_keeps_what_was_typed(
    error: Exception, text: str, as_administrator: FlaskClient, microsoft: Microsoft
) -> None:
    microsoft.error = error
    answer = send(as_administrator)
    assert answer.status_code == 503
    assert text in answer.text
    assert 'value="contoso.onmicrosoft.com"' in answer.text
    assert stored(Integration) == 0


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("name", " \t"),
        ("tenant", "https://contoso.onmicrosoft.com"),
        ("client_id", "Seatledger"),
        ("client_secret", ""),
        ("cloud", "mars"),
        ("placement", "nowhere"),
    ],
)
def test_what_cannot_be_right_is_refused_before_microsoft_is_asked(
    field: str, typed: str, as_administrator: FlaskClient, microsoft: Microsoft
) -> None:
    answer = send(as_administrator, **{field: typed})
    assert answer.status_code == 422
    assert "invalid-feedback" in answer.text
    assert microsoft.asked == []


def test_a_name_in_use_is_refused_before_microsoft_is_asked(
    as_administrator: FlaskClient, microsoft: Microsoft, make: Make
) -> None:
    make.integration(name="CONTOSO")
    answer = send(as_administrator)
    assert answer.status_code == 422
    assert "An integration named Contoso exists already." in answer.text
    assert microsoft.asked == []


@pytest.mark.parametrize("tenant", [TENANT_ID, TENANT_ID.upper(), "contoso.onmicrosoft.com"])
def test_a_tenant_that_another_integration_reaches_is_refused_and_the_other_is_named(
    tenant: str, as_administrator: FlaskClient, microsoft: Microsoft, make: Make
) -> None:
    make.tenant(tenant_id=TENANT_ID, integration=make.integration(name="Fabrikam"))
    answer = send(as_administrator, tenant=tenant)
    assert answer.status_code == 422
    assert "connected already, by the integration Fabrikam." in answer.text
    # Of a partner's customer, only its tenants help.
    assert "Use Fabrikam: its menu has the tenants under Match Tenants" in answer.text
    assert stored(Integration) == 1


def test_a_name_or_tenant_taken_while_microsoft_was_asked_is_refused(
    as_administrator: FlaskClient, microsoft: Microsoft, make: Make
) -> None:
    microsoft.meanwhile = lambda: make.integration(name="contoso")
    assert "An integration named Contoso exists already." in send(as_administrator).text
    microsoft.meanwhile = lambda: make.tenant(tenant_id=TENANT_ID)
    assert "connected already" in send(as_administrator, name="Another").text
    assert stored(Organization) == 0


def test_the_list_of_organizations_is_searched_on_the_server(as_administrator: FlaskClient, make: Make) -> None:
    for number in range(60):
        make.organization(name=f"Customer {number:02}")
    contoso = make.organization(name="Straße 100% <b>")
    address = "/account/integrations/organizations"
    assert len(as_administrator.get(address).json or []) == 50
    expected = [{"value": str(contoso.id), "text": "Straße 100% <b>"}]
    assert as_administrator.get(address, query_string={"q": "STRASSE 100%"}).json == expected
    assert as_administrator.get(address, query_string={"q": "%_\x00"}).json == []
    assert f'data-choices-url="{address}"' in as_administrator.get(ADD).text


def test_a_tenant_that_a_removed_integration_left_is_adopted_and_stays_matched(
    as_administrator: FlaskClient, make: Make, microsoft: Microsoft
) -> None:
    former = make.integration(name="Contoso", removal=Removal.KEEP, disconnected_at=utc_now())
    organization, other = make.organization(name="Contoso Ltd"), make.organization(name="Other")
    tenant = make.tenant(integration=former, tenant_id=TENANT_ID, name="As it was", organization=organization)
    license = make.license(tenant=tenant)
    answer = send(as_administrator, placement="existing", organization=str(other.id))
    page = as_administrator.get(answer.headers["Location"]).text
    assert "matched to Contoso Ltd" in page
    assert "Its data is kept from when it was connected before." in page
    assert (stored(Tenant), stored(Integration), stored(Organization)) == (1, 1, 2)
    assert (tenant.integration.name, tenant.organization, tenant.name) == ("Contoso", organization, "Contoso")
    assert license.tenant.integration.is_live
    assert tenant.integration.client_secret == SECRET
