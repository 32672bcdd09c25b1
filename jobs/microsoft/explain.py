"""Microsoft's codes in plain words, each with what to do.

Sources: Entra, "Microsoft Entra authentication and authorization error codes"; Graph, "Microsoft Graph error
responses and resource types". Microsoft may change codes at any time, so an unknown one is shown as it came.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from webapp.models import Problem

from .errors import AccessDenied, MicrosoftError, Refused, ServerFailed, SignInRefused

_CONSENT = (
    "In the Entra admin center open App registrations > your app > API permissions and choose Grant admin consent, "
    "signed in as an administrator of this tenant."
)

# AADSTS code: what it means, what to do, the part of the credentials at fault.
_SIGN_IN: dict[int, tuple[str, str, str | None]] = {
    700016: (
        "The app registration was not found in this tenant.",
        "Check the client id and the tenant id: both stand on the app registration's Overview page. The app must be "
        "registered in this tenant, or an administrator of this tenant must have consented to it.",
        "client_id",
    ),
    65001: ("This tenant's administrator has not consented to the app.", _CONSENT, None),
    7000215: (
        "The client secret is wrong.",
        "Copy the secret's Value, not its Secret ID, from Certificates & secrets. The Value is shown only when the "
        "secret is made: make a new one where it is lost.",
        "client_secret",
    ),
    7000222: (
        "The client secret has expired.",
        "Make a new client secret under Certificates & secrets of the app registration and enter its Value here.",
        "client_secret",
    ),
    90002: (
        "No tenant with this id exists in this cloud.",
        "Check the tenant id (Entra admin center > Overview > Tenant ID) and the cloud.",
        "tenant",
    ),
    900023: (
        "This is not a tenant id.",
        "Enter the tenant's GUID (Entra admin center > Overview > Tenant ID) or one of its domains.",
        "tenant",
    ),
    50034: ("The account does not exist in this tenant.", "Check the tenant id and the client id.", "tenant"),
    53003: (
        "A Conditional Access policy of this tenant blocks the app.",
        "Exclude the app from the policy, or allow this server's address, under Protection > Conditional Access.",
        None,
    ),
    500011: (
        "Microsoft Graph is not available to this app in this tenant.",
        "Check that the cloud is the tenant's own, and that the app has Microsoft Graph permissions.",
        "cloud",
    ),
    7000112: (
        "The app is disabled.",
        "Enable it under Enterprise applications > your app > Properties > Enabled for users to sign in.",
        "client_id",
    ),
    7000218: (
        "The app registration expects another kind of sign-in.",
        "Set it up as a confidential client (Web) with a client secret under Certificates & secrets.",
        "client_secret",
    ),
    7000229: ("The app has no service principal in this tenant.", _CONSENT, "client_id"),
    700027: ("The app's certificate is not valid for this app.", "Check Certificates & secrets of the app.", None),
    70001: (
        "The app registration was not found in this tenant.",
        "Check the client id and the tenant id on the app registration's Overview page.",
        "client_id",
    ),
    900382: ("Confidential clients are not supported across clouds.", "Choose the cloud of this tenant.", "cloud"),
}


def sign_in_refused(answer: Mapping[str, Any]) -> SignInRefused:
    """The error for an answer of Entra ID's token endpoint or of a tenant's openid configuration."""
    description = str(answer.get("error_description") or "")
    code = _sign_in_code(answer, description)
    trace = str(answer.get("trace_id") or answer.get("correlation_id") or "")[:64]
    if code in _SIGN_IN:
        reason, fix, field = _SIGN_IN[code]
        return SignInRefused(Problem(reason, fix, f"AADSTS{code}", trace), field)
    said = _first_line(description) or str(answer.get("error") or "no reason given")
    name = f"AADSTS{code}" if code else str(answer.get("error") or "")[:64]
    fix = "Look the code up at https://login.microsoftonline.com/error and follow Microsoft's advice."
    return SignInRefused(Problem(f"Microsoft refused the sign-in: {said}", fix, name, trace))


def sign_in_unavailable(status: int) -> ServerFailed:
    """The error for an answer of Entra ID with a status of 500 or above."""
    reason = f"Microsoft's sign-in service had an error of its own (HTTP {status})."
    return ServerFailed(Problem(reason, "This usually passes: sync again later.", f"HTTP {status}"))


def graph_refused(status: int, answer: Any, request_id: str, permission: str) -> MicrosoftError:
    """The error for an answer of Graph with this HTTP status; `permission` names what the request needs."""
    error = answer.get("error") if isinstance(answer, dict) else None
    code, message = "", ""
    if isinstance(error, dict):
        code, message = str(error.get("code") or ""), _first_line(str(error.get("message") or ""))
        inner = error.get("innerError") or error.get("innererror")
        if not request_id and isinstance(inner, dict):
            request_id = str(inner.get("request-id") or "")
    request_id = request_id[:64]
    name = (code or f"HTTP {status}")[:100]
    if status == 401:
        reason = "Microsoft Graph did not accept the sign-in that Microsoft itself issued."
        fix = "Check that the cloud is right and that the app is not disabled, then sync again."
        return Refused(Problem(reason, fix, name, request_id))
    if status == 403:
        reason = f"The app lacks the permission {permission} in this tenant."
        fix = (
            f"Open App registrations > your app > API permissions, add the Microsoft Graph application permission "
            f"{permission}, and choose Grant admin consent."
        )
        return AccessDenied(Problem(reason, fix, name, request_id))
    if status >= 500:
        reason = f"Microsoft Graph had an error of its own (HTTP {status})."
        return ServerFailed(Problem(reason, "This usually passes: sync again later.", name, request_id))
    reason = f"Microsoft Graph refused the request (HTTP {status}){f': {message}' if message else '.'}"
    fix = "Sync again; if it stays, report Microsoft's code and request id."
    return Refused(Problem(reason, fix, name, request_id))


def _sign_in_code(answer: Mapping[str, Any], description: str) -> int:
    codes = answer.get("error_codes")
    if isinstance(codes, list) and codes and isinstance(codes[0], int):
        return codes[0]
    found = re.search(r"AADSTS(\d+)", description)
    return int(found[1]) if found else 0


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0][:300] if text.strip() else ""
