"""Faults for which Entra ID or Graph refuses, in the words of the side that was asked."""

from __future__ import annotations

import time

from sandbox import graph_errors, login_errors
from sandbox.graph_errors import StateLoss
from sandbox.login_errors import LoginError, login_error
from sandbox.messages import Answer
from sandbox.struck import Effect, Struck


def _error(struck: Struck, login: LoginError, status: int, code: str, message: str) -> Answer:
    """An error in the words of the side that was asked."""
    if struck.area == "login":
        return login_error(struck.request, login, client=struck.tenant.client_id)
    return graph_errors.graph_error(struck.request, status, code, message)


def _with_retry_after(struck: Struck, answer: Answer) -> Answer:
    """The answer with a Retry-After header, if the fault has one."""
    if struck.fault.retry_after is None:
        return answer
    until = time.time() + struck.fault.retry_after
    return graph_errors.with_retry_after(answer, "tenant", until, as_date=struck.fault.as_date)


def _throttle(struck: Struck) -> Answer:
    if struck.area == "login":
        answer = login_error(struck.request, login_errors.THROTTLED, client=struck.tenant.client_id)
    else:
        answer = graph_errors.throttled(struck.request, "tenant", struck.tenant.client_id, struck.tenant.tenant_id)
    return _with_retry_after(struck, answer)


def _throttle_app(struck: Struck) -> Answer:
    """Graph answers nothing to the app any more until the time has passed; Entra ID limits each tenant by itself."""
    if struck.area == "login":
        return _throttle(struck)
    client, until = struck.tenant.client_id, time.time() + (struck.fault.retry_after or 0)
    struck.pace.throttle_app(client, until, as_date=struck.fault.as_date)
    answer = graph_errors.throttled(struck.request, "app", client, struck.tenant.tenant_id)
    return graph_errors.with_retry_after(answer, "app", until, as_date=struck.fault.as_date)


def _unavailable(struck: Struck) -> Answer:
    message = "The service is temporarily unavailable. Please try again later."
    return _with_retry_after(struck, _error(struck, login_errors.UNAVAILABLE, 503, "serviceNotAvailable", message))


def _gateway_timeout(struck: Struck) -> Answer:
    # On the login side it is the gateway itself that answers, with a page.
    if struck.area == "login":
        return Answer(504, b"<html><body><h2>Gateway Timeout</h2></body></html>", "text/html")
    return graph_errors.graph_error(
        struck.request, 504, "UnknownError", "The gateway did not receive a timely response."
    )


def _server_error(struck: Struck) -> Answer:
    message = "There was an internal server error while processing the request."
    return _error(struck, login_errors.SIGN_IN_SERVICE_FAILED, 500, "generalException", message)


def _unauthorized(struck: Struck) -> Answer:
    if struck.area == "login":
        return login_error(struck.request, login_errors.SECRET_WRONG, client=struck.tenant.client_id)
    return graph_errors.unauthorized(struck.request, "Lifetime validation failed, the token is expired.")


def _forbidden(struck: Struck) -> Answer:
    if struck.area == "login":
        return login_error(struck.request, login_errors.ACCESS_BLOCKED)
    return graph_errors.forbidden(struck.request)


def _bad_request(struck: Struck) -> Answer:
    if struck.area == "login":
        return Answer(400, content_type="text/html")
    return graph_errors.graph_error(struck.request, 400, "BadRequest", "The request is malformed or incorrect.")


def _not_found(struck: Struck) -> Answer:
    if struck.area == "login":
        return Answer(404, content_type="text/html")
    return graph_errors.graph_error(struck.request, 404, "UnknownError", "")


def _not_supported(struck: Struck) -> Answer:
    """concepts/delta-query-overview.md, "Properties stored outside of the main data store"."""
    if struck.area == "login":
        return Answer(501, content_type="text/html")
    message = "This operation target is not yet supported."
    return graph_errors.graph_error(struck.request, 501, "NotImplemented", message)


def _state_lost(how: StateLoss) -> Effect:
    return lambda struck: graph_errors.state_lost(struck.request, how)


def _page_expired(struck: Struck) -> Answer:
    return graph_errors.graph_error(struck.request, 400, "Directory_ExpiredPageToken", "The page token has expired.")


ERRORS: dict[str, Effect] = {
    "throttle": _throttle,
    "throttle_app": _throttle_app,
    "unavailable": _unavailable,
    "gateway_timeout": _gateway_timeout,
    "server_error": _server_error,
    "unauthorized": _unauthorized,
    "forbidden": _forbidden,
    "bad_request": _bad_request,
    "not_found": _not_found,
    "not_supported": _not_supported,
    "page_expired": _page_expired,
    "delta_gone": _state_lost("gone"),
    "delta_resync": _state_lost("resync"),
    "delta_expired": _state_lost("expired"),
}
