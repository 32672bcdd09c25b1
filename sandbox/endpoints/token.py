"""The token endpoint of Entra ID, for the client credentials grant with a secret.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

from __future__ import annotations

import base64
import binascii
import hmac
from urllib.parse import parse_qsl, unquote, urlsplit

from sandbox import login_errors
from sandbox.login_errors import LoginError, login_error
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


class _RefusedError(Exception):
    """The request gets this error of Entra ID instead of a token."""

    def __init__(self, which: LoginError, **values: str) -> None:
        super().__init__(which.error)
        self.which = which
        self.values = values


def token(call: Call) -> Answer:
    """An access token for Graph, or the error that Entra ID gives for the first thing wrong with the request."""
    try:
        resource = _authorize(call, _form(call.request))
    except _RefusedError as refused:
        return login_error(call.request, refused.which, **refused.values)
    lifetime = call.tenant.token_lifetime
    return json_answer(
        200,
        {
            "token_type": "Bearer",
            "expires_in": lifetime,
            "ext_expires_in": lifetime,
            "access_token": call.world.tokens.issue(call.tenant, resource),
        },
        {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache", "x-ms-request-id": call.request.request_id},
    )


def _authorize(call: Call, form: dict[str, str]) -> str:
    """The resource that a token may be issued for. Raises _RefusedError."""
    tenant = call.tenant
    grant = _required(form, "grant_type")
    if grant != "client_credentials":
        raise _RefusedError(login_errors.GRANT_UNSUPPORTED, grant=grant)
    client, scope = _required(form, "client_id"), _required(form, "scope")
    if client.lower() != tenant.client_id.lower():
        raise _RefusedError(login_errors.CLIENT_UNKNOWN, client=client, directory=tenant.display_name)
    secret = form.get("client_secret", "")
    if not secret:
        raise _RefusedError(login_errors.SECRET_MISSING)
    if not hmac.compare_digest(secret.encode(), tenant.secret.encode()):
        raise _RefusedError(login_errors.SECRET_WRONG, client=client)
    if tenant.secret_expired:
        raise _RefusedError(login_errors.SECRET_EXPIRED, client=client)
    if not scope.endswith("/.default"):
        raise _RefusedError(login_errors.SCOPE_INVALID, scope=scope)
    resource = scope.removesuffix("/.default")
    if resource != _GRAPH_APP_ID and urlsplit(resource).hostname not in _GRAPH_HOSTS:
        raise _RefusedError(login_errors.RESOURCE_UNKNOWN, resource=resource, directory=tenant.display_name)
    if not tenant.consented:
        raise _RefusedError(login_errors.CONSENT_MISSING, client=client)
    return resource


def _form(request: Request) -> dict[str, str]:
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


def _required(form: dict[str, str], name: str) -> str:
    if not form.get(name):
        raise _RefusedError(login_errors.PARAMETER_MISSING, parameter=name)
    return form[name]


ROUTES = (Route("login", "token", "POST", "/{tenant}/oauth2/v2.0/token", token),)
