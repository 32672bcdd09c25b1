"""A partner's user who signs in at the sandbox, as a browser does, and what keeps their refresh token."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import parse_qsl, urlsplit

import requests

from sandbox import Control, Tenant

_REDIRECT = "http://localhost:8000/back"
_VERIFIER = "v" * 64


class Kept:
    """Where a refresh token is kept, by one worker alone."""

    def __init__(self, token: str = "") -> None:
        self.token = token
        self.refusals: list[str] = []
        # What somebody else stores meanwhile.
        self.replacement = ""

    def current(self) -> str:
        return self.token

    def renewed(self, used: str, new: str) -> None:
        assert used == self.token
        self.token = new

    def refused(self, used: str) -> bool:
        self.refusals.append(used)
        if self.replacement:
            self.token, self.replacement = self.replacement, ""
        return used == self.token


def visit(sandbox: Control, address: str) -> str:
    """Where Microsoft sends the browser back to."""
    answer = requests.get(address, verify=str(sandbox.ca_bundle), allow_redirects=False, timeout=10)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def refresh_token_of(sandbox: Control, tenant: Tenant) -> str:
    """A refresh token of a user who has just signed in to the tenant's app."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(_VERIFIER.encode()).digest()).decode().rstrip("=")
    scope = "https://graph.microsoft.com/.default openid offline_access"
    address = requests.Request(
        "GET",
        f"{sandbox.url}/{tenant.tenant_id}/oauth2/v2.0/authorize",
        params={
            "client_id": tenant.client_id,
            "response_type": "code",
            "redirect_uri": _REDIRECT,
            "scope": scope,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        },
    ).prepare()
    code = dict(parse_qsl(urlsplit(visit(sandbox, str(address.url))).query))["code"]
    answer = requests.post(
        f"{sandbox.url}/{tenant.tenant_id}/oauth2/v2.0/token",
        {
            "grant_type": "authorization_code",
            "client_id": tenant.client_id,
            "client_secret": tenant.secret,
            "code": code,
            "redirect_uri": _REDIRECT,
            "code_verifier": _VERIFIER,
            "scope": scope,
        },
        verify=str(sandbox.ca_bundle),
        timeout=10,
    )
    return str(answer.json()["refresh_token"])
