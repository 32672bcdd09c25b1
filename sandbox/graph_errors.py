"""Graph's errors in their documented shape (concepts/errors.md, concepts/throttling.md)."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Literal

from sandbox.messages import Answer, Pause, Request, json_answer


def graph_error(
    request: Request, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> Answer:
    """{"error": {"code", "message", "innerError"}} with the ids that the headers carry too."""
    inner = {
        "date": datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "request-id": request.request_id,
        "client-request-id": client_request_id(request),
    }
    return json_answer(status, {"error": {"code": code, "message": message, "innerError": inner}}, headers)


def client_request_id(request: Request) -> str:
    """The id that the caller gave to the request; Graph uses its own where there is none."""
    return request.headers.get("client-request-id", request.request_id)


def unauthorized(request: Request, message: str) -> Answer:
    challenge = (
        f'Bearer realm="", authorization_uri="{request.base_url}/common/oauth2/authorize", '
        'client_id="00000003-0000-0000-c000-000000000000"'
    )
    return graph_error(request, 401, "InvalidAuthenticationToken", message, {"WWW-Authenticate": challenge})


def forbidden(request: Request) -> Answer:
    return graph_error(
        request, 403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."
    )


def segment_not_found(request: Request) -> Answer:
    """A path that Graph does not know is a bad request, not a missing resource."""
    segment = request.path.strip("/").split("/", 2)[1] if request.path.strip("/").count("/") else request.path
    return graph_error(request, 400, "BadRequest", f"Resource not found for the segment '{segment}'.")


def resource_not_found(request: Request, resource: str) -> Answer:
    message = f"Resource '{resource}' does not exist or one of its queried reference-property objects are not present."
    return graph_error(request, 404, "Request_ResourceNotFound", message)


def method_not_allowed(request: Request, allowed: str) -> Answer:
    message = "Specified HTTP method is not allowed for the request target."
    return graph_error(request, 405, "Request_BadRequest", message, {"Allow": allowed})


def with_retry_after(answer: Answer, scope: Literal["tenant", "app"], until: float, *, as_date: bool) -> Answer:
    """The answer with a Retry-After header, in seconds or as a date (RFC 9110, 10.2.3), and the pause it asks for."""
    if as_date:
        # A date has whole seconds only: rounding up keeps it from asking for less.
        until = math.ceil(until)
    value = formatdate(until, usegmt=True) if as_date else str(max(0, math.ceil(until - time.time())))
    return replace(answer, headers={**answer.headers, "Retry-After": value}, pause=Pause(scope, until))


def throttled(request: Request, scope: Literal["tenant", "app"], client_id: str, tenant_id: str) -> Answer:
    """429 in the words of "Identity and access service limits" (concepts/throttling-limits.md)."""
    named = f"Tenant_Application/ReadWrite/{client_id}/{tenant_id}"
    if scope == "app":
        named = f"Application/ReadWrite/{client_id}/{tenant_id}"
    headers = {"x-ms-throttle-scope": named, "x-ms-throttle-information": "ResourceUnitLimitExceeded"}
    return graph_error(request, 429, "TooManyRequests", "Please retry again later.", headers)


StateLoss = Literal["gone", "resync", "expired"]


def state_lost(request: Request, how: StateLoss) -> Answer:
    """A delta token that is no longer good (concepts/delta-query-overview.md): reset, or older than seven days.

    `gone` and `resync` are 410 with the Location to begin anew at and the code syncStateNotFound or resyncRequired,
    `expired` is 400 with syncStateNotFound.
    """
    message = "The sync state generation is not found; a full synchronization is required."
    if how == "expired":
        return graph_error(request, 400, "syncStateNotFound", message)
    code = "resyncRequired" if how == "resync" else "syncStateNotFound"
    return graph_error(request, 410, code, message, {"Location": f"{request.base_url}{request.path}?$deltatoken="})
