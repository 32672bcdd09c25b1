"""Discovery and tokens: what Entra ID documents, and its errors by code."""

from __future__ import annotations

import time
import uuid

import jwt
import msal
import pytest

from sandbox import Sandbox, Tenant, documented_tenant
from tests.sandbox.client import Client
from tests.sandbox.errors import assert_login_error

DEFAULT_SCOPE = "https://graph.microsoft.com/.default"


@pytest.mark.parametrize("spelling", ["id", "ID", "initial domain", "own domain", "OWN DOMAIN"])
def test_metadata_names_the_tenant_by_guid_whatever_it_was_asked_for_by(
    client: Client, tenant: Tenant, spelling: str
) -> None:
    name = {
        "id": tenant.tenant_id,
        "ID": tenant.tenant_id.upper(),
        "initial domain": tenant.domains[0],
        "own domain": tenant.domains[1].lower(),
        "OWN DOMAIN": tenant.domains[1].upper(),
    }[spelling]

    answer = client.openid(name)

    body = answer.json()
    assert answer.status_code == 200
    assert body["token_endpoint"] == f"{client.url}/{tenant.tenant_id}/oauth2/v2.0/token"
    assert body["authorization_endpoint"] == f"{client.url}/{tenant.tenant_id}/oauth2/v2.0/authorize"
    assert body["issuer"] == f"{client.url}/{tenant.tenant_id}/v2.0"
    assert {"jwks_uri", "tenant_region_scope", "cloud_instance_name", "msgraph_host"} <= body.keys()


def test_metadata_is_on_the_host_that_was_asked_for(client: Client, tenant: Tenant) -> None:
    by_name = client.url.replace("127.0.0.1", "localhost")
    answer = client.session.get(f"{by_name}/{tenant.tenant_id}/v2.0/.well-known/openid-configuration", timeout=10)
    assert answer.json()["token_endpoint"].startswith(by_name)


@pytest.mark.parametrize("name", ["00000000-1111-2222-3333-444444444444", "nobody.onmicrosoft.com"])
def test_an_unknown_tenant_is_not_found(client: Client, name: str) -> None:
    body = assert_login_error(client.openid(name), 400, "invalid_tenant", 90002)
    assert f"Tenant '{name}' not found." in str(body["error_description"])


def test_a_name_that_no_tenant_could_have_is_not_valid(client: Client) -> None:
    assert_login_error(client.openid("garbage"), 400, "invalid_request", 900023)


def test_instance_discovery_leads_to_the_metadata(client: Client, tenant: Tenant) -> None:
    answer = client.session.get(
        f"{client.url}/common/discovery/instance",
        params={
            "authorization_endpoint": f"{client.url}/{tenant.tenant_id}/oauth2/v2.0/authorize",
            "api-version": "1.1",
        },
        timeout=10,
    )
    found = client.session.get(answer.json()["tenant_discovery_endpoint"], timeout=10)
    assert found.json()["issuer"].endswith(f"/{tenant.tenant_id}/v2.0")


@pytest.mark.parametrize("mode", ["no instance discovery", "own instance discovery", "no validation"])
@pytest.mark.parametrize("name", ["id", "domain"])
def test_msal_signs_in(client: Client, tenant: Tenant, mode: str, name: str) -> None:
    discoveries: dict[str, dict[str, object]] = {
        "no instance discovery": {"instance_discovery": False},
        "own instance discovery": {"instance_discovery": f"{client.url}/common/discovery/instance"},
        "no validation": {"validate_authority": False},
    }
    app = msal.ConfidentialClientApplication(
        tenant.client_id,
        client_credential=tenant.secret,
        authority=f"{client.url}/{tenant.tenant_id if name == 'id' else tenant.domains[1]}",
        http_client=client.session,
        **discoveries[mode],
    )

    signed_in = app.acquire_token_for_client([DEFAULT_SCOPE])

    assert signed_in["token_type"] == "Bearer"
    assert client.graph(signed_in["access_token"], "organization").status_code == 200


