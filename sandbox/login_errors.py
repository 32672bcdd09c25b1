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
CLIENT_NOT_PROVEN = LoginError(
    7000218,
    401,
    "invalid_client",
    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
)
ASSERTION_TYPE_MISSING = LoginError(
    50027,
    401,
    "invalid_client",
    "JWT token is invalid or malformed: client_assertion_type is not that of a JWT bearer.",
)
ASSERTION_MALFORMED = LoginError(50027, 401, "invalid_client", "JWT token is invalid or malformed.")
ASSERTION_KEY_UNKNOWN = LoginError(
    700027,
    401,
    "invalid_client",
    "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The "
    "key was not found., Thumbprint of key used by client: '{thumbprint}'].",
)
ASSERTION_SIGNATURE_WRONG = LoginError(
    700027,
    401,
    "invalid_client",
    "Client assertion failed signature validation. [Reason - The provided signature value did not match the expected "
    "signature value., Thumbprint of key used by client: '{thumbprint}'].",
)
ASSERTION_OUT_OF_TIME = LoginError(
    700024, 401, "invalid_client", "Client assertion is not within its valid time range."
)
ASSERTION_AUDIENCE_WRONG = LoginError(
    700023,
    401,
    "invalid_client",
    "Client assertion audience claim does not match Realm issuer. Review the documentation at "
    "https://docs.microsoft.com/azure/active-directory/develop/active-directory-certificate-credentials .",
)
ASSERTION_SUBJECT_WRONG = LoginError(
    700021,
    401,
    "invalid_client",
    "Client assertion application identifier doesn't match 'client_id' parameter.",
)
REDIRECT_UNKNOWN = LoginError(
    50011,
    400,
    "invalid_request",
    "The redirect URI '{redirect}' specified in the request does not match the redirect URIs configured for the "
    "application '{client}'.",
)
RESPONSE_TYPE_UNSUPPORTED = LoginError(
    700054, 400, "unsupported_response_type", "response_type '{response_type}' is not enabled for the application."
)
CONSENT_DECLINED = LoginError(65004, 400, "access_denied", "User declined to consent to access the app.")
CODE_UNKNOWN = LoginError(9002313, 400, "invalid_request", "Invalid request. Request is malformed or invalid.")
CODE_EXPIRED = LoginError(
    70008,
    400,
    "invalid_grant",
    "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive "
    "authorization request for this user and resource.",
)
CODE_USED = LoginError(
    54005,
    400,
    "invalid_grant",
    "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh "
    "token.",
)
CODE_OF_ANOTHER_TENANT = LoginError(
    700005, 400, "invalid_grant", "Provided Authorization Code is intended to use against other tenant, thus rejected."
)
CODE_OF_ANOTHER_ADDRESS = LoginError(
    500112,
    400,
    "invalid_grant",
    "The reply address '{redirect}' does not match the reply address '{asked}' provided when requesting Authorization "
    "code.",
)
VERIFIER_WRONG = LoginError(
    501481,
    400,
    "invalid_grant",
    "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
)
REFRESH_TOKEN_MALFORMED = LoginError(
    9002313, 400, "invalid_grant", "Invalid request. Request is malformed or invalid.", suberror="bad_token"
)
REFRESH_TOKEN_OF_ANOTHER_APP = LoginError(
    700007, 400, "invalid_grant", "The grant was issued for a different client id."
)
REFRESH_TOKEN_EXPIRED = LoginError(
    700082,
    400,
    "invalid_grant",
    "The refresh token has expired due to inactivity. The token was issued on {issued} and was inactive for "
    "{lifetime}.",
    suberror="token_expired",
)
REFRESH_TOKEN_REVOKED = LoginError(
    50173,
    400,
    "invalid_grant",
    "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed "
    "or reset their password. The grant was issued on '{issued}' and the TokensValidFrom date (before which tokens are "
    "not valid) for this user is '{valid_from}'.",
    suberror="bad_token",
)
REFRESH_TOKEN_USED = LoginError(
    70000,
    400,
    "invalid_grant",
    "Provided grant is invalid or malformed.",
    suberror="bad_token",
)
MULTIFACTOR_NEEDED = LoginError(
    50076,
    400,
    "invalid_grant",
    "Due to a configuration change made by your administrator, or because you moved to a new location, you must use "
    "multi-factor authentication to access '00000003-0000-0000-c000-000000000000'.",
    suberror="basic_action",
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

# Those that a tenant may have its users meet: nothing in their texts is to be filled in.
_OF_USERS = (CONSENT_DECLINED, CODE_EXPIRED, REFRESH_TOKEN_USED, MULTIFACTOR_NEEDED, ACCESS_BLOCKED)


def error_of(code: int) -> LoginError:
    """The error of a code that a user, or what they were granted, meets; any other code refuses the grant."""
    unknown = LoginError(code, 400, "invalid_grant", "The grant is not accepted, and the user has to sign in again.")
    return next((error for error in _OF_USERS if error.code == code), unknown)


def login_error(request: Request, which: LoginError, **values: str) -> Answer:
    """The answer that Entra ID gives for an error: JSON with the description, the code, and ids to trace it by."""
    return json_answer(which.status, described(request, which, **values))


def described(request: Request, which: LoginError, **values: str) -> dict[str, Any]:
    """The error as Entra ID describes it."""
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
    return payload


def _correlation_id(request: Request) -> str:
    """The caller's client-request-id where it is a GUID, as Entra ID does; else a new one."""
    try:
        return str(UUID(request.headers.get("client-request-id", "")))
    except ValueError:
        return str(uuid4())
