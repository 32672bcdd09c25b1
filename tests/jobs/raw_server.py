"""A TLS server that answers as a test says, byte for byte: for what no decent server would do."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import trustme

Serve = Callable[[socket.socket], None]


@dataclass
class RawServer:
    url: str
    ca_bundle: str
    # The heads of the requests that came, and how many connections they came on.
    heads: list[str] = field(default_factory=list)
    connections: int = 0


@contextmanager
def raw_server(directory: Path, serve: Serve, tls: bool = True) -> Iterator[RawServer]:
    """Serve each connection by `serve`, which is called for each request on it, its head already read.

    Without `tls`, `serve` is called once for each connection with nothing read.
    """
    authority = trustme.CA()
    ca_bundle = directory / "raw-ca.pem"
    authority.cert_pem.write_to_path(str(ca_bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))
    server = RawServer(f"https://127.0.0.1:{listener.getsockname()[1]}", str(ca_bundle))
    threads: list[threading.Thread] = []

    def talk(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            if not tls:
                serve(connection)
                return
            with context.wrap_socket(connection, server_side=True) as secured:
                while head := _read_head(secured):
                    server.heads.append(head)
                    serve(secured)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.settimeout(10)
                server.connections += 1
                threads.append(threading.Thread(target=talk, args=(connection,), daemon=True))
                threads[-1].start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join()


def _read_head(connection: socket.socket) -> str:
    """The request line and the headers, and the body along with it; empty where the client is gone."""
    content = b""
    while b"\r\n\r\n" not in content:
        received = connection.recv(65536)
        if not received:
            return ""
        content += received
    head, _, body = content.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            missing = int(line.split(b":")[1]) - len(body)
            while missing > 0:
                missing -= len(connection.recv(65536))
    return head.decode()


def answer(body: bytes, headers: str = "", status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body
