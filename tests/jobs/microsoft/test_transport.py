"""HTTP to Microsoft: deadlines, bounds, pace, and what a request carries along."""

from __future__ import annotations

import gzip
import socket
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from jobs.microsoft import transport
from jobs.microsoft.errors import BadAnswer, Throttled, TimedOut, Unreachable
from jobs.microsoft.transport import Transport, retry_after
from sandbox import Fault, Sandbox
from tests.jobs.raw_server import answer, raw_server
from tests.support.microsoft import sandbox_tenant

OK = answer(b"{}")


def openid(sandbox: Sandbox, *faults: Fault) -> str:
    """The address of a tenant's openid configuration, which meets these faults."""
    tenant = sandbox_tenant(sandbox)
    sandbox.faults(tenant.tenant_id, *faults)
    return f"{sandbox.url}/{tenant.tenant_id}/v2.0/.well-known/openid-configuration"


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
    monkeypatch.setattr(transport, "ANSWER_SECONDS", 0.4)
    head = "Transfer-Encoding: chunked" if chunked else "Content-Length: 100000"

    def drip(connection: socket.socket) -> None:
        connection.sendall(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode())
        for _ in range(200):
            connection.sendall(b"1\r\nx\r\n" if chunked else b"x")
            time.sleep(0.02)

    with raw_server(tmp_path, drip) as server:
        began = time.monotonic()
        with pytest.raises(TimedOut):
            Transport(server.ca_bundle).send("GET", server.url)
        assert time.monotonic() - began < 1.5


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


def test_a_small_answer_that_unpacks_to_a_huge_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = 1024 * 1024
    monkeypatch.setattr(transport, "ANSWER_BYTES", limit)
    bomb = answer(gzip.compress(bytes(64 * limit)), "Content-Encoding: gzip\r\n")
    with raw_server(tmp_path, lambda connection: connection.sendall(bomb)) as server:
        tracemalloc.start()
        try:
            with pytest.raises(BadAnswer, match="larger than 1 MB"):
                Transport(server.ca_bundle).send("GET", server.url)
            assert tracemalloc.get_traced_memory()[1] < 6 * limit
        finally:
            tracemalloc.stop()


def test_a_packed_answer_is_unpacked(tmp_path: Path) -> None:
    packed = answer(gzip.compress(b'{"value": []}'), "Content-Encoding: gzip\r\n")
    with raw_server(tmp_path, lambda connection: connection.sendall(packed)) as server:
        assert Transport(server.ca_bundle).send("GET", server.url).content == b'{"value": []}'


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


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("12", 12),
        (" 12 ", 12),
        ("1.5", 1.5),
        ("-3", None),
        ("nan", None),
        ("inf", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        (None, None),
        ("", None),
        ("soon", None),
        ("Mon, 32 Jan 2024 00:00:00 GMT", None),
        ("Mon, 01 Jan 99999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2024 00:00:00 +99999999", None),
    ],
)
def test_retry_after_is_read_from_a_number_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after(value) == seconds


def test_retry_after_as_a_date_is_counted_from_now() -> None:
    seconds = retry_after(format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True))
    assert seconds is not None
    assert 88 <= seconds <= 90


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
