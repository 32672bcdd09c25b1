"""Entra ID's errors, with the statuses, codes and texts that it gives them.

https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sandbox.messages import Answer, Request, json_answer


@dataclass(frozen=True)
class LoginError:
    """A code with its HTTP status, its OAuth 2.0 error and its text; `{name}` in the text is filled in."""

    code: int
    status: int
    error: str
    text: str
    suberror: str = ""


TENANT_NOT_FOUND = LoginError(
    90002,
    400,
    "invalid_tenant",
    "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct "
    "cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the "
    "tenant.",
)
TENANT_NOT_VALID = LoginError(
    900023,
    400,
    "invalid_request",
    "Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain.",
)
METHOD_NOT_ALLOWED = LoginError(
    900561, 400, "invalid_request", "The endpoint only accepts {allowed} requests. Received a {method} request."
)
PARAMETER_MISSING = LoginError(
    900144, 400, "invalid_request", "The request body must contain the following parameter: '{parameter}'."
)
GRANT_UNSUPPORTED = LoginError(
    70003,
    400,
    "unsupported_grant_type",
    "The app requested an unsupported grant type '{grant}'.",
)
CLIENT_UNKNOWN = LoginError(
    700016,
    400,
    "unauthorized_client",
    "Application with identifier '{client}' was not found in the directory '{directory}'. This can happen if the "
    "application has not been installed by the administrator of the tenant or consented to by any user in the tenant. "
    "You may have sent your authentication request to the wrong tenant.",
)
SECRET_MISSING = LoginError(
    7000216,
    401,
    "invalid_client",
    "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.",
)
SECRET_WRONG = LoginError(
    7000215,
    401,
    "invalid_client",
    "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the "
    "client secret ID, for a secret added to app '{client}'.",
)
SECRET_EXPIRED = LoginError(
    7000222,
    401,
    "invalid_client",
    "The provided client secret keys for app '{client}' are expired. Visit the Azure portal to create new keys for "
    "your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: "
    "https://aka.ms/certCreds.",
)
SCOPE_INVALID = LoginError(
    70011,
    400,
    "invalid_scope",
    "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' "
    "is not valid. The scope {scope} is not valid.",
)
RESOURCE_UNKNOWN = LoginError(
    500011,
    400,
    "invalid_resource",
    "The resource principal named {resource} was not found in the tenant named {directory}. This can happen if the "
    "application has not been installed by the administrator of the tenant or consented to by any user in the tenant. "
    "You might have sent your authentication request to the wrong tenant.",
)
CONSENT_MISSING = LoginError(
    65001,
    400,
    "invalid_grant",
    "The user or administrator has not consented to use the application with ID '{client}' named '{client}'. Send an "
    "interactive authorization request for this user and resource.",
    suberror="consent_required",
)
ACCESS_BLOCKED = LoginError(
    53003,
    403,
    "access_denied",
    "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
)
THROTTLED = LoginError(
    90055,
    429,
    "temporarily_unavailable",
    "The server is terminating the request because there are too many incoming requests. Try again later.",
)
UNAVAILABLE = LoginError(90033, 503, "temporarily_unavailable", "A transient error has occurred. Please try again.")
SIGN_IN_SERVICE_FAILED = LoginError(50000, 500, "server_error", "There was an error issuing a token.")


def login_error(request: Request, which: LoginError, **values: str) -> Answer:
    """The answer that Entra ID gives for an error: JSON with the description, the code, and ids to trace it by."""
    trace_id, correlation_id = request.request_id, _correlation_id(request)
    moment = datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    description = (
        f"AADSTS{which.code}: {which.text.format(**values)}\r\nTrace ID: {trace_id}\r\n"
        f"Correlation ID: {correlation_id}\r\nTimestamp: {moment}"
    )
    payload: dict[str, Any] = {
        "error": which.error,
        "error_description": description,
        "error_codes": [which.code],
        "timestamp": moment,
        "trace_id": trace_id,
        "correlation_id": correlation_id,
        "error_uri": f"{request.base_url}/error?code={which.code}",
    }
    if which.suberror:
        payload["suberror"] = which.suberror
    return json_answer(which.status, payload)


def _correlation_id(request: Request) -> str:
    """The caller's client-request-id where it is a GUID, as Entra ID does; else a new one."""
    try:
        return str(UUID(request.headers.get("client-request-id", "")))
    except ValueError:
        return str(uuid4())
