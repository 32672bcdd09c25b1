"""Graph's errors in their documented shape (concepts/errors.md, concepts/throttling.md)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime

from sandbox.messages import Answer, Request, json_answer


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
