"""Reaching Microsoft: whose certificate is believed, and what is said of a host that does not answer."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from urllib3.util.connection import create_connection

from jobs.microsoft import connections
from jobs.microsoft.errors import BrokenOff, TimedOut, TlsFailed, Unreachable
from jobs.microsoft.transport import SILENCE_SECONDS, Transport
from sandbox import Fault, Sandbox
from tests.jobs.raw_server import answer, raw_server
from tests.support.running import free_port

from .helpers import openid

OK = answer(b"{}")


@pytest.fixture
def other_authority(tmp_path: Path) -> str:
    """A certificate authority that did not sign the sandbox's certificate."""
    path = tmp_path / "other-ca.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    return str(path)


@pytest.mark.usefixtures("another_environment")
@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_without_a_bundle_the_environments_authorities_count_as_well(
    name: str, shared_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, str(shared_sandbox.ca_bundle))
    assert Transport(None).send("GET", openid(shared_sandbox)).status_code == 200


@pytest.mark.usefixtures("another_environment")
@pytest.mark.parametrize("proxy", ["http://", "http:///", "http://:3128", "http://.bad:80", "http://u€:p@127.0.0.1:1"])
def test_a_proxy_that_is_none_is_said_to_be_about_the_network(
    proxy: str, other_authority: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    asked: list[str] = []

    def unknown(host: str, *args: object, **options: object) -> None:
        asked.append(host)
        host.encode("idna")  # as the real one does
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Unreachable) as caught:
        Transport(other_authority).send("GET", "https://login.example/")
    assert "proxy" in caught.value.problem.fix
    assert "login.example" not in asked


@pytest.mark.usefixtures("another_environment")
@pytest.mark.parametrize("is_by_proxy", [False, True], ids=["directly", "by a proxy"])
def test_that_no_connection_can_be_made_is_told_from_what_happens_on_one(
    is_by_proxy: bool, other_authority: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    if is_by_proxy:
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.setenv("HTTPS_PROXY", f"http://{nowhere}")
    with pytest.raises(Unreachable) as caught:
        Transport(other_authority).send("GET", "https://login.example/" if is_by_proxy else f"https://{nowhere}/")
    assert caught.value.has_no_connection


@pytest.mark.usefixtures("another_environment")
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


@pytest.mark.parametrize("alert", [80, 40, 20], ids=["internal_error", "handshake_failure", "bad_record_mac"])
def test_a_server_that_ends_tls_by_an_alert_says_nothing_of_certificates_and_may_be_asked_again(
    alert: int, tmp_path: Path
) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(bytes([0x15, 3, 3, 0, 2, 2, alert]))

    with raw_server(tmp_path, serve, tls=False) as server, pytest.raises(Unreachable) as caught:
        Transport(server.ca_bundle).send("GET", server.url)
    assert not caught.value.has_no_connection


@pytest.mark.usefixtures("another_environment")  # so that a connection is made
@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the system does not have it")
def test_a_connection_is_kept_alive_while_it_is_idle_and_given_up_where_nobody_is_there(
    shared_sandbox: Sandbox, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int]] = [
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
        (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
        (socket.IPPROTO_TCP, socket.TCP_NODELAY),
    ]
    found: list[list[int]] = []

    def make(*args: Any, **options: Any) -> socket.socket:
        made = create_connection(*args, **options)
        found.append([made.getsockopt(*which) for which in asked])
        return made

    monkeypatch.setattr(connections, "create_connection", make)
    transport.send("GET", f"{shared_sandbox.url}/nowhere")
    [(is_kept_alive, idle, unheard, is_sent_at_once)] = found
    assert is_kept_alive
    assert idle <= 60
    assert 0 < unheard < SILENCE_SECONDS * 1000
    assert is_sent_at_once


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


def test_what_is_no_http_is_no_answer_that_can_be_used(tmp_path: Path) -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")

    with raw_server(tmp_path, serve) as server, pytest.raises(BrokenOff, match="could not be decoded"):
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
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{last}", port)) for last in range(1, 250)]
        monkeypatch.setattr(socket, "getaddrinfo", resolving_to(found))
        began = time.monotonic()
        with pytest.raises(TimedOut):
            Transport(other_authority).send("GET", f"https://login.example:{port}/")
        # One after another they would take a hundred.
        assert time.monotonic() - began < 30
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
