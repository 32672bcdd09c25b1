"""One connection: requests are read from it and answers written to it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, cast
from uuid import uuid4

from sandbox.messages import Answer, Drop, HangHalfway, Huge, Request

if TYPE_CHECKING:
    from sandbox.server import Server

_LONGEST_BODY = 64 * 1024 * 1024
_CHUNK = 64 * 1024


class Reception(BaseHTTPRequestHandler):
    """Turns bytes into a Request, and an Answer into bytes."""

    protocol_version = "HTTP/1.1"
    server_version = "Sandbox"
    sys_version = ""
    timeout = 60
    disable_nagle_algorithm = True
    wbufsize = -1

    def respond(self) -> None:
        request = self._request()
        if request is not None:
            self._send(cast("Server", self.server).application.answer(request))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = respond  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        if cast("Server", self.server).verbose:
            super().log_message(format, *args)

    def _request(self) -> Request | None:
        """The request with its body, or None where it cannot be read; that has been answered then."""
        received_at = time.time()
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdigit():
            self.send_error(411)
            return None
        if int(length) > _LONGEST_BODY:
            self.send_error(413)
            return None
        host = self.headers.get("Host") or f"127.0.0.1:{cast('Server', self.server).server_port}"
        return Request(
            method=self.command,
            target=self.path,
            base_url=f"https://{host}",
            # A header may come folded over lines; what we echo must not break ours.
            headers={name.lower(): " ".join(value.split()) for name, value in self.headers.items()},
            body=self.rfile.read(int(length)),
            request_id=str(uuid4()),
            received_at=received_at,
        )

    def _send(self, answer: Answer) -> None:
        match answer.delivery:
            case Drop():
                self._hang_up()
            case HangHalfway(seconds):
                self._send_headers(answer)
                self.wfile.write(answer.body[: len(answer.body) // 2])
                self.wfile.flush()
                time.sleep(seconds)
                self._hang_up()
            case Huge(megabytes):
                self._send_chunks(answer, megabytes)
            case _:
                self._send_headers(answer)
                if self.command != "HEAD":
                    self.wfile.write(answer.body)

    def _send_headers(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _send_chunks(self, answer: Answer, megabytes: int) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Transfer-Encoding", "chunked")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        for chunk in _huge_collection(megabytes):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def _huge_collection(megabytes: int) -> Iterator[bytes]:
    """A JSON collection of this many megabytes, piece by piece."""
    item = b'{"skuPartNumber":"%s"}' % (b"X" * _CHUNK)
    yield b'{"value":[' + item
    for _ in range(megabytes * 1024 * 1024 // len(item)):
        yield b"," + item
    yield b"]}"
