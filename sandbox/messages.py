"""What goes in and what comes out: a request as read from the wire, and an answer with the way it is to be sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

JSON = "application/json; charset=utf-8"


@dataclass(frozen=True)
class Request:
    """One HTTP request, or one of those that a batch carries.

    Header names are lower-case; `base_url` is the scheme and host that the caller asked for, `peer` its end of the
    connection. `has_left` tells whether the caller, who waits for the answer, has closed that meanwhile.
    """

    method: str
    target: str
    base_url: str
    headers: Mapping[str, str]
    body: bytes
    request_id: str
    received_at: float
    peer: str = ""
    in_batch: bool = False
    has_left: Callable[[], bool] = lambda: False

    @cached_property
    def path(self) -> str:
        return urlsplit(self.target).path

    @cached_property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def bearer(self) -> str:
        """The bearer token of the Authorization header, or an empty string."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""


@dataclass(frozen=True)
class Whole:
    """Sent as it is."""


@dataclass(frozen=True)
class Drop:
    """The connection closes without a byte of an answer."""


@dataclass(frozen=True)
class HangHalfway:
    """Headers and half of the body are sent; then nothing for `seconds`, and the connection closes."""

    seconds: float


@dataclass(frozen=True)
class Huge:
    """A well-formed JSON collection of about this many megabytes is streamed in chunks, its length not announced.

    `before` and `after` are what stands around it.
    """

    megabytes: int
    before: bytes = b""
    after: bytes = b""


Delivery = Whole | Drop | HangHalfway | Huge


@dataclass(frozen=True)
class Pause:
    """What a Retry-After tells the caller: not to ask before a moment (a Unix time), of this tenant or for its app."""

    scope: Literal["tenant", "app"]
    until: float


@dataclass(frozen=True)
class Answer:
    """A status, a body and headers; `delivery` says how they reach the caller, `pause` what a Retry-After among the
    headers asks for.
    """

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    delivery: Delivery = Whole()
    pause: Pause | None = None
    # Whether the body is what its content type says.
    is_well_formed: bool = True


def json_answer(
    status: int, payload: object, headers: Mapping[str, str] | None = None, content_type: str = JSON
) -> Answer:
    """An answer that carries `payload` as UTF-8 JSON."""
    return Answer(status, json_bytes(payload), content_type, headers or {})


# What `json_bytes` has, as text. Made once: `json.dumps` would make an encoder for each value.
json_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def json_bytes(payload: object) -> bytes:
    """UTF-8 JSON without a blank that is not needed."""
    return json_text(payload).encode()
