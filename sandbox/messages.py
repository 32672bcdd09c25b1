"""What goes in and what comes out: a request as read from the wire, and an answer with the way it is to be sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

JSON = "application/json; charset=utf-8"


@dataclass(frozen=True)
class Request:
    """One HTTP request. Header names are lower-case; `base_url` is the scheme and host that the caller asked for."""

    method: str
    target: str
    base_url: str
    headers: Mapping[str, str]
    body: bytes
    request_id: str
    received_at: float

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
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
    """A well-formed JSON collection of about this many megabytes is streamed in chunks, its length not announced."""

    megabytes: int


Delivery = Whole | Drop | HangHalfway | Huge


@dataclass(frozen=True)
class Answer:
    """A status, a body and headers; `delivery` says how they reach the caller."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    delivery: Delivery = Whole()


def json_answer(
    status: int, payload: object, headers: Mapping[str, str] | None = None, content_type: str = JSON
) -> Answer:
    """An answer that carries `payload` as UTF-8 JSON."""
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(status, body, content_type, headers or {})
