"""What each kind of fault does to an answer."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Any

from sandbox import graph_errors, login_errors, odata
from sandbox.faults import Fault
from sandbox.login_errors import LoginError, login_error
from sandbox.messages import Answer, Drop, HangHalfway, Huge, Request, json_answer
from sandbox.route import Area
from sandbox.tenants import Tenant

Serve = Callable[[Request], Answer]


@dataclass(frozen=True)
class Struck:
    """A request that met a fault; `serve` would answer it as if there were none."""

    fault: Fault
    request: Request
    area: Area
    tenant: Tenant
    serve: Serve


def faulty_answer(struck: Struck) -> Answer:
    """The answer that the fault makes of it."""
    return _EFFECTS[struck.fault.kind](struck)


def _error(struck: Struck, login: LoginError, status: int, code: str, message: str) -> Answer:
    """An error in the words of the side that was asked."""
    if struck.area == "login":
        return login_error(struck.request, login, client=struck.tenant.client_id)
    return graph_errors.graph_error(struck.request, status, code, message)


def _with_retry_after(struck: Struck, answer: Answer) -> Answer:
    """The answer with a Retry-After header, in seconds or as a date (RFC 9110, 10.2.3), if the fault has one."""
    seconds = struck.fault.retry_after
    if seconds is None:
        return answer
    # A date has whole seconds only: rounding up keeps it from asking for less than `retry_after`.
    value = formatdate(math.ceil(time.time() + seconds), usegmt=True) if struck.fault.as_date else str(seconds)
    return replace(answer, headers={**answer.headers, "Retry-After": value})


def _throttle(struck: Struck) -> Answer:
    answer = _error(struck, login_errors.THROTTLED, 429, "TooManyRequests", "Please retry again later.")
    if struck.area == "graph":
        scope = f"Tenant_Application/ReadWrite/{struck.tenant.client_id}/{struck.tenant.tenant_id}"
        headers = {"x-ms-throttle-scope": scope, "x-ms-throttle-information": "ResourceUnitLimitExceeded"}
        answer = replace(answer, headers=headers)
    return _with_retry_after(struck, answer)


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


def _not_json(struck: Struck) -> Answer:
    page = b"<!DOCTYPE html><html><head><title>Guest network</title></head><body><p>Please sign in.</p></body></html>"
    return Answer(200, page, "text/html; charset=utf-8")


def _bad_json(struck: Struck) -> Answer:
    answer = struck.serve(struck.request)
    return replace(answer, body=answer.body[: len(answer.body) * 2 // 3])


def _wrong_shape(struck: Struck) -> Answer:
    return json_answer(200, {"value": "no"})


def _wrong_item(struck: Struck) -> Answer:
    """The first item of a collection (or the whole of another answer) loses its ids, and its numbers become text."""
    answer = struck.serve(struck.request)
    payload = json.loads(answer.body)
    if isinstance(payload.get("value"), list) and payload["value"]:
        payload["value"][0] = _spoiled(payload["value"][0])
    else:
        payload = _spoiled(payload)
    return json_answer(answer.status, payload, answer.headers, answer.content_type)


_IDS = frozenset({"id", "skuId", "customerId", "tenantId", "access_token"})


def _spoiled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _spoiled(item) for key, item in value.items() if key not in _IDS}
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value} units"
    return value


def _slow(struck: Struck) -> Answer:
    time.sleep(struck.fault.seconds)
    return struck.serve(struck.request)


def _drop(struck: Struck) -> Answer:
    return Answer(0, delivery=Drop())


def _hang_body(struck: Struck) -> Answer:
    return replace(struck.serve(struck.request), delivery=HangHalfway(struck.fault.seconds))


def _huge(struck: Struck) -> Answer:
    return Answer(200, delivery=Huge(struck.fault.megabytes))


def _endless_pages(struck: Struck) -> Answer:
    """The first page again and again, each time with a link to another."""
    try:
        page = odata.offset(struck.request.query.get("$skiptoken", ""))
    except odata.QueryError:
        return struck.serve(struck.request)
    first = odata.without_skip_token(struck.request)
    return _with_next_link(struck.serve(first), odata.next_link(first, odata.skip_token(page + 1)))


def _foreign_next_link(struck: Struck) -> Answer:
    link = odata.next_link(replace(struck.request, base_url=f"https://{struck.fault.host}"), odata.skip_token(0))
    return _with_next_link(struck.serve(struck.request), link)


def _with_next_link(answer: Answer, link: str) -> Answer:
    payload = json.loads(answer.body)
    if not isinstance(payload.get("value"), list):
        return answer
    return json_answer(answer.status, {**payload, "@odata.nextLink": link}, answer.headers, answer.content_type)


def _redirect(struck: Struck) -> Answer:
    return Answer(302, headers={"Location": f"https://{struck.fault.host}{struck.request.target}"})


_EFFECTS: dict[str, Callable[[Struck], Answer]] = {
    "throttle": _throttle,
    "unavailable": _unavailable,
    "gateway_timeout": _gateway_timeout,
    "server_error": _server_error,
    "unauthorized": _unauthorized,
    "forbidden": _forbidden,
    "not_json": _not_json,
    "bad_json": _bad_json,
    "wrong_shape": _wrong_shape,
    "wrong_item": _wrong_item,
    "slow": _slow,
    "drop": _drop,
    "hang_body": _hang_body,
    "huge": _huge,
    "endless_pages": _endless_pages,
    "foreign_next_link": _foreign_next_link,
    "redirect": _redirect,
}
