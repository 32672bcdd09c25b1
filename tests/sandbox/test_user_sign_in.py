"""Codes and refresh tokens of users who sign in: what Entra ID documents, and its errors by code."""

from __future__ import annotations

import base64
import hashlib
import time
import uuid
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests

from sandbox import Sandbox, Tenant
from tests.sandbox.client import Client
from tests.sandbox.errors import assert_login_error

USERS_SCOPE = "https://graph.microsoft.com/.default openid profile offline_access"
REDIRECT = "http://localhost:8000/account/integrations/sign-in/callback"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


def authorize(client: Client, tenant: Tenant, **changes: str | None) -> requests.Response:
    query = {
        "client_id": tenant.client_id,
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "scope": USERS_SCOPE,
        "state": "state & more",
        "nonce": "a nonce",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    return client.session.get(
        f"{client.url}/{tenant.tenant_id}/oauth2/v2.0/authorize",
        params={name: value for name, value in query.items() if value is not None},
        allow_redirects=False,
        timeout=10,
    )


def came_back_with(answer: requests.Response) -> dict[str, str]:
    assert answer.status_code == 302
    address = answer.headers["Location"]
    assert address.startswith(REDIRECT + "?")
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def code_of(client: Client, tenant: Tenant, **changes: str | None) -> str:
    return came_back_with(authorize(client, tenant, **changes))["code"]


def redeem(client: Client, tenant: Tenant, given: str, /, **changes: str | None) -> requests.Response:
    form = {
        "grant_type": "authorization_code",
        "code": given,
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
        "scope": USERS_SCOPE,
    }
    return client.sign_in(tenant, **{**form, **changes})


def refresh(client: Client, tenant: Tenant, token: str, /, **changes: str | None) -> requests.Response:
    form = {"grant_type": "refresh_token", "refresh_token": token, "scope": USERS_SCOPE}
    return client.sign_in(tenant, **{**form, **changes})


def test_a_user_who_signs_in_comes_back_with_a_code_that_tells_who(client: Client, tenant: Tenant) -> None:
    back = came_back_with(authorize(client, tenant, login_hint="ann@msp.example"))
    assert back["state"] == "state & more"
    answer = redeem(client, tenant, back["code"]).json()
    who = jwt.decode(answer["id_token"], options={"verify_signature": False})
    assert (who["tid"], who["aud"], who["preferred_username"]) == (
        tenant.tenant_id,
        tenant.client_id,
        "ann@msp.example",
    )
    assert who["nonce"] == "a nonce"
    assert client.graph(answer["access_token"], "organization").status_code == 200
    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    assert claims["scp"].split() == list(tenant.permissions)
    assert "roles" not in claims


def test_a_delegated_token_lacks_what_was_not_granted(service: Sandbox, client: Client, tenant: Tenant) -> None:
    tenant = service.patch_tenant(tenant.tenant_id, permissions=("LicenseAssignment.Read.All",))
    token = redeem(client, tenant, code_of(client, tenant)).json()["access_token"]
    assert client.graph(token, "subscribedSkus").status_code == 200
    assert client.graph(token, "organization").status_code == 403


@pytest.mark.parametrize(
    ("changes", "status", "error", "code"),
    [
        ({"code": "made up"}, 400, "invalid_request", 9002313),
        ({"code_verifier": "w" * 64}, 400, "invalid_grant", 501481),
        ({"code_verifier": None}, 400, "invalid_grant", 501481),
        ({"redirect_uri": "https://elsewhere.example/"}, 400, "invalid_grant", 500112),
        ({"client_secret": None}, 401, "invalid_client", 7000218),
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"redirect_uri": None}, 400, "invalid_request", 900144),
    ],
)
def test_a_code_is_not_redeemed_by_who_did_not_ask_for_it(
    client: Client, tenant: Tenant, changes: dict[str, str | None], status: int, error: str, code: int
) -> None:
    answer = redeem(client, tenant, code_of(client, tenant), **changes)
    assert_login_error(answer, status, error, code)


def test_a_code_is_good_for_once(client: Client, tenant: Tenant) -> None:
    code = code_of(client, tenant)
    assert redeem(client, tenant, code).status_code == 200
    assert_login_error(redeem(client, tenant, code), 400, "invalid_grant", 54005)


