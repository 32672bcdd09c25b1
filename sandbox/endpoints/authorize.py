"""The authorization endpoint of Entra ID: whoever comes is signed in at once and sent back with a code.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
"""

from __future__ import annotations

import html
from urllib.parse import urlencode, urlsplit

from sandbox import login_errors
from sandbox.grants import Code
from sandbox.login_errors import LoginError, described, error_of
from sandbox.messages import Answer
from sandbox.route import Call, Route


def authorize(call: Call) -> Answer:
    """A redirect with a code, or with an error; a page where nothing is known to redirect to."""
    asked, tenant = call.request.query, call.tenant
    client, redirect = asked.get("client_id", ""), asked.get("redirect_uri", "")
    if client.lower() != tenant.client_id.lower():
        return _page(call, login_errors.CLIENT_UNKNOWN, client=client, directory=tenant.display_name)
    if not _is_address(redirect) or (tenant.redirect_uris and redirect not in tenant.redirect_uris):
        return _page(call, login_errors.REDIRECT_UNKNOWN, redirect=redirect, client=client)
    if asked.get("response_type") != "code":
        return _back(call, login_errors.RESPONSE_TYPE_UNSUPPORTED, response_type=asked.get("response_type", ""))
    if not asked.get("scope"):
        return _back(call, login_errors.PARAMETER_MISSING, parameter="scope")
    if tenant.sign_in_error:
        return _back(call, error_of(tenant.sign_in_error))
    code = Code(
        tenant_id=tenant.tenant_id,
        client_id=tenant.client_id,
        redirect_uri=redirect,
        user=asked.get("login_hint") or tenant.signed_in_user,
        nonce=asked.get("nonce", ""),
        challenge=asked.get("code_challenge", ""),
        challenge_method=asked.get("code_challenge_method", "plain"),
    )
    return _redirect(call, {"code": call.world.grants.add_code(code)})


def _is_address(redirect: str) -> bool:
    """As an app registration takes it: https, or http on this machine."""
    parts = urlsplit(redirect)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1"})


def _redirect(call: Call, answer: dict[str, str]) -> Answer:
    asked = call.request.query
    state = {"state": asked["state"]} if "state" in asked else {}
    joint = "&" if "?" in asked["redirect_uri"] else "?"
    address = f"{asked['redirect_uri']}{joint}{urlencode({**answer, **state})}"
    return Answer(302, content_type="text/html; charset=utf-8", headers={"Location": address})


def _back(call: Call, which: LoginError, **values: str) -> Answer:
    return _redirect(
        call, {"error": which.error, "error_description": described(call.request, which, **values)["error_description"]}
    )


def _page(call: Call, which: LoginError, **values: str) -> Answer:
    text = html.escape(described(call.request, which, **values)["error_description"])
    body = f"<!doctype html><title>Sign in to your account</title><h1>Sign in</h1><p>{text}</p>"
    return Answer(which.status, body.encode(), "text/html; charset=utf-8")


ROUTES = (Route("login", "authorize", "GET", "/{tenant}/oauth2/v2.0/authorize", authorize),)
