"""Microsoft's refusals in plain words, each with what to do.

Sources: Entra, "Microsoft Entra authentication and authorization error codes"; Graph, "Microsoft Graph error
responses and resource types" (https://learn.microsoft.com/graph/errors) and "Resolve Microsoft Graph authorization
errors" (https://learn.microsoft.com/graph/resolve-auth-errors). An unknown code is shown as it came.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from webapp.models import Problem

from .errors import AccessDenied, Expired, MicrosoftError, NotFound, Refused, ServerFailed, SignInRefused
from .sign_in_codes import CONSENT, SIGN_IN_CODES

_LATER = "This usually passes: sync again later."

# What OAuth calls a refresh token that is of no use any more, and a sign-in that takes the person; so it also calls
# consent that is missing.
_ABOUT_THE_USER = frozenset({"invalid_grant", "interaction_required", "login_required"})
_NO_CONSENT = "consent_required"

# Graph tells by a JSON object what it refuses; a 403 without one is often somebody else's.
_NOT_SAID = "If that is done, a proxy or firewall may have answered in Microsoft's place: let it pass these requests."

# Codes have seven digits at the most, so far. What has very many more is none.
_HIGHEST_CODE = 10**10 - 1
_CODE = re.compile(r"AADSTS([0-9]{1,10})(?![0-9])")

_NOT_PREMIUM = "Authentication_RequestFromNonPremiumTenantOrB2CTenant"
_GRAPH_CODES: dict[str, tuple[type[MicrosoftError], str, str]] = {
    _NOT_PREMIUM: (
        AccessDenied,
        "Microsoft gives this only to tenants with Microsoft Entra ID P1 or P2, and this one has neither.",
        "Nothing can be done here: the customer would have to buy one of them.",
    ),
    "Authorization_IdentityNotFound": (
        AccessDenied,
        "Microsoft Graph does not know the app in this tenant.",
        CONSENT,
    ),
    "Directory_ExpiredPageToken": (
        Expired,
        "Reading took so long that Microsoft forgot where it was.",
        _LATER,
    ),
}


def sign_in_refused(answer: Mapping[str, Any], answered_at: datetime | None = None) -> SignInRefused | ServerFailed:
    """The error for an answer of Entra ID's token endpoint or of a tenant's openid configuration.

    `answered_at` is the date of the answer's header, for where the answer itself carries none.
    """
    description = answer.get("error_description")
    description = description if isinstance(description, str) else ""
    code = _sign_in_code(answer, description)
    trace = str(answer.get("trace_id") or answer.get("correlation_id") or "")[:64]
    answered_at = _moment(answer.get("timestamp")) or answered_at
    meaning = SIGN_IN_CODES.get(code)
    if meaning is not None:
        problem = Problem(
            meaning.reason, meaning.fix, f"AADSTS{code}", trace, answered_at, needs_consent=meaning.needs_consent
        )
        if meaning.is_passing:
            return ServerFailed(problem)
        return SignInRefused(problem, meaning.field, needs_person=meaning.needs_person)
    error = answer.get("error") if isinstance(answer.get("error"), str) else ""
    said = _first_line(description) or error or "no reason given"
    name = f"AADSTS{code}" if code else str(error)[:64]
    fix = "Look the code up at https://login.microsoftonline.com/error and follow Microsoft's advice."
    problem = Problem(f"Microsoft refused the sign-in: {said}", fix, name, trace, answered_at)
    return SignInRefused(problem, needs_person=error in _ABOUT_THE_USER and answer.get("suberror") != _NO_CONSENT)


def sign_in_unavailable(status: int, answered_at: datetime | None = None) -> ServerFailed:
    """The error for an answer of Entra ID with a status of 500 or above."""
    reason = f"Microsoft's sign-in service had an error of its own (HTTP {status})."
    return ServerFailed(Problem(reason, _LATER, f"HTTP {status}", answered_at=answered_at))


def graph_refused(
    status: int,
    answer: Any,
    request_id: str,
    permission: str,
    answered_at: datetime | None = None,
    *,
    acts_for_user: bool = False,
) -> MicrosoftError:
    """The error for an answer of Graph with this HTTP status; `permission` names what the request needs.

    Where the app `acts_for_user`, that is a delegated permission, and the user needs a role besides.
    """
    error = answer.get("error") if isinstance(answer, dict) else None
    code, message = "", ""
    if isinstance(error, dict):
        code, message = str(error.get("code") or ""), _first_line(str(error.get("message") or ""))
        inner = error.get("innerError") or error.get("innererror")
        if isinstance(inner, dict):
            request_id = request_id or str(inner.get("request-id") or "")
            answered_at = _moment(inner.get("date")) or answered_at
    lacks = _user_lacks if acts_for_user else _app_lacks
    kind, reason, fix = _graph_meaning(status, code, message, lacks(permission))
    if kind is AccessDenied and not isinstance(error, dict):
        fix = f"{fix} {_NOT_SAID}"
    consent = kind is AccessDenied and code != _NOT_PREMIUM
    name = (code or f"HTTP {status}")[:100]
    return kind(Problem(reason, fix, name, request_id[:64], answered_at, needs_consent=consent))


def _app_lacks(permission: str) -> tuple[str, str]:
    """Reason and fix where the app itself is refused."""
    return (
        f"The app lacks the permission {permission} in this tenant.",
        "Open App registrations > your app > API permissions, add the Microsoft Graph application permission "
        f"{permission}, and choose Grant admin consent.",
    )


def _user_lacks(permission: str) -> tuple[str, str]:
    """The same where it is refused for a user. Graph does not tell whether it is the app or the user who lacks it.

    Source: Partner Center, "Introduction to granular delegated admin privileges (GDAP)".
    """
    return (
        f"The app lacks the delegated permission {permission} in this tenant, or the partner's user lacks a role here.",
        f"Add the Microsoft Graph delegated permission {permission} under App registrations > your app > API "
        "permissions, and consent to it in this tenant. If that is done, give the user a role by GDAP that may read "
        "it, such as Global Reader.",
    )


def _graph_meaning(
    status: int, code: str, message: str, lacks: tuple[str, str]
) -> tuple[type[MicrosoftError], str, str]:
    """What kind of error it is, its reason and its fix; `lacks` are those of what is forbidden."""
    if code in _GRAPH_CODES:
        return _GRAPH_CODES[code]
    if status == HTTPStatus.UNAUTHORIZED:
        reason = "Microsoft Graph did not accept the sign-in that Microsoft itself issued."
        return Refused, reason, "Check that the cloud is right and that the app is not disabled, then sync again."
    if status == HTTPStatus.FORBIDDEN:
        return AccessDenied, *lacks
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED:
        return ServerFailed, f"Microsoft Graph had an error of its own (HTTP {status}).", _LATER
    reason = f"Microsoft Graph refused the request (HTTP {status}){f': {message}' if message else '.'}"
    kind = NotFound if status == HTTPStatus.NOT_FOUND else Refused
    return kind, reason, "Sync again; if it stays, report Microsoft's code and request id."


def _moment(text: Any) -> datetime | None:
    """A date as Entra ID ("2016-01-09 02:02:12Z") and Graph ("2016-01-09T02:02:12", in UTC) write it."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def _sign_in_code(answer: Mapping[str, Any], description: str) -> int:
    """The number of an AADSTS code; 0 where there is none."""
    codes = answer.get("error_codes")
    # In JSON true is not a number, though in Python it is.
    if isinstance(codes, list) and codes and type(codes[0]) is int and 0 < codes[0] <= _HIGHEST_CODE:
        return codes[0]
    found = _CODE.search(description)
    return int(found[1]) if found else 0


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0][:300] if text.strip() else ""