def test_msal_sees_the_error_code(client: Client, tenant: Tenant) -> None:
    app = msal.ConfidentialClientApplication(
        tenant.client_id,
        client_credential="wrong",
        authority=f"{client.url}/{tenant.tenant_id}",
        instance_discovery=False,
        http_client=client.session,
    )
    assert app.acquire_token_for_client([DEFAULT_SCOPE])["error_codes"] == [7000215]


def test_a_token_carries_the_tenant_the_app_and_its_permissions_and_is_signed_by_the_published_key(
    client: Client, tenant: Tenant
) -> None:
    answer = client.sign_in(tenant).json()
    published = client.session.get(client.openid(tenant.tenant_id).json()["jwks_uri"], timeout=10).json()

    key = jwt.PyJWKSet.from_dict(published).keys[0]
    claims = jwt.decode(answer["access_token"], key, algorithms=["RS256"], audience="https://graph.microsoft.com")

    assert {key: answer[key] for key in ("token_type", "expires_in", "ext_expires_in")} == {
        "token_type": "Bearer",
        "expires_in": 3599,
        "ext_expires_in": 3599,
    }
    assert claims["tid"] == tenant.tenant_id
    assert claims["appid"] == tenant.client_id
    assert claims["roles"] == list(tenant.permissions)
    assert claims["exp"] - time.time() == pytest.approx(3599, abs=30)


def test_credentials_may_come_as_basic_authorization(client: Client, tenant: Tenant) -> None:
    answer = client.session.post(
        f"{client.url}/{tenant.tenant_id}/oauth2/v2.0/token",
        {"grant_type": "client_credentials", "scope": DEFAULT_SCOPE},
        auth=(tenant.client_id, tenant.secret),
        timeout=10,
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("changes", "status", "error", "code"),
    [
        ({"client_id": "11111111-2222-3333-4444-555555555555"}, 400, "unauthorized_client", 700016),
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_secret": None}, 401, "invalid_client", 7000216),
        ({"scope": "https://graph.microsoft.com/User.Read.All"}, 400, "invalid_scope", 70011),
        ({"scope": "https://vault.azure.net/.default"}, 400, "invalid_resource", 500011),
        ({"scope": None}, 400, "invalid_request", 900144),
        ({"grant_type": None}, 400, "invalid_request", 900144),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
    ],
)
def test_a_request_with_something_wrong_gets_the_documented_error(
    client: Client, tenant: Tenant, changes: dict[str, str | None], status: int, error: str, code: int
) -> None:
    assert_login_error(client.sign_in(tenant, **changes), status, error, code)


@pytest.mark.parametrize(
    ("changes", "status", "error", "code"),
    [({"secret_expired": True}, 401, "invalid_client", 7000222), ({"consented": False}, 400, "invalid_grant", 65001)],
)
def test_an_app_in_a_bad_state_gets_the_documented_error(
    service: Sandbox, client: Client, tenant: Tenant, changes: dict[str, bool], status: int, error: str, code: int
) -> None:
    service.patch_tenant(tenant.tenant_id, **changes)
    assert_login_error(client.sign_in(tenant), status, error, code)


def test_a_secret_of_another_tenant_is_of_no_use(client: Client, tenant: Tenant) -> None:
    other = documented_tenant()
    answer = client.sign_in(tenant, client_id=other.client_id, client_secret=other.secret)
    assert_login_error(answer, 400, "unauthorized_client", 700016)


def test_the_token_endpoint_takes_posts_only(client: Client, tenant: Tenant) -> None:
    answer = client.session.get(f"{client.url}/{tenant.tenant_id}/oauth2/v2.0/token", timeout=10)
    assert_login_error(answer, 400, "invalid_request", 900561)


def test_the_callers_correlation_id_comes_back(client: Client) -> None:
    mine = str(uuid.uuid4())
    answer = client.session.get(
        f"{client.url}/nobody.example/v2.0/.well-known/openid-configuration",
        headers={"client-request-id": mine},
        timeout=10,
    )
    assert answer.json()["correlation_id"] == mine
