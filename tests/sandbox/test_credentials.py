"""Certificates, codes and refresh tokens: what Entra ID documents, and its errors by code."""

from __future__ import annotations

import base64
import hashlib
import time
import uuid
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import msal
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from sandbox import Sandbox, Tenant
from tests.sandbox.client import Client
from tests.sandbox.test_login import assert_login_error
from tests.support.pem import key_pem, pem_pair, rsa_key

SCOPE = "https://graph.microsoft.com/.default"
USERS_SCOPE = f"{SCOPE} openid profile offline_access"
REDIRECT = "http://localhost:8000/account/integrations/sign-in/callback"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Answered = requests.Response


def thumbprint(pem: str, algorithm: hashes.HashAlgorithm) -> str:
    digest = x509.load_pem_x509_certificate(pem.encode()).fingerprint(algorithm)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def assertion(client: Client, tenant: Tenant, pem: str, headers: dict[str, str] | None = None, **changes: Any) -> str:
    address = f"{client.url}/{tenant.tenant_id}/oauth2/v2.0/token"
    claims = {
        "aud": address,
        "iss": tenant.client_id,
        "sub": tenant.client_id,
        "jti": str(uuid.uuid4()),
        "exp": time.time() + 300,
    }
    named = headers or {"x5t#S256": thumbprint(pem, hashes.SHA256())}
    kept = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return jwt.encode(kept, key_pem(rsa_key(changes.pop("key", 1))), algorithm="PS256", headers=named)


@pytest.fixture
def certified(service: Sandbox, tenant: Tenant) -> Tenant:
    """The tenant, whose app has a certificate."""
    return service.patch_tenant(tenant.tenant_id, certificates=(pem_pair()[1],))


def with_assertion(client: Client, tenant: Tenant, given: str, **changes: str | None) -> Answered:
    form = {"client_secret": None, "client_assertion": given, "client_assertion_type": JWT_BEARER, **changes}
    return client.sign_in(tenant, **form)


def test_msal_signs_in_with_a_certificate(client: Client, certified: Tenant) -> None:
    key_and_certificate, public = pem_pair()
    for credential in (
        {"private_key": key_and_certificate, "public_certificate": key_and_certificate},
        {"private_key": key_pem(rsa_key()), "thumbprint": sha1(public)},
    ):
        app = msal.ConfidentialClientApplication(
            certified.client_id,
            client_credential=credential,
            authority=f"{client.url}/{certified.tenant_id}",
            instance_discovery=False,
            http_client=client.session,
        )
        answer = app.acquire_token_for_client([SCOPE])
        assert answer.get("token_type") == "Bearer", answer


def sha1(pem: str) -> str:
    return x509.load_pem_x509_certificate(pem.encode()).fingerprint(hashes.SHA1()).hex()


def test_an_assertion_with_either_thumbprint_signs_in(client: Client, certified: Tenant) -> None:
    public = pem_pair()[1]
    for headers in ({"x5t#S256": thumbprint(public, hashes.SHA256())}, {"x5t": thumbprint(public, hashes.SHA1())}):
        assert with_assertion(client, certified, assertion(client, certified, public, headers)).status_code == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"exp": time.time() - 3600}, 700024),
        ({"aud": "https://login.microsoftonline.com/another/oauth2/v2.0/token"}, 700023),
        ({"sub": str(uuid.UUID(int=5))}, 700021),
        ({"jti": None}, 50027),
        ({"exp": None}, 50027),
    ],
)
def test_an_assertion_that_is_wrong_is_refused(
    client: Client, certified: Tenant, changes: dict[str, Any], code: int
) -> None:
    given = assertion(client, certified, pem_pair()[1], **changes)
    assert_login_error(with_assertion(client, certified, given), 401, "invalid_client", code)


def test_an_assertion_by_another_key_is_refused(client: Client, certified: Tenant) -> None:
    unknown = assertion(client, certified, pem_pair(2)[1])
    assert_login_error(with_assertion(client, certified, unknown), 401, "invalid_client", 700027)
    named_wrongly = jwt.encode(
        jwt.decode(unknown, options={"verify_signature": False}),
        key_pem(rsa_key(2)),
        algorithm="PS256",
        headers={"x5t#S256": thumbprint(pem_pair()[1], hashes.SHA256())},
    )
    assert_login_error(with_assertion(client, certified, named_wrongly), 401, "invalid_client", 700027)


def test_no_assertion_or_one_of_no_kind_is_refused(client: Client, certified: Tenant) -> None:
    good = assertion(client, certified, pem_pair()[1])
    assert_login_error(with_assertion(client, certified, "x.y.z"), 401, "invalid_client", 50027)
    answer = with_assertion(client, certified, good, client_assertion_type=None)
    assert_login_error(answer, 401, "invalid_client", 50027)
    unsigned = jwt.encode({"aud": "x"}, "", algorithm="none", headers={"x5t": "x"})
    assert_login_error(with_assertion(client, certified, unsigned), 401, "invalid_client", 700027)


def test_a_certificate_that_the_app_does_not_have_any_more_is_refused(
    service: Sandbox, client: Client, certified: Tenant
) -> None:
    service.patch_tenant(certified.tenant_id, certificates=())
    given = assertion(client, certified, pem_pair()[1])
    assert_login_error(with_assertion(client, certified, given), 401, "invalid_client", 700027)


def authorize(client: Client, tenant: Tenant, **changes: str | None) -> Answered:
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


def came_back_with(answer: Answered) -> dict[str, str]:
    assert answer.status_code == 302
    address = answer.headers["Location"]
    assert address.startswith(REDIRECT + "?")
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def code_of(client: Client, tenant: Tenant, **changes: str | None) -> str:
    return came_back_with(authorize(client, tenant, **changes))["code"]


def redeem(client: Client, tenant: Tenant, given: str, /, **changes: str | None) -> Answered:
    form = {
        "grant_type": "authorization_code",
        "code": given,
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
        "scope": USERS_SCOPE,
    }
    return client.sign_in(tenant, **{**form, **changes})


def refresh(client: Client, tenant: Tenant, token: str, /, **changes: str | None) -> Answered:
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
    [({"refresh_token_lifetime": -1}, 700082), ({"refresh_tokens_valid_from": time.time() + 3600}, 50173)],
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
