"""One connection: requests are read from it and answers written to it.

The standard library's http.server would do, but reads and writes headers so slowly that the sandbox would take more of
a processor than what it measures.
"""

from __future__ import annotations

import select
import socket
import sys
import time
from collections.abc import Iterator
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from socketserver import StreamRequestHandler
from typing import TYPE_CHECKING
from uuid import uuid4

from sandbox.messages import Answer, Drop, HangHalfway, Huge, Request

if TYPE_CHECKING:
    from sandbox.server import Server

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_LONGEST_LINE = 64 * 1024
_MOST_HEADERS = 100
_LONGEST_BODY = 64 * 1024 * 1024
_CHUNK = 64 * 1024


class _BadRequestError(Exception):
    """What came cannot be answered but with this status, after which the connection ends."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Reception(StreamRequestHandler):
    """Turns bytes into a Request, and an Answer into bytes: HTTP/1.1, with requests one after another."""

    server: Server
    timeout = 60
    disable_nagle_algorithm = True

    def handle(self) -> None:
        application = self.server.application
        self._keeps_alive = True
        while self._keeps_alive:
            try:
                request = self._request()
            except _BadRequestError as bad:
                self._keeps_alive = False
                self._send(Answer(bad.status, content_type="text/html"), "")
                return
            if request is None:
                return
            answer = application.answer(request)
            if self.server.verbose:
                print(f'{request.peer} "{request.method} {request.target}" {answer.status}', file=sys.stderr)
            self._send(answer, request.method)

    def _request(self) -> Request | None:
        """The next request with its body; None where the client has gone. Raises _BadRequestError."""
        try:
            line = self._line()
        except TimeoutError:
            return None
        if not line:
            return None
        received_at = time.time()
        method, _, rest = line.partition(" ")
        target, _, version = rest.rpartition(" ")
        if not target or version not in ("HTTP/1.0", "HTTP/1.1"):
            raise _BadRequestError(400)
        if method not in _METHODS:
            raise _BadRequestError(501)
        headers = self._headers()
        asked = headers.get("connection", "keep-alive" if version == "HTTP/1.1" else "close").lower()
        self._keeps_alive = asked != "close"
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not length.isdigit():
            raise _BadRequestError(411)
        if int(length) > _LONGEST_BODY:
            raise _BadRequestError(413)
        if headers.get("expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        host = headers.get("host") or f"127.0.0.1:{self.server.server_port}"
        return Request(
            method=method,
            target=target,
            base_url=f"https://{host}",
            headers=headers,
            body=self.rfile.read(int(length)),
            request_id=str(uuid4()),
            received_at=received_at,
            peer=f"{self.client_address[0]}:{self.client_address[1]}",
            has_left=self._has_left,
        )

    def _has_left(self) -> bool:
        """Whether the client closed the connection: before it has its answer it has nothing else to say."""
        poll = select.poll()
        poll.register(self.connection, select.POLLIN)
        return bool(poll.poll(0))

    def _line(self) -> str:
        line = self.rfile.readline(_LONGEST_LINE + 1)
        if len(line) > _LONGEST_LINE:
            raise _BadRequestError(431)
        return line.decode("latin-1").rstrip("\r\n")

    def _headers(self) -> dict[str, str]:
        """The headers by lower-case name. One may come folded over lines; what we echo must not break ours."""
        headers: dict[str, str] = {}
        name = ""
        while line := self._line():
            if line[0] in " \t" and name:
                headers[name] += f" {line.strip()}"
                continue
            name, _, value = line.partition(":")
            name = name.lower()
            headers[name] = value.strip()
            if len(headers) > _MOST_HEADERS:
                raise _BadRequestError(431)
        return headers

    def _send(self, answer: Answer, method: str) -> None:
        match answer.delivery:
            case Drop():
                self._hang_up()
            case HangHalfway(seconds):
                self.wfile.write(self._head(answer, len(answer.body)) + answer.body[: len(answer.body) // 2])
                time.sleep(seconds)
                self._hang_up()
            case Huge():
                self.wfile.write(self._head(answer, None))
                for chunk in _huge_body(answer.delivery):
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                self.wfile.write(b"0\r\n\r\n")
            case _:
                head = self._head(answer, len(answer.body))
                self.wfile.write(head if method == "HEAD" else head + answer.body)

    def _head(self, answer: Answer, length: int | None) -> bytes:
        """The status line and the headers; without a length the body comes in chunks."""
        size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
        lines = [
            f"{_status_line(answer.status)}\r\nServer: Sandbox\r\nDate: {_date(int(time.time()))}",
            f"Content-Type: {answer.content_type}\r\n{size}",
            *[f"{name}: {value}" for name, value in answer.headers.items()],
        ]
        if not self._keeps_alive:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _hang_up(self) -> None:
        self._keeps_alive = False
        self.connection.shutdown(socket.SHUT_RDWR)


@lru_cache
def _status_line(status: int) -> str:
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


def _huge_body(huge: Huge) -> Iterator[bytes]:
    """A JSON collection of so many megabytes with what is around it, piece by piece."""
    item = b'{"skuPartNumber":"%s"}' % (b"X" * _CHUNK)
    yield huge.before + b'{"value":[' + item
    for _ in range(huge.megabytes * 1024 * 1024 // len(item)):
        yield b"," + item
    yield b"]}" + huge.after
