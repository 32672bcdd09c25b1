"""POST /$batch (concepts/json-batching.md)."""

from __future__ import annotations

import base64
import json
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from sandbox.graph_errors import graph_error
from sandbox.messages import JSON, Answer, Drop, HangHalfway, Huge, Request
from sandbox.route import Call, Route

MOST = 20
# Characters that stand in a URL as they are; what else a client leaves in, a space above all, is encoded for it.
_SAFE = "!#$%&'()*+,/:;=?@[]~"


class _MalformedError(Exception):
    """The batch as a whole is refused; the message is for its sender."""


@dataclass(frozen=True)
class _Asked:
    id: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    depends_on: tuple[str, ...]


def batch(call: Call) -> Answer:
    """Each request is answered by itself; the answers come in an order of their own, the same for the same ids."""
    if call.request.in_batch:
        return graph_error(call.request, 400, "BadRequest", "A batch cannot be part of a batch.")
    try:
        asked = _read(call.request.body)
        answers = _answers(call, asked)
    except _MalformedError as reason:
        return graph_error(call.request, 400, "BadRequest", str(reason))
    _wait_for_stalled(call.request, answers.values())
    order = _shuffled([one.id for one in asked])
    return _assembled([(name, answers[name.lower()]) for name in order])


def _answers(call: Call, asked: Sequence[_Asked]) -> dict[str, Answer]:
    """The answers by the ids of their requests in lower case, each after those that it depends on."""
    by_id = {one.id.lower(): one for one in asked}
    answers: dict[str, Answer] = {}
    waiting = list(by_id)
    while waiting:
        ready = [name for name in waiting if all(other in answers for other in by_id[name].depends_on)]
        if not ready:
            raise _MalformedError("The requests depend on each other in a circle, or on one that is not there.")
        for name in ready:
            request = _inner(call.request, by_id[name])
            failed = any(answers[other].status >= 400 for other in by_id[name].depends_on)
            answers[name] = _failed_dependency(request) if failed else call.ask(request)
        waiting = [name for name in waiting if name not in answers]
    return answers


def _wait_for_stalled(request: Request, answers: Iterable[Answer]) -> None:
    """What stalls halfway holds up the whole batch, until the gateway gives up."""
    stalled = max((one.delivery.seconds for one in answers if isinstance(one.delivery, HangHalfway)), default=0.0)
    if stalled:
        time.sleep(max(0.0, request.received_at + stalled - time.time()))


def _failed_dependency(request: Request) -> Answer:
    return graph_error(request, 424, "FailedDependency", "A request that this one depends on has failed.")


def _inner(outer: Request, asked: _Asked) -> Request:
    version = outer.path.lstrip("/").split("/", 1)[0]
    return Request(
        method=asked.method,
        target=f"/{version}/{quote(asked.url.lstrip('/'), safe=_SAFE)}",
        base_url=outer.base_url,
        headers={"authorization": outer.headers.get("authorization", ""), **asked.headers},
        body=asked.body,
        request_id=str(uuid4()),
        received_at=outer.received_at,
        peer=outer.peer,
        in_batch=True,
    )


def _read(body: bytes) -> list[_Asked]:
    """Raises _MalformedError."""
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _MalformedError("The body of a batch is a JSON object.") from error
    requests = sent.get("requests") if isinstance(sent, dict) else None
    if not isinstance(requests, list) or not requests:
        raise _MalformedError("The property 'requests' is a list of at least one request.")
    if len(requests) > MOST:
        raise _MalformedError(f"Number of batch request steps exceeds max value of {MOST}.")
    asked = [_one(item) for item in requests]
    if len({one.id.lower() for one in asked}) < len(asked):
        raise _MalformedError("The id of each request has to be unique in the batch.")
    return asked


def _one(item: Any) -> _Asked:
    if not isinstance(item, dict):
        raise _MalformedError("Each request is a JSON object.")
    for name in ("id", "method", "url"):
        if not isinstance(item.get(name), str) or not item[name]:
            raise _MalformedError(f"Each request needs the property '{name}', which is text.")
    headers, depends_on = item.get("headers") or {}, item.get("dependsOn") or []
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise _MalformedError("The headers of a request are a JSON object with text in it.")
    if not isinstance(depends_on, list) or not all(isinstance(other, str) for other in depends_on):
        raise _MalformedError("The property 'dependsOn' is a list of ids.")
    lower = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    if "body" in item and "content-type" not in lower:
        raise _MalformedError("A request with a body needs the header Content-Type.")
    body = json.dumps(item["body"]).encode() if "body" in item else b""
    ids = tuple(other.lower() for other in depends_on)
    return _Asked(item["id"], item["method"].upper(), item["url"], lower, body, ids)


def _shuffled(ids: Sequence[str]) -> list[str]:
    """The ids in another order, where there are at least two."""
    order = list(ids)
    random.Random("/".join(ids)).shuffle(order)
    return order if order != list(ids) else order[::-1]


def _assembled(answers: Sequence[tuple[str, Answer]]) -> Answer:
    """One body of the bodies, which are not read again for it."""
    pieces, huge = [[b'{"responses":[']], 0
    for place, (name, answer) in enumerate(answers):
        status, headers, body = _status(answer), dict(answer.headers), _body(answer)
        head = json.dumps({"id": name, "status": status, "headers": {**headers, "Content-Type": answer.content_type}})
        pieces[-1].append(b"%s%s" % (b"," if place else b"", head[:-1].encode()))
        if isinstance(answer.delivery, Huge) and len(pieces) == 1:
            huge = answer.delivery.megabytes
            pieces[-1].append(b',"body":')
            pieces.append([b"}"])
        else:
            pieces[-1].append(b',"body":%s}' % body)
    pieces[-1].append(b"]}")
    whole = [b"".join(part) for part in pieces]
    if len(whole) == 1:
        return Answer(200, whole[0], JSON)
    return Answer(200, delivery=Huge(huge, *whole))


def _status(answer: Answer) -> int:
    """A batch goes through a gateway, which tells of a service that did not answer."""
    return 504 if isinstance(answer.delivery, Drop | HangHalfway) else answer.status


def _body(answer: Answer) -> bytes:
    """The body as it stands in the answer: JSON, or base64 text of anything else."""
    if isinstance(answer.delivery, Drop | HangHalfway):
        return b'{"error":{"code":"UnknownError","message":"The gateway did not receive a timely response."}}'
    if not answer.body:
        return b"null"
    if answer.content_type.startswith("application/json") and answer.is_well_formed:
        return answer.body
    return b'"%s"' % base64.b64encode(answer.body)


ROUTES = (Route("graph", "batch", "POST", "/v1.0/$batch", batch),)
