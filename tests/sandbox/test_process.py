"""The process: how it starts, what it leaves in its directory, and how it ends."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import stat
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from config import BASE_DIR
from sandbox import Control, ControlError, Sandbox, documented_tenant, generate
from tests.sandbox.processes import command, refusal, running
from tests.support.running import free_port
from tests.support.waiting import eventually


def test_the_ready_file_says_how_to_reach_everything_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    with running(tmp_path, "--documented"):
        ready = tmp_path / "sandbox.json"
        told = json.loads(ready.read_text())
        assert stat.S_IMODE(ready.stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "ca-key.pem").stat().st_mode) == 0o600
        assert told["ca_bundle"] == str(tmp_path / "ca.pem")
        assert told["control_token"]
        tenant = documented_tenant()
        assert told["tenants"] == [
            {
                "tenant_id": tenant.tenant_id,
                "display_name": "Contoso",
                "domains": ["Contoso.onmicrosoft.com"],
                "client_id": tenant.client_id,
                "client_secret": tenant.secret,
            }
        ]
        assert Control.of(tmp_path).tenants() == [tenant]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(tmp_path: Path, how: signal.Signals) -> None:
    with running(tmp_path) as process:
        process.send_signal(how)
        assert process.wait(60) == 0
    assert not (tmp_path / "sandbox.json").exists()


def test_a_second_start_has_the_same_authority_and_with_a_port_the_same_address(tmp_path: Path) -> None:
    port = str(free_port())  # one that the system gives to nobody in between
    with running(tmp_path, "--port", port):
        authority, url = (tmp_path / "ca.pem").read_bytes(), Control.of(tmp_path).url
    with running(tmp_path, "--port", port):
        assert (tmp_path / "ca.pem").read_bytes() == authority
        assert Control.of(tmp_path).url == url
        assert len(Control.of(tmp_path).tenants()) == 12


def test_tenants_can_be_generated_or_read_from_a_file(tmp_path: Path) -> None:
    with running(tmp_path / "made", "--seed", "5", "--count", "3"):
        assert Control.of(tmp_path / "made").tenants() == generate(5, 3)
    listed = tmp_path / "tenants.json"
    listed.write_text(
        '[{"tenant_id": "11111111-2222-3333-4444-555555555555", "display_name": "Plain", '
        '"domains": ["plain.onmicrosoft.com"], "client_id": "app", "secret": "s"}]'
    )
    with running(tmp_path / "read", "--tenants", str(listed)):
        assert [tenant.display_name for tenant in Control.of(tmp_path / "read").tenants()] == ["Plain"]


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} cannot be used" in refusal(tmp_path, "--port", str(port))
    assert "port 70000 cannot be used" in refusal(tmp_path, "--port", "70000")


def test_a_directory_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot be written" in refusal(tmp_path / "file")
    assert "cannot be written" in refusal(tmp_path / "file" / "below")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is not JSON"),
        ("{}", "is not a list of tenants"),
        ('[{"tenant_id": "x"}]', "tenants[0]: field 'display_name' is missing"),
    ],
)
def test_a_bad_tenants_file_is_one_sentence(tmp_path: Path, content: str, reason: str) -> None:
    listed = tmp_path / "tenants.json"
    listed.write_text(content)
    assert reason in refusal(tmp_path, "--tenants", str(listed))


def test_a_missing_tenants_file_is_one_sentence(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path, "--tenants", str(tmp_path / "none.json"))


def test_a_broken_authority_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    (tmp_path / "ca-key.pem").write_text("no key")
    assert "is damaged" in refusal(tmp_path)


def test_it_is_quiet_unless_told_otherwise(tmp_path: Path) -> None:
    errors = tmp_path / "errors"
    for options, lines in (((), 0), (("--verbose",), 1)):
        with errors.open("wb") as log:
            process = subprocess.Popen(command(tmp_path, *options), cwd=BASE_DIR, stdout=subprocess.PIPE, stderr=log)
            with process:
                assert process.stdout is not None
                process.stdout.readline()
                url = Control.of(tmp_path).url
                requests.get(f"{url}/nowhere", verify=str(tmp_path / "ca.pem"), timeout=10)
                with pytest.raises(requests.exceptions.SSLError):
                    requests.get(f"{url}/distrusted", timeout=10)
                if lines:
                    # It tells of the broken handshake after the client has gone on.
                    eventually(lambda: "Traceback" in errors.read_text())
                process.terminate()
        assert sum("/nowhere" in line for line in errors.read_text().splitlines()) == lines
        assert ("Traceback" in errors.read_text()) == bool(lines)


def test_every_answer_takes_as_long_as_told() -> None:
    with Sandbox([documented_tenant()], latency_ms=150) as service:
        begun = time.monotonic()
        requests.get(
            f"{service.url}/contoso.onmicrosoft.com/v2.0/.well-known/openid-configuration",
            verify=str(service.ca_bundle),
            timeout=10,
        )
        assert time.monotonic() - begun >= 0.15


def test_clients_that_stall_in_the_handshake_hold_up_nobody(service: Sandbox) -> None:
    address = ("127.0.0.1", int(service.url.rsplit(":", 1)[1]))
    stalled = [socket.create_connection(address) for _ in range(20)]
    try:
        answer = requests.get(f"{service.url}/x", verify=str(service.ca_bundle), timeout=60)
        assert answer.status_code == 404
    finally:
        for connection in stalled:
            connection.close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_the_certificate_is_good_for_its_names(service: Sandbox, host: str) -> None:
    port = int(service.url.rsplit(":", 1)[1])
    context = ssl.create_default_context(cafile=str(service.ca_bundle))
    with (
        socket.create_connection(("127.0.0.1", port), timeout=60) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        certificate = secured.getpeercert()
    names: Any = certificate and certificate["subjectAltName"]
    assert {name for _, name in names} == {"localhost", "127.0.0.1", "0:0:0:0:0:0:0:1"}


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    process = subprocess.Popen(
        command(tmp_path, "--stop-with-stdin"), cwd=BASE_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        process.stdin.close()
        assert process.wait(60) == 0


def test_a_sandbox_that_cannot_start_says_why() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        service = Sandbox([], port=taken.getsockname()[1])
        with pytest.raises(ControlError, match="cannot be used"):
            service.start()


def test_stopping_twice_is_harmless() -> None:
    service = Sandbox([]).start()
    service.stop()
    service.stop()
