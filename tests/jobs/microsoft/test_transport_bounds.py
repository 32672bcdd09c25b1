"""Answers that take too long, or more memory than they may."""

from __future__ import annotations

import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from jobs.microsoft import connections, transport
from jobs.microsoft.errors import BadAnswer, BrokenOff, TimedOut
from jobs.microsoft.transport import Transport
from sandbox import Fault, Sandbox
from tests.jobs.raw_server import answer, raw_server

from .helpers import openid

OK = answer(b"{}")


def test_an_answer_that_does_not_come_times_out(shared_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "SILENCE_SECONDS", 0.2)
    with pytest.raises(TimedOut, match="did not answer in time"):
        Transport(str(shared_sandbox.ca_bundle)).send(
            "GET", openid(shared_sandbox, Fault("openid", "slow", seconds=10))
        )


def test_an_answer_that_stops_halfway_times_out(shared_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "SILENCE_SECONDS", 0.2)
    with pytest.raises(TimedOut):
        Transport(str(shared_sandbox.ca_bundle)).send(
            "GET", openid(shared_sandbox, Fault("openid", "hang_body", seconds=10))
        )


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_an_answer_that_drips_in_is_given_up_in_time(
    chunked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "SILENCE_SECONDS", 2)
    monkeypatch.setattr(connections, "ANSWER_SECONDS", 0.4)
    head = "Transfer-Encoding: chunked" if chunked else "Content-Length: 100000"

    def drip(connection: socket.socket) -> None:
        connection.sendall(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode())
        for _ in range(2000):
            connection.sendall(b"1\r\nx\r\n" if chunked else b"x")
            time.sleep(0.02)

    with raw_server(tmp_path, drip) as server:
        began = time.monotonic()
        with pytest.raises(TimedOut):
            Transport(server.ca_bundle).send("GET", server.url)
        assert time.monotonic() - began < 15


def test_an_answer_without_end_is_refused_in_bounded_memory(
    shared_sandbox: Sandbox, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = 1024 * 1024
    monkeypatch.setattr("jobs.microsoft.transport.ANSWER_BYTES", limit)
    url = openid(shared_sandbox, Fault("openid", "huge", megabytes=64))
    tracemalloc.start()
    try:
        with pytest.raises(BadAnswer, match="larger than 1 MB"):
            transport.send("GET", url)
        assert tracemalloc.get_traced_memory()[1] < 6 * limit
    finally:
        tracemalloc.stop()


def test_an_answer_as_large_as_is_believed_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "ANSWER_BYTES", 100_000)
    with raw_server(tmp_path, lambda connection: connection.sendall(answer(b"x" * 100_000))) as server:
        assert Transport(server.ca_bundle).send("GET", server.url).content == b"x" * 100_000


@pytest.mark.parametrize("size", [b"-1", b"-5", b"zz"])
def test_a_chunk_of_a_size_that_is_none_is_no_answer(size: bytes, tmp_path: Path) -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + size + b"\r\nhello\r\n0\r\n\r\n")
        connection.shutdown(socket.SHUT_RDWR)

    with raw_server(tmp_path, serve) as server, pytest.raises(BrokenOff):
        Transport(server.ca_bundle).send("GET", server.url)


def test_a_chunk_without_end_is_refused_in_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = 1024 * 1024
    monkeypatch.setattr(transport, "ANSWER_BYTES", limit)

    def serve(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n")
        for _ in range(64):
            connection.sendall(bytes(limit))

    with raw_server(tmp_path, serve) as server:
        tracemalloc.start()
        try:
            with pytest.raises((BadAnswer, BrokenOff)):
                Transport(server.ca_bundle).send("GET", server.url)
            assert tracemalloc.get_traced_memory()[1] < 6 * limit
        finally:
            tracemalloc.stop()


def _dripping_head(connection: socket.socket) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 150:
        connection.sendall(bytes([byte]))
        time.sleep(0.02)


def _promising_for_ever(connection: socket.socket) -> None:
    for _ in range(2000):
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.02)


def _dripping_trailers(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n")
    for _ in range(2000):
        connection.sendall(b"X-More: y\r\n")
        time.sleep(0.02)


@pytest.mark.parametrize("drip", [_dripping_head, _promising_for_ever, _dripping_trailers])
def test_what_drips_around_an_answer_is_given_up_in_time_as_well(
    drip: Callable[[socket.socket], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "SILENCE_SECONDS", 2)
    monkeypatch.setattr(connections, "ANSWER_SECONDS", 0.4)
    with raw_server(tmp_path, drip) as server:
        began = time.monotonic()
        with pytest.raises(TimedOut):
            Transport(server.ca_bundle).send("GET", server.url)
        assert time.monotonic() - began < 15


@contextmanager
def _proxy() -> Iterator[tuple[str, list[str]]]:
    """The address of a proxy that passes on what comes, and the servers that it was asked for."""
    asked: list[str] = []

    def pass_on(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while some := source.recv(4096):
                target.sendall(some)

    def serve(client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(1)
        asked.append(head.split()[1].decode())
        host, _, port = asked[-1].partition(":")
        with client, socket.create_connection((host, int(port))) as server:
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            threading.Thread(target=pass_on, args=(client, server), daemon=True).start()
            pass_on(server, client)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=serve, args=(client,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked


def test_through_a_proxy_an_answer_has_its_time_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def serve(connection: socket.socket) -> None:
        (_dripping_head if "/slow" in server.heads[-1] else lambda connection: connection.sendall(OK))(connection)

    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with raw_server(tmp_path, serve) as server, _proxy() as (proxy, asked):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        assert Transport(server.ca_bundle).send("GET", f"{server.url}/fast").content == b"{}"
        assert asked == [server.url.removeprefix("https://")]
        monkeypatch.setattr(connections, "ANSWER_SECONDS", 0.4)
        began = time.monotonic()
        with pytest.raises(TimedOut):
            Transport(server.ca_bundle).send("GET", f"{server.url}/slow")
        assert time.monotonic() - began < 15
