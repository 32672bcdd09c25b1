"""Letting a partner's user sign in, so that the app may act for them: the authorization code flow with PKCE.

Source: Entra, "Microsoft identity platform and OAuth 2.0 authorization code flow"
(https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from config import Settings
from webapp.models import Problem

from .errors import BadAnswer, SignInRefused
from .explain import sign_in_refused
from .signin import MISREAD, Credentials, SignIn
from .transport import Transport

_LONGEST_NAME = 320


@dataclass(frozen=True)
class SignedIn:
    """Who signed in, in which tenant, and what lets the app act for them."""

    tenant_id: str
    user: str
    refresh_token: str = field(repr=False)


def begin(
    credentials: Credentials, settings: Settings, transport: Transport, redirect_uri: str, login_hint: str
) -> tuple[str, dict[str, Any]]:
    """The address at which the user signs in, and what `finish` has to know: state, nonce and PKCE's verifier."""
    sign_in = SignIn(credentials, settings, transport)
    try:
        with warnings.catch_warnings():
            # msal recommends that the browser come back by a POST; but with one from another site browsers send no
            # cookie that is SameSite, and who had begun the sign-in would not be known. PKCE makes the code in the
            # address worth nothing to others.
            warnings.simplefilter("ignore", UserWarning)
            flow: dict[str, Any] = sign_in.application.initiate_auth_code_flow(
                [sign_in.scope], redirect_uri=redirect_uri, prompt="select_account", login_hint=login_hint or None
            )
        address: str = flow.pop("auth_uri")
        # A link leads there.
        is_safe = urlsplit(address).scheme == "https"
    except MISREAD as error:
        raise BadAnswer("it does not say where users sign in") from error
    if not is_safe:
        raise BadAnswer("the address at which users sign in is not an https one")
    return address, flow


def finish(
    credentials: Credentials,
    settings: Settings,
    transport: Transport,
    flow: Mapping[str, Any],
    response: Mapping[str, str],
) -> SignedIn:
    """Redeem what the user came back with. Raises `SignInRefused` where they did not sign in, or it is not accepted."""
    if response.get("state") != flow.get("state"):
        raise SignInRefused(NOT_BEGUN_HERE)
    if "code" not in response:
        raise _refused(response)
    application = SignIn(credentials, settings, transport).application
    try:
        answer = application.acquire_token_by_auth_code_flow(dict(flow), dict(response))
        claims = answer["id_token_claims"]
        tenant_id, audience, token = claims["tid"], claims["aud"], answer["refresh_token"]
        user = claims.get("preferred_username") or claims.get("upn") or claims.get("oid") or ""
    except MISREAD as error:
        raise BadAnswer("the sign-in's answer does not say who signed in") from error
    if not (isinstance(tenant_id, str) and isinstance(user, str) and isinstance(token, str) and token):
        raise BadAnswer("the sign-in's answer does not say who signed in")
    if audience != credentials.client_id:
        raise BadAnswer("the sign-in was for another app")
    return SignedIn(tenant_id.lower(), user[:_LONGEST_NAME], token)


NOT_BEGUN_HERE = Problem(
    "This sign-in was not begun in this browser, or a later one was begun since.",
    "Begin it again with Sign in as a partner user.",
    "state",
)


def _refused(response: Mapping[str, str]) -> Exception:
    refused = sign_in_refused(response)
    if response.get("error") == "access_denied" and not refused.problem.code.startswith("AADSTS"):
        return SignInRefused(
            Problem(
                "The sign-in was cancelled at Microsoft.",
                "Sign in again, and accept what the app asks for.",
                "access_denied",
            )
        )
    return refused
