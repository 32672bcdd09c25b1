"""The token endpoint of Entra ID: for the app itself, for a user who signed in, and with that user's refresh token.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
https://learn.microsoft.com/entra/identity-platform/refresh-tokens
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from sandbox import login_errors
from sandbox.assertions import RefusedError, check_client
from sandbox.grants import RefreshToken
from sandbox.login_errors import LoginError, error_of, login_error
from sandbox.messages import Answer, Request, json_answer
from sandbox.route import Call, Route

# The Graph hosts of Microsoft's clouds, and the names that the sandbox itself is reached by.
_GRAPH_HOSTS = frozenset(
    {
        "graph.microsoft.com",
        "graph.microsoft.us",
        "dod-graph.microsoft.us",
        "microsoftgraph.chinacloudapi.cn",
        "localhost",
        "127.0.0.1",
        "::1",
    }
)
_GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"
_OPENID = frozenset({"openid", "profile", "email", "offline_access"})

_Form = dict[str, str]


def token(call: Call) -> Answer:
    """An access token for Graph, or the error that Entra ID gives for the first thing wrong with the request."""
    form = _form(call.request)
    try:
        grant = _required(form, "grant_type")
        if grant not in _GRANTS:
            raise RefusedError(login_errors.GRANT_UNSUPPORTED, grant=grant)
        answer = _GRANTS[grant](call, form)
    except RefusedError as refused:
        return login_error(call.request, refused.which, **refused.values)
    headers = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache", "x-ms-request-id": call.request.request_id}
    return json_answer(200, answer, headers)


def _as_the_app(call: Call, form: _Form) -> dict[str, Any]:
    """Client credentials."""
    _required(form, "client_id")
    scope = _required(form, "scope")
    _check_client(call, form, login_errors.SECRET_MISSING)
    if not scope.endswith("/.default"):
        raise RefusedError(login_errors.SCOPE_INVALID, scope=scope)
    resource = _resource(call, scope)
    _check_consent(call, form["client_id"])
    return {**_lifetime(call), "access_token": call.world.tokens.issue(call.tenant, resource)}


def _for_a_code(call: Call, form: _Form) -> dict[str, Any]:
    """An authorization code, which only its own app redeems, once, with PKCE's verifier."""
    client, name = _required(form, "client_id"), _required(form, "code")
    redirect = _required(form, "redirect_uri")
    _check_client(call, form, login_errors.CLIENT_NOT_PROVEN)
    code = call.world.grants.code(name)
    if code is None or code.client_id != call.tenant.client_id:
        raise RefusedError(login_errors.CODE_UNKNOWN)
    if code.tenant_id != call.tenant.tenant_id:
        raise RefusedError(login_errors.CODE_OF_ANOTHER_TENANT)
    if code.is_expired:
        raise RefusedError(login_errors.CODE_EXPIRED)
    if code.redirect_uri != redirect:
        raise RefusedError(login_errors.CODE_OF_ANOTHER_ADDRESS, redirect=redirect, asked=code.redirect_uri)
    if code.challenge and not _fits(form.get("code_verifier", ""), code.challenge, code.challenge_method):
        raise RefusedError(login_errors.VERIFIER_WRONG)
    _check_consent(call, client)
    if not call.world.grants.use(name):
        raise RefusedError(login_errors.CODE_USED)
    return _for_the_user(call, form, code.user, call.tenant.tenant_id, code.nonce)


