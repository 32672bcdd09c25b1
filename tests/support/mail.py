"""A mail server as small as one can be: it speaks enough SMTP to take a mail, or to refuse it as a test wants."""

from __future__ import annotations

import base64
import socketserver
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default


@dataclass
class Postbox:
    """What came, and how the server behaves: `refusals` answers a command by another line than usual."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    credentials: list[tuple[str, str]] = field(default_factory=list)
    refusals: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        box: Postbox = self.server.box  # type: ignore[attr-defined]
        self._say("220 ready")
        while line := self.rfile.readline().decode().strip():
            command = line.split()[0].upper()
            if command in box.refusals:
                self._say(box.refusals[command])
            elif command == "EHLO":
                self._say("250-mail.test", "250-AUTH PLAIN", "250 8BITMIME")
            elif command == "AUTH":
                _, user, password = base64.b64decode(line.split()[2]).decode().split("\0")
                box.credentials.append((user, password))
                self._say("235 welcome")
            elif command == "RCPT":
                box.recipients.append(line.partition("<")[2].partition(">")[0])
                self._say("250 ok")
            elif command == "DATA":
                self._take(box)
            elif command == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _take(self, box: Postbox) -> None:
        self._say("354 go on")
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b"."))  # which SMTP puts before a line that begins with one
        box.mails.append(message_from_bytes(b"".join(lines), policy=default))
        self._say("250 taken")

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextmanager
def mail_server(tls: ssl.SSLContext | None = None, refusals: Mapping[str, str] | None = None) -> Iterator[Postbox]:
    """A mail server on this machine; with `tls` it is encrypted from the first byte."""
    with _Server(("127.0.0.1", 0), _Conversation) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        box = Postbox(port=int(server.server_address[1]), refusals=refusals or {})
        server.box = box  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield box
        finally:
            server.shutdown()
            thread.join()
