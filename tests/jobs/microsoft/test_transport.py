"""HTTP to Microsoft: whose answer is whose, pace, and what a request carries along."""

from __future__ import annotations

import errno
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import pytest

from jobs.microsoft import connections, transport
from jobs.microsoft.errors import BadAnswer, Throttled, Transient, Unreachable
from jobs.microsoft.transport import Transport
from sandbox import Fault, Sandbox
from tests.jobs.raw_server import answer, raw_server

from .helpers import openid

OK = answer(b"{}")


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
    head, body = answer(b"{}")[:-2], b"{}"
    # What follows the body came in one piece with it: it was decrypted by then, and is not looked at yet.
    answers = iter([(head, body + answer(b'{"of": "nobody"}')), (answer(b'{"of": "second"}'),)])

    def reply(connection: socket.socket) -> None:
        for piece in next(answers):
            connection.sendall(piece)

    with raw_server(tmp_path, reply) as server:
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


def test_every_request_is_counted_and_may_be_stopped_before_it_is_sent(shared_sandbox: Sandbox) -> None:
    allowed = [True, True, False]

    def before_request() -> None:
        if not allowed.pop(0):
            raise RuntimeError("no more")

    sender = Transport(str(shared_sandbox.ca_bundle), before_request)
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


def test_an_answer_that_comes_after_its_announcement_is_not_that_to_the_next_request(tmp_path: Path) -> None:
    answers = iter(
        [b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + answer(b'{"of": "first"}'), answer(b'{"of": "second"}')]
    )
    with raw_server(tmp_path, lambda connection: connection.sendall(next(answers))) as server:
        send = Transport(server.ca_bundle).send
        send("GET", server.url)
        assert send("GET", server.url).content == b'{"of": "second"}'


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
