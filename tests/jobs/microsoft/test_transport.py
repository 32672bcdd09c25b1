"""HTTP to Microsoft: deadlines, bounds, pace, and what a request carries along."""

from __future__ import annotations

import errno
import io
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

import pytest

from jobs.microsoft import connections, transport
from jobs.microsoft.errors import BadAnswer, BrokenOff, Throttled, TimedOut, Transient, Unreachable
from jobs.microsoft.transport import Transport
from sandbox import Fault, Sandbox
from tests.jobs.raw_server import answer, raw_server

from .helpers import openid

OK = answer(b"{}")


def test_an_answer_that_does_not_come_times_out(
    shared_sandbox: Sandbox, settings_ca: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "SILENCE_SECONDS", 0.2)
    with pytest.raises(TimedOut, match="did not answer in time"):
        Transport(settings_ca).send("GET", openid(shared_sandbox, Fault("openid", "slow", seconds=1)))


def test_an_answer_that_stops_halfway_times_out(
    shared_sandbox: Sandbox, settings_ca: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "SILENCE_SECONDS", 0.2)
    with pytest.raises(TimedOut):
        Transport(settings_ca).send("GET", openid(shared_sandbox, Fault("openid", "hang_body", seconds=1)))


@pytest.fixture
def settings_ca(shared_sandbox: Sandbox) -> str:
    return str(shared_sandbox.ca_bundle)


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


def test_after_an_answer_that_was_refused_halfway_the_next_request_gets_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "ANSWER_BYTES", 100_000)
    answers = iter([answer(b"x" * 1_000_000), OK])
    with raw_server(tmp_path, lambda connection: connection.sendall(next(answers))) as server:
        send = Transport(server.ca_bundle).send
        with pytest.raises(BadAnswer):
            send("GET", server.url)
        assert send("GET", server.url).content == b"{}"
        assert server.connections == 2


def test_what_comes_after_an_answer_is_not_that_to_the_next_request(tmp_path: Path) -> None:
    # As much as is read at once ends with the first answer: what follows it was decrypted, and is not looked at yet.
    empty = answer(b"")
    first = answer(b" " * (io.DEFAULT_BUFFER_SIZE - len(empty) - len("8000") + 1))
    assert len(first) == io.DEFAULT_BUFFER_SIZE
    answers = iter([first + answer(b'{"of": "nobody"}'), answer(b'{"of": "second"}')])
    with raw_server(tmp_path, lambda connection: connection.sendall(next(answers))) as server:
        send = Transport(server.ca_bundle).send
        send("GET", server.url)
        assert send("GET", server.url).content == b'{"of": "second"}'


def test_a_redirect_is_not_followed(shared_sandbox: Sandbox, transport: Transport) -> None:
    url = openid(shared_sandbox, Fault("openid", "redirect", host=shared_sandbox.url.removeprefix("https://")))
    assert transport.send("GET", url).status_code == 302
    assert shared_sandbox.requests(url.split("/")[3])["total"] == 1


def test_a_429_and_a_503_with_retry_after_say_how_long_to_wait(shared_sandbox: Sandbox, transport: Transport) -> None:
    for kind in ("throttle", "unavailable"):
        with pytest.raises(Throttled) as caught:
            transport.send("GET", openid(shared_sandbox, Fault("openid", kind, retry_after=7)))
        assert caught.value.seconds == 7


def test_a_429_without_retry_after_does_not_say_how_long(shared_sandbox: Sandbox, transport: Transport) -> None:
    with pytest.raises(Throttled) as caught:
        transport.send("GET", openid(shared_sandbox, Fault("openid", "throttle")))
    assert caught.value.seconds is None


def test_a_503_without_retry_after_is_an_answer(shared_sandbox: Sandbox, transport: Transport) -> None:
    assert transport.send("GET", openid(shared_sandbox, Fault("openid", "unavailable"))).status_code == 503


@pytest.mark.parametrize("status", ["500 Internal Server Error", "502 Bad Gateway", "504 Gateway Timeout"])
def test_a_retry_after_of_any_failure_is_obeyed(status: str, tmp_path: Path) -> None:
    told = answer(b"{}", "retry-after: 9\r\n", status=status)
    with raw_server(tmp_path, lambda connection: connection.sendall(told)) as server:
        with pytest.raises(Throttled) as caught:
            Transport(server.ca_bundle).send("GET", server.url)
        assert caught.value.seconds == 9


