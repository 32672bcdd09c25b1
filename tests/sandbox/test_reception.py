"""HTTP/1.1 as the sandbox speaks it: several requests over a connection, and what cannot be read."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import pytest

from sandbox import Sandbox

NOWHERE = b"GET /nowhere HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
def connection(service: Sandbox) -> Iterator[ssl.SSLSocket]:
    port = int(service.url.rsplit(":", 1)[1])
    context = ssl.create_default_context(cafile=str(service.ca_bundle))
    with (
        socket.create_connection(("127.0.0.1", port), timeout=60) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secured,
    ):
        yield secured


def until_closed(connection: ssl.SSLSocket) -> bytes:
    received = b""
    while piece := connection.recv(65536):
        received += piece
    return received


def test_a_connection_carries_requests_until_it_is_told_not_to(connection: ssl.SSLSocket) -> None:
    connection.sendall((NOWHERE + b"\r\n") * 2 + NOWHERE + b"Connection: close\r\n\r\n")
    received = until_closed(connection)
    assert received.count(b"HTTP/1.1 404 Not Found\r\n") == 3
    assert received.count(b"Connection: close\r\n") == 1


def test_an_older_version_closes_by_itself(connection: ssl.SSLSocket) -> None:
    connection.sendall(b"GET /nowhere HTTP/1.0\r\n\r\n")
    assert until_closed(connection).startswith(b"HTTP/1.1 404 ")


def test_head_has_no_body(connection: ssl.SSLSocket) -> None:
    connection.sendall(b"HEAD /v1.0/organization HTTP/1.1\r\nConnection: close\r\n\r\n")
    head, _, body = until_closed(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 401 ")
    assert b"Content-Length: 0" not in head
    assert body == b""


def test_a_client_that_asks_whether_to_go_on_is_told_to(connection: ssl.SSLSocket) -> None:
    connection.sendall(b"POST /nowhere HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(b"{}" + NOWHERE + b"Connection: close\r\n\r\n")
    assert until_closed(connection).count(b"HTTP/1.1 404 ") == 2


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /x HTTP/2\r\n\r\n", 400),
        (b"BREW /x HTTP/1.1\r\n\r\n", 501),
        (b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"POST /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 411),
        (b"POST /x HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", 431),
        (b"GET /x HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % number for number in range(101)) + b"\r\n", 431),
    ],
)
def test_what_cannot_be_read_is_answered_and_ends_the_connection(
    connection: ssl.SSLSocket, sent: bytes, status: int
) -> None:
    connection.sendall(sent)
    assert connection.recv(65536).startswith(b"HTTP/1.1 %d " % status)
