"""Whether an app is the one that it says it is: by its secret, or by an assertion signed with its certificate.

https://learn.microsoft.com/entra/identity-platform/certificate-credentials
"""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Mapping
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from sandbox import login_errors
from sandbox.login_errors import LoginError
from sandbox.tenants import Tenant

_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# The ways of signing that are taken, the newer one first.
_ALGORITHMS = ("PS256", "RS256")
# How far the clocks may be apart.
_SKEW_SECONDS = 300


class RefusedError(Exception):
    """The request gets this error of Entra ID instead of a token."""

    def __init__(self, which: LoginError, **values: str) -> None:
        super().__init__(which.error)
        self.which = which
        self.values = values


def check_client(tenant: Tenant, form: Mapping[str, str], audiences: tuple[str, ...], missing: LoginError) -> None:
    """Raises RefusedError unless the form proves that it comes from the tenant's app."""
    client = form["client_id"]
    if client.lower() != tenant.client_id.lower():
        raise RefusedError(login_errors.CLIENT_UNKNOWN, client=client, directory=tenant.display_name)
    if form.get("client_assertion"):
        _check_assertion(tenant, form, audiences)
        return
    secret = form.get("client_secret", "")
    if not secret:
        raise RefusedError(missing)
    if not tenant.secret or not hmac.compare_digest(secret.encode(), tenant.secret.encode()):
        raise RefusedError(login_errors.SECRET_WRONG, client=client)
    if tenant.secret_expired:
        raise RefusedError(login_errors.SECRET_EXPIRED, client=client)


def _check_assertion(tenant: Tenant, form: Mapping[str, str], audiences: tuple[str, ...]) -> None:
    if form.get("client_assertion_type") != _JWT_BEARER:
        raise RefusedError(login_errors.ASSERTION_TYPE_MISSING)
    try:
        header = jwt.get_unverified_header(form["client_assertion"])
    except jwt.InvalidTokenError as error:
        raise RefusedError(login_errors.ASSERTION_MALFORMED) from error
    named = str(header.get("x5t#S256") or header.get("x5t") or "")
    key = _named_key(tenant, header)
    if key is None:
        raise RefusedError(login_errors.ASSERTION_KEY_UNKNOWN, thumbprint=_hexadecimal(named))
    claims = _read(form["client_assertion"], key, named)
    if claims["aud"] not in audiences:
        raise RefusedError(login_errors.ASSERTION_AUDIENCE_WRONG)
    if not claims["iss"] == claims["sub"] == form["client_id"]:
        raise RefusedError(login_errors.ASSERTION_SUBJECT_WRONG)


def _named_key(tenant: Tenant, header: Mapping[str, Any]) -> RSAPublicKey | None:
    """The key of the registered, valid certificate that the header names by one of its thumbprints."""
    now = time.time()
    for pem in tenant.certificates:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        names = {
            "x5t#S256": _encoded(certificate.fingerprint(hashes.SHA256())),
            "x5t": _encoded(certificate.fingerprint(hashes.SHA1())),
        }
        given = {name: str(header[name]).rstrip("=") for name in names if name in header}
        is_valid = certificate.not_valid_before_utc.timestamp() <= now <= certificate.not_valid_after_utc.timestamp()
        key = certificate.public_key()
        if given and is_valid and all(names[name] == value for name, value in given.items()):
            return key if isinstance(key, RSAPublicKey) and key.key_size >= 2048 else None
    return None


def _read(assertion: str, key: RSAPublicKey, named: str) -> dict[str, Any]:
    try:
        return jwt.decode(
            assertion,
            key,
            algorithms=list(_ALGORITHMS),
            leeway=_SKEW_SECONDS,
            options={"require": ["aud", "iss", "sub", "exp", "jti"], "verify_aud": False},
        )
    except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError) as error:
        raise RefusedError(login_errors.ASSERTION_OUT_OF_TIME) from error
    except jwt.InvalidSignatureError as error:
        raise RefusedError(login_errors.ASSERTION_SIGNATURE_WRONG, thumbprint=_hexadecimal(named)) from error
    except jwt.InvalidTokenError as error:
        raise RefusedError(login_errors.ASSERTION_MALFORMED) from error


def _encoded(thumbprint: bytes) -> str:
    return base64.urlsafe_b64encode(thumbprint).decode().rstrip("=")


def _hexadecimal(encoded: str) -> str:
    try:
        return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).hex().upper()
    except ValueError:
        return ""
