"""Access tokens and id tokens: signed JSON Web Tokens with the claims of Entra ID's.

https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference
"""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import NAMESPACE_OID, uuid4, uuid5

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from sandbox.tenants import Tenant

_ALGORITHM = "RS256"
# A signature is looked at once. So many tokens are remembered, which are some ten megabytes.
_MOST_READ = 5_000


class TokenError(Exception):
    """The token is not one that Graph accepts; the message is Graph's."""


class TokenMint:
    """Issues and reads tokens. Its key lives as long as the sandbox: tokens of an earlier start are refused.

    Every process that was forked from the one that made it reads the tokens of the others.
    """

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._key_id = uuid4().hex
        self._read: dict[str, dict[str, Any]] = {}

    def keys(self) -> dict[str, Any]:
        """The public key as a JSON Web Key Set."""
        key = json.loads(RSAAlgorithm.to_jwk(self._key.public_key()))
        return {"keys": [{"kty": "RSA", "use": "sig", "kid": self._key_id, "n": key["n"], "e": key["e"]}]}

    def issue(self, tenant: Tenant, audience: str, user: str = "") -> str:
        """A token for the tenant's app, good for its `token_lifetime` seconds, by itself or on behalf of a user.

        What the app may do is the same: the permissions are its roles, or the scopes of what the user granted.
        """
        now = int(time.time())
        service_principal = str(uuid5(NAMESPACE_OID, f"{tenant.tenant_id}/{tenant.client_id}"))
        claims = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{tenant.tenant_id}/",
            "iat": now,
            "nbf": now,
            "exp": now + tenant.token_lifetime,
            "appid": tenant.client_id,
            "appidacr": "1",
            "idp": f"https://sts.windows.net/{tenant.tenant_id}/",
            "idtyp": "user" if user else "app",
            "oid": _user_id(tenant, user) if user else service_principal,
            "sub": _user_id(tenant, user) if user else service_principal,
            "tid": tenant.tenant_id,
            "uti": uuid4().hex[:22],
            "ver": "1.0",
        }
        if user:
            claims |= {"upn": user, "unique_name": user, "scp": " ".join(tenant.permissions)}
        else:
            claims["roles"] = list(tenant.permissions)
        return self._signed(claims)

    def identify(self, tenant: Tenant, user: str, base_url: str, nonce: str) -> str:
        """An id token: who signed in to the tenant's app, in answer to the request with this nonce."""
        now = int(time.time())
        claims = {
            "aud": tenant.client_id,
            "iss": f"{base_url}/{tenant.tenant_id}/v2.0",
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            "name": user.partition("@")[0],
            "oid": _user_id(tenant, user),
            "preferred_username": user,
            "sub": _user_id(tenant, user),
            "tid": tenant.tenant_id,
            "ver": "2.0",
        }
        return self._signed({**claims, "nonce": nonce} if nonce else claims)

    def _signed(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM, headers={"kid": self._key_id})

    def read(self, token: str) -> dict[str, Any]:
        """The claims of a token that this process issued and that has not expired. Raises TokenError."""
        if not token:
            raise TokenError("Access token is empty.")
        if "." not in token:
            raise TokenError(
                "IDX14100: JWT is not well formed, there are no dots (.).\n"
                "The token needs to be in JWS or JWE Compact Serialization Format."
            )
        known = self._read.get(token)
        if known is not None and known["exp"] > time.time():
            return known
        try:
            # Whoever asks for a token gets one for Graph only, so the audience needs no second look here.
            claims: dict[str, Any] = jwt.decode(
                token, self._key.public_key(), algorithms=[_ALGORITHM], options={"verify_aud": False}
            )
        except jwt.ExpiredSignatureError as error:
            raise TokenError("Lifetime validation failed, the token is expired.") from error
        except jwt.InvalidSignatureError as error:
            raise TokenError("Access token validation failure. Invalid signature.") from error
        except jwt.InvalidTokenError as error:
            raise TokenError("Access token validation failure.") from error
        if len(self._read) >= _MOST_READ:
            self._read.clear()
        self._read[token] = claims
        return claims


def _user_id(tenant: Tenant, user: str) -> str:
    return str(uuid5(NAMESPACE_OID, f"{tenant.tenant_id}/{user.lower()}"))