@pytest.mark.parametrize(
    ("header", "is_of_app"),
    [
        ("x-ms-throttle-scope: Application/Read/9a3d/b3c1\r\n", True),
        ("X-MS-Throttle-Scope:  APPLICATION/ReadWrite/9a3d/b3c1\r\n", True),
        ("x-ms-throttle-scope: Tenant_Application/ReadWrite/9a3d/0785\r\n", False),
        ("x-ms-throttle-scope: Tenant/Read/9a3d/0785\r\n", False),
        ("", False),
    ],
)
def test_a_429_says_whether_it_is_about_the_whole_app(header: str, is_of_app: bool, tmp_path: Path) -> None:
    told = answer(b"{}", f"Retry-After: 9\r\n{header}", status="429 Too Many Requests")
    with raw_server(tmp_path, lambda connection: connection.sendall(told)) as server:
        with pytest.raises(Throttled) as caught:
            Transport(server.ca_bundle).send("GET", server.url)
        assert caught.value.is_of_app == is_of_app


def test_a_date_to_wait_for_is_counted_by_the_clock_of_who_gave_it(tmp_path: Path) -> None:
    dates = "Date: Wed, 21 Oct 2015 07:28:00 GMT\r\nRetry-After: Wed, 21 Oct 2015 07:29:30 GMT\r\n"
    told = answer(b"{}", dates, status="429 Too Many Requests")
    with raw_server(tmp_path, lambda connection: connection.sendall(told)) as server:
        with pytest.raises(Throttled) as caught:
            Transport(server.ca_bundle).send("GET", server.url)
        assert caught.value.seconds is not None
        assert 90 <= caught.value.seconds <= 91


def test_threads_share_the_connections_and_keep_them(tmp_path: Path) -> None:
    with raw_server(tmp_path, lambda connection: connection.sendall(OK)) as server:
        with ThreadPoolExecutor(8) as pool:
            sent = [pool.submit(Transport(server.ca_bundle).send, "GET", server.url) for _ in range(80)]
        assert all(one.result().status_code == 200 for one in sent)
        assert server.connections <= 8


def test_every_request_is_counted_and_may_be_stopped_before_it_is_sent(
    shared_sandbox: Sandbox, settings_ca: str
) -> None:
    allowed = [True, True, False]

    def before_request() -> None:
        if not allowed.pop(0):
            raise RuntimeError("no more")

    sender = Transport(settings_ca, before_request)
    url = openid(shared_sandbox, Fault("openid", "drop", times=1))
    with pytest.raises(Unreachable):
        sender.send("GET", url)
    sender.send("GET", url)
    with pytest.raises(RuntimeError):
        sender.send("GET", url)
    assert sender.requests == 2
    assert shared_sandbox.requests(url.split("/")[3])["total"] == 2


def test_the_next_work_uses_the_same_connection_and_no_cookie(tmp_path: Path) -> None:
    with_cookie = answer(b"{}", "Set-Cookie: stsservicecookie=ests; path=/\r\n")
    with raw_server(tmp_path, lambda connection: connection.sendall(with_cookie)) as server:
        for _ in range(3):
            Transport(server.ca_bundle).send("GET", server.url)
        assert server.connections == 1
        assert not any("cookie" in head.lower() for head in server.heads)


def test_a_netrc_does_not_replace_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with raw_server(tmp_path, lambda connection: connection.sendall(OK)) as server:
        Transport(server.ca_bundle).send("GET", server.url, headers={"Authorization": "Bearer token"})
        assert "Authorization: Bearer token" in server.heads[0]


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


def test_an_answer_that_comes_after_its_announcement_is_not_that_to_the_next_request(tmp_path: Path) -> None:
    answers = iter(
        [b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + answer(b'{"of": "first"}'), answer(b'{"of": "second"}')]
    )
    with raw_server(tmp_path, lambda connection: connection.sendall(next(answers))) as server:
        send = Transport(server.ca_bundle).send
        send("GET", server.url)
        assert send("GET", server.url).content == b'{"of": "second"}'


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


@pytest.mark.usefixtures("another_environment")  # so that a connection is made
def test_that_no_file_is_left_to_open_is_not_taken_for_a_host_that_is_away(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.EMFILE, "Too many open files")

    address = openid(sandbox)
    monkeypatch.setattr(connections, "create_connection", refuse)
    with pytest.raises(Transient, match="could open no more files") as caught:
        Transport(str(sandbox.ca_bundle)).send("GET", address)
    assert not isinstance(caught.value, Unreachable)
