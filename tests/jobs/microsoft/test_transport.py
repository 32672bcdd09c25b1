"""HTTP to Microsoft: TLS, deadlines, bounds, pace."""

from __future__ import annotations

import gzip
import socket
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from jobs.microsoft import connections, transport
from jobs.microsoft.errors import BadAnswer, Throttled, TimedOut, TlsFailed, Unreachable
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


@pytest.fixture
def other_authority(tmp_path: Path) -> str:
    """A certificate authority that did not sign the sandbox's certificate."""
    path = tmp_path / "other-ca.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    return str(path)


def test_the_environment_does_not_override_the_configured_authority(
    shared_sandbox: Sandbox, transport: Transport, other_authority: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", other_authority)
    monkeypatch.setenv("CURL_CA_BUNDLE", other_authority)
    assert transport.send("GET", openid(shared_sandbox)).status_code == 200


def test_a_certificate_of_another_authority_is_refused_with_the_fix(
    shared_sandbox: Sandbox, other_authority: str
) -> None:
    with pytest.raises(TlsFailed) as caught:
        Transport(other_authority).send("GET", openid(shared_sandbox))
    assert "127.0.0.1" in caught.value.problem.reason
    assert "MICROSOFT_CA_BUNDLE" in caught.value.problem.fix


def test_without_a_bundle_only_the_systems_authorities_count(shared_sandbox: Sandbox) -> None:
    with pytest.raises(TlsFailed):
        Transport(None).send("GET", openid(shared_sandbox))


def test_a_bundle_that_is_gone_is_said_to_be_about_certificates(shared_sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(TlsFailed):
        Transport(str(tmp_path / "gone.pem")).send("GET", openid(shared_sandbox))


def test_a_server_without_tls_is_refused(tmp_path: Path) -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(OK)
        connection.recv(65536)

    with raw_server(tmp_path, serve, tls=False) as server, pytest.raises(TlsFailed):
        Transport(server.ca_bundle).send("GET", server.url)


def test_a_connection_closed_while_tls_begins_says_nothing_of_certificates(tmp_path: Path) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(65536)

    with raw_server(tmp_path, serve, tls=False) as server, pytest.raises(Unreachable):
        Transport(server.ca_bundle).send("GET", server.url)


def test_a_dropped_connection_is_unreachable(shared_sandbox: Sandbox, transport: Transport) -> None:
    with pytest.raises(Unreachable, match="cannot be reached") as caught:
        transport.send("GET", openid(shared_sandbox, Fault("openid", "drop")))
    assert not isinstance(caught.value, TimedOut)


def test_a_body_cut_short_is_unreachable(tmp_path: Path) -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}")
        connection.close()

    with raw_server(tmp_path, serve) as server, pytest.raises(Unreachable):
        Transport(server.ca_bundle).send("GET", server.url)


def test_nobody_listening_is_unreachable_and_the_host_is_named(other_authority: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(Unreachable, match=host) as caught:
            Transport(other_authority).send("GET", f"https://{host}/")
    assert "firewall" in caught.value.problem.fix


def test_a_name_that_does_not_resolve_is_unreachable(other_authority: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Unreachable, match=r"login\.example") as caught:
        Transport(other_authority).send("GET", "https://login.example/")
    assert "name resolution" in caught.value.problem.fix


def test_a_name_with_many_dead_addresses_is_given_up_in_the_time_of_one(
    other_authority: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CONNECT_SECONDS", 0.4)
    monkeypatch.setattr(connections, "_LEAST_SECONDS", 0.1)
    with socket.socket() as full:
        full.bind(("0.0.0.0", 0))
        full.listen(0)
        port = full.getsockname()[1]
        # What is beyond the backlog gets no answer, as behind a firewall that drops packets.
        crowd = [socket.socket() for _ in range(4)]
        for one in crowd:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{last}", port)) for last in range(1, 20)]
        monkeypatch.setattr(socket, "getaddrinfo", resolving_to(found))
        began = time.monotonic()
        with pytest.raises(TimedOut):
            Transport(other_authority).send("GET", f"https://login.example:{port}/")
        assert time.monotonic() - began < 2
        for one in crowd:
            one.close()


def resolving_to(found: list[Any]) -> Callable[..., list[Any]]:
    real = socket.getaddrinfo

    def resolve(host: str, *args: Any, **options: Any) -> list[Any]:
        return found if host == "login.example" else list(real(host, *args, **options))

    return resolve


def test_an_address_that_is_dead_is_passed_over(
    tmp_path: Path, shared_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with raw_server(tmp_path, lambda connection: connection.sendall(OK)) as server:
        port = int(server.url.rpartition(":")[2])
        real = socket.getaddrinfo

        def with_a_dead_one_first(host: str, *args: Any, **options: Any) -> list[Any]:
            found = list(real(host, *args, **options))
            dead = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.77", port))
            return [dead, *found] if options.get("type") == socket.SOCK_STREAM else found

        monkeypatch.setattr(socket, "getaddrinfo", with_a_dead_one_first)
        assert Transport(server.ca_bundle).send("GET", server.url).status_code == 200


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
        ("-3", 0),
        ("nan", 0),
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