def _for_a_refresh_token(call: Call, form: _Form) -> dict[str, Any]:
    """A refresh token, which the app redeems in any tenant that it may be used in; a new one comes with each use."""
    client, name = _required(form, "client_id"), _required(form, "refresh_token")
    _check_client(call, form, login_errors.CLIENT_NOT_PROVEN)
    given = call.world.grants.refresh_token(name)
    home = call.world.tenant(given.tenant_id) if given else None
    if given is None or home is None:
        raise RefusedError(login_errors.REFRESH_TOKEN_MALFORMED)
    if given.client_id != call.tenant.client_id:
        raise RefusedError(login_errors.REFRESH_TOKEN_OF_ANOTHER_APP)
    if time.time() > given.issued_at + home.refresh_token_lifetime:
        lifetime = f"{home.refresh_token_lifetime // 86400}.00:00:00"
        raise RefusedError(login_errors.REFRESH_TOKEN_EXPIRED, issued=_moment(given.issued_at), lifetime=lifetime)
    valid_from = max(home.refresh_tokens_valid_from, call.tenant.refresh_tokens_valid_from)
    if given.issued_at < valid_from:
        revoked = login_errors.REFRESH_TOKEN_REVOKED
        raise RefusedError(revoked, issued=_moment(given.issued_at), valid_from=_moment(valid_from))
    if call.tenant.refresh_error:
        raise RefusedError(error_of(call.tenant.refresh_error))
    _check_consent(call, client)
    if not call.world.grants.use(name) and home.refresh_tokens_once:
        raise RefusedError(login_errors.REFRESH_TOKEN_USED)
    return _for_the_user(call, form, given.user, given.tenant_id, nonce="")


def _for_the_user(call: Call, form: _Form, user: str, home: str, nonce: str) -> dict[str, Any]:
    scopes = form.get("scope", "").split()
    resources = [_resource(call, scope) for scope in scopes if scope not in _OPENID]
    answer = {
        **_lifetime(call),
        "scope": " ".join(call.tenant.permissions),
        "access_token": call.world.tokens.issue(call.tenant, (resources or ["https://graph.microsoft.com"])[0], user),
    }
    if "offline_access" in scopes:
        granted = RefreshToken(home, call.tenant.client_id, user)
        answer["refresh_token"] = call.world.grants.add_refresh_token(granted)
    if "openid" in scopes:
        answer["id_token"] = call.world.tokens.identify(call.tenant, user, call.request.base_url, nonce)
    return answer


_GRANTS: dict[str, Callable[[Call, _Form], dict[str, Any]]] = {
    "client_credentials": _as_the_app,
    "authorization_code": _for_a_code,
    "refresh_token": _for_a_refresh_token,
}


def _check_client(call: Call, form: _Form, missing: LoginError) -> None:
    own = f"{call.request.base_url}/{call.tenant.tenant_id}"
    check_client(call.tenant, form, (f"{own}/oauth2/v2.0/token", f"{own}/v2.0"), missing)


def _check_consent(call: Call, client: str) -> None:
    if not call.tenant.consented:
        raise RefusedError(login_errors.CONSENT_MISSING, client=client)


def _resource(call: Call, scope: str) -> str:
    """What a scope is of: Graph, by one of its names."""
    resource = scope.removesuffix("/.default") if scope.endswith("/.default") else scope.rpartition("/")[0]
    if resource and resource != _GRAPH_APP_ID and urlsplit(resource).hostname not in _GRAPH_HOSTS:
        raise RefusedError(login_errors.RESOURCE_UNKNOWN, resource=resource, directory=call.tenant.display_name)
    return resource or "https://graph.microsoft.com"


def _lifetime(call: Call) -> dict[str, Any]:
    lifetime = call.tenant.token_lifetime
    return {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime}


def _fits(verifier: str, challenge: str, method: str) -> bool:
    """Whether PKCE's verifier is that of the challenge (RFC 7636)."""
    made = verifier
    if method == "S256":
        digest = hashlib.sha256(verifier.encode()).digest()
        made = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return bool(verifier) and hmac.compare_digest(made.encode(), challenge.encode())


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _form(request: Request) -> _Form:
    """The form of the body; credentials of a Basic Authorization header fill in what it lacks (RFC 6749, 2.3.1)."""
    form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return form
    try:
        client, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return form
    return {"client_id": unquote(client), "client_secret": unquote(secret), **form}


def _required(form: _Form, name: str) -> str:
    if not form.get(name):
        raise RefusedError(login_errors.PARAMETER_MISSING, parameter=name)
    return form[name]


ROUTES = (Route("login", "token", "POST", "/{tenant}/oauth2/v2.0/token", token),)
