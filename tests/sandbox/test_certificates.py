"""Signing in with a certificate: what Entra ID documents, and its errors by code."""

from __future__ import annotations

import base64
import time
import uuid
from typing import Any

import jwt
import msal
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from sandbox import Sandbox, Tenant
from tests.sandbox.client import Client
from tests.sandbox.errors import assert_login_error
from tests.support.pem import key_pem, pem_pair, rsa_key

SCOPE = "https://graph.microsoft.com/.default"
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
