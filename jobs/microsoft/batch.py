"""Several requests in one: what is sent, and what came back for each.

Source: Graph, "Combine multiple HTTP requests using JSON batching": 20 requests at the most; the answers come in any
order, each under its request's id and with a status and headers of its own.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from requests.structures import CaseInsensitiveDict

from .reply import Reply
from .transport import Answer

MOST = 20

# A server that does not do batches is asked without them for so long.
_REFUSED_SECONDS = 3600
# What such a server answers; another status is about what was asked for, and passes.
_REFUSALS = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.NOT_IMPLEMENTED,
}
# By a server's address: until when each tenant is asked without batches, and those of the tenants that were refused one
# in a row, until when it counts.
_refused_until: dict[str, dict[str, float]] = {}
_in_a_row: dict[str, dict[str, float]] = {}
# Of so many tenants in a row it is the server; of one it may be the tenant, which must not slow down the others.
_ENOUGH = 2


def is_refused(base_url: str, tenant: str) -> bool:
    """Whether the server at this address was lately found not to do batches, or not of this tenant."""
    now = time.monotonic()
    in_a_row = [until for until in list(_in_a_row.get(base_url, {}).values()) if until > now]
    return _refused_until.get(base_url, {}).get(tenant, 0) > now or len(in_a_row) >= _ENOUGH


def note_refusal(base_url: str, tenant: str, status: int) -> None:
    """Remember that the server at this address answered a tenant's batch with this status, which is not success."""
    if status in _REFUSALS:
        for refused in (_refused_until, _in_a_row):
            refused.setdefault(base_url, {})[tenant] = time.monotonic() + _REFUSED_SECONDS


def note_success(base_url: str) -> None:
    """Remember that the server at this address does batches, if not of each tenant."""
    _in_a_row.pop(base_url, None)


def body_of(paths: Sequence[str]) -> bytes:
    """The body that asks for these paths, each of which begins with a slash. Their ids are their places."""
    asked = [{"id": str(place), "method": "GET", "url": path} for place, path in enumerate(paths)]
    return json.dumps({"requests": asked}).encode()


def replies_in(batch: Reply, count: int) -> list[Reply | None] | None:
    """The reply to each of so many requests, in their order.

    None for one that is missing, that came more than once, since nobody can tell which to believe, or that has no
    status. None as a whole where it is no answer to a batch.
    """
    responses = batch.body.get("responses") if isinstance(batch.body, Mapping) else None
    if not isinstance(responses, list):
        return None
    places = {str(place): place for place in range(count)}
    came = Counter[int]()
    found: list[Reply | None] = [None] * count
    for response in responses:
        place = places.get(_word(response.get("id"))) if isinstance(response, Mapping) else None
        if place is not None:
            came[place] += 1
            found[place] = _reply(response, batch.answer.headers.get("Date", "")) if came[place] == 1 else None
    return found


def _reply(response: Mapping[str, Any], date: str) -> Reply | None:
    """Its date is the batch's where it has none."""
    status = _word(response.get("status"))
    if not (status.isascii() and status.isdigit() and len(status) == 3):
        return None
    headers = CaseInsensitiveDict({"Date": date})
    given = response.get("headers")
    if isinstance(given, Mapping):
        headers.update({str(name): _word(value) for name, value in given.items()})
    return Reply(Answer(int(status), headers, b""), _parsed(response.get("body")))


def _word(value: Any) -> str:
    """A text or a number as text; empty for what is neither, and may be nested too deeply to be written."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _parsed(body: Any) -> Any:
    """The body as JSON. What does not call itself JSON comes as text, plain or as base64."""
    if not isinstance(body, str):
        return body
    for text in (body, _decoded(body)):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            continue
    return None


def _decoded(body: str) -> bytes:
    try:
        return base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_")
    except (ValueError, binascii.Error):
        return b""