def test_what_is_wrong_with_the_sign_in_comes_back_where_it_can(
    service: Sandbox, client: Client, tenant: Tenant
) -> None:
    back = came_back_with(authorize(client, tenant, response_type="token"))
    assert (back["error"], back["state"]) == ("unsupported_response_type", "state & more")
    service.patch_tenant(tenant.tenant_id, sign_in_error=65004)
    back = came_back_with(authorize(client, tenant))
    assert back["error"] == "access_denied"
    assert back["error_description"].startswith("AADSTS65004: ")


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": str(uuid.UUID(int=3))},
        {"redirect_uri": "http://elsewhere.example/"},
        {"redirect_uri": "https://not-registered.example/"},
        {"redirect_uri": None},
    ],
)
def test_nobody_is_sent_to_an_address_that_the_app_does_not_have(
    service: Sandbox, client: Client, tenant: Tenant, changes: dict[str, str | None]
) -> None:
    service.patch_tenant(tenant.tenant_id, redirect_uris=(REDIRECT,))
    answer = authorize(client, tenant, **changes)
    assert answer.status_code == 400
    assert "AADSTS" in answer.text
    assert "Location" not in answer.headers


def refresh_token_of(client: Client, tenant: Tenant) -> str:
    return str(redeem(client, tenant, code_of(client, tenant)).json()["refresh_token"])


@pytest.fixture
def customer(service: Sandbox, tenant: Tenant) -> Tenant:
    """A tenant that has consented to the partner's app."""
    number = uuid.uuid4().hex[:8]
    made = replace(tenant, tenant_id=str(uuid.uuid4()), display_name="Customer", domains=(f"c{number}.example",))
    service.put_tenant(made)
    return made


def test_a_refresh_token_of_the_partner_is_redeemed_at_the_customers_tenant_and_renewed(
    client: Client, tenant: Tenant, customer: Tenant
) -> None:
    first = refresh_token_of(client, tenant)
    answer = refresh(client, customer, first).json()
    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    assert (claims["tid"], claims["upn"]) == (customer.tenant_id, f"admin@{tenant.domains[-1]}")
    assert answer["refresh_token"] != first
    assert refresh(client, tenant, answer["refresh_token"]).status_code == 200
    assert refresh(client, customer, first).status_code == 200  # Entra ID does not withdraw the one before


def test_where_refresh_tokens_are_good_for_once_the_second_use_is_refused(
    service: Sandbox, client: Client, tenant: Tenant
) -> None:
    service.patch_tenant(tenant.tenant_id, refresh_tokens_once=True)
    token = refresh_token_of(client, tenant)
    assert refresh(client, tenant, token).status_code == 200
    assert_login_error(refresh(client, tenant, token), 400, "invalid_grant", 70000)


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"refresh_token_lifetime": -1}, 700082), ({"refresh_tokens_valid_from": time.time() + 24 * 3600}, 50173)],
)
def test_a_refresh_token_that_has_ended_is_refused_in_every_tenant(
    service: Sandbox, client: Client, tenant: Tenant, customer: Tenant, changes: dict[str, float], code: int
) -> None:
    token = refresh_token_of(client, tenant)
    service.patch_tenant(tenant.tenant_id, **changes)
    for where in (tenant, customer):
        assert_login_error(refresh(client, where, token), 400, "invalid_grant", code)


@pytest.mark.parametrize("code", [50076, 50078, 700082, 50020])
def test_a_tenant_may_refuse_refresh_tokens_by_itself(
    service: Sandbox, client: Client, tenant: Tenant, customer: Tenant, code: int
) -> None:
    token = refresh_token_of(client, tenant)
    service.patch_tenant(customer.tenant_id, refresh_error=code)
    assert_login_error(refresh(client, customer, token), 400, "invalid_grant", code)
    assert refresh(client, tenant, token).status_code == 200


def test_a_customer_that_did_not_consent_refuses_the_refresh_token(
    service: Sandbox, client: Client, tenant: Tenant, customer: Tenant
) -> None:
    token = refresh_token_of(client, tenant)
    service.patch_tenant(customer.tenant_id, consented=False)
    assert_login_error(refresh(client, customer, token), 400, "invalid_grant", 65001)


def test_a_refresh_token_of_another_app_or_of_nobody_is_refused(
    service: Sandbox, client: Client, tenant: Tenant, customer: Tenant
) -> None:
    token = refresh_token_of(client, tenant)
    other = service.patch_tenant(customer.tenant_id, client_id=str(uuid.uuid4()))
    assert_login_error(refresh(client, other, token), 400, "invalid_grant", 700007)
    assert_login_error(refresh(client, tenant, "made up"), 400, "invalid_grant", 9002313)
