"""`flask doctor`: it finds what is ill, says what to do, and goes on to the next part."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import text

from jobs import queue
from jobs.queue import report_worker
from sandbox import Sandbox
from tests.jobs.conftest import sandbox, shared_sandbox
from tests.jobs.raw_server import answer, raw_server
from tests.support.factories import Make
from tests.support.turns import in_turn
from webapp import create_app
from webapp.doctor import Finding, checks
from webapp.doctor.database import check_database, check_secrets
from webapp.doctor.finding import Health, ill
from webapp.doctor.queues import check_redis
from webapp.doctor.settings import check_settings
from webapp.extensions import db
from webapp.models import Integration, utc_now
from webapp.version import version

__all__ = ["sandbox", "shared_sandbox"]  # fixtures


def examined(run_command: FlaskCliRunner) -> tuple[int, list[dict[str, Any]]]:
    result = run_command.invoke(args=["doctor", "--json"])
    return result.exit_code, json.loads(result.output)


def of(findings: list[dict[str, Any]], part: str) -> list[dict[str, Any]]:
    return [finding for finding in findings if finding["part"].startswith(part)]


@in_turn
def signed_in(integration: Integration, **values: Any) -> None:
    """Let a partner's user have signed in to it, and something have come of it since."""
    integration.act_for("ann@msp.example", "a refresh token", utc_now())
    for name, value in values.items():
        setattr(integration, name, value)
    db.session.commit()


def test_what_is_well_is_said_to_be(sandbox: Sandbox, run_command: FlaskCliRunner) -> None:
    report_worker("one")
    _, findings = examined(run_command)
    well = {finding["part"] for finding in findings if finding["health"] == "ok"}
    assert {"settings", "database", "secrets", "redis", "workers", "queues"} <= well
    hosts = of(findings, "Microsoft")
    assert {finding["health"] for finding in hosts} == {"ok"}
    assert any("agrees with" in finding["text"] for finding in hosts)


def test_what_does_not_run_fails_and_says_how_to_start_it(sandbox: Sandbox, run_command: FlaskCliRunner) -> None:
    code, findings = examined(run_command)
    assert code == 1
    assert {finding["health"] for finding in of(findings, "workers")} == {"failed"}
    assert "jobs.schedule" in of(findings, "schedule")[0]["fix"]


def test_without_redis_the_rest_is_looked_at_all_the_same(
    app: Flask, sandbox: Sandbox, run_command: FlaskCliRunner
) -> None:
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], redis_url="rediss://keeper:s3cret@127.0.0.1:1/0")
    code, findings = examined(run_command)
    assert code == 1
    assert of(findings, "redis")[0]["health"] == "failed"
    assert "does not answer: Error 111 connecting to 127.0.0.1:1." in of(findings, "redis")[0]["text"]
    assert of(findings, "database")[0]["health"] == "ok"
    assert of(findings, "Microsoft")
    assert "s3cret" not in json.dumps(findings)


@pytest.fixture
def redis_as() -> Iterator[Callable[..., str]]:
    """What a user of this password may do at the tests' Redis; returns its address."""
    server = queue.connection()

    def allow(*rules: str) -> str:
        server.execute_command("ACL", "SETUSER", "keeper", "reset", "on", ">s3cret", "~*", *rules)  # type: ignore[no-untyped-call]
        return f"unix://keeper:s3cret@{server.connection_pool.connection_kwargs['path']}"

    yield allow
    server.execute_command("ACL", "DELUSER", "keeper")  # type: ignore[no-untyped-call]


@pytest.mark.usefixtures("sandbox")
def test_a_redis_that_refuses_what_is_written_is_no_lack_of_workers(
    app: Flask, run_command: FlaskCliRunner, redis_as: Callable[..., str]
) -> None:
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], redis_url=redis_as("+@all", "-@write"))
    code, findings = examined(run_command)
    assert code == 1
    assert "refuses what is written to it: " in of(findings, "redis")[0]["text"]
    assert "maxmemory" in of(findings, "redis")[0]["fix"]
    assert not of(findings, "workers")
    assert not of(findings, "schedule")
    assert "s3cret" not in json.dumps(findings)


@pytest.mark.usefixtures("sandbox")
def test_a_redis_that_does_not_tell_of_itself_works_all_the_same(
    app: Flask, run_command: FlaskCliRunner, redis_as: Callable[..., str]
) -> None:
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], redis_url=redis_as("+@all", "-@dangerous"))
    _, findings = examined(run_command)
    assert [finding["health"] for finding in of(findings, "redis")] == ["ok"]


def test_a_redis_that_is_too_old_is_named_as_what_is_wrong(app: Flask, tmp_path: Path) -> None:
    def answer_as_version_5(connection: socket.socket) -> None:
        while connection.recv(4096):
            connection.sendall(b"-ERR unknown command `HELLO`, with args beginning with: `3`, \r\n")

    with raw_server(tmp_path, answer_as_version_5, tls=False) as old:
        app.config["SETTINGS"] = replace(app.config["SETTINGS"], redis_url=old.url.replace("https", "redis"))
        [found] = check_redis()
    assert (found.health, found.text) == (
        Health.FAILED,
        "Redis is older than 6, the first that Seatledger can talk to.",
    )
    assert "Install a newer one" in found.fix


def test_a_proxy_that_is_not_believed_is_worth_a_look(app: Flask) -> None:
    own = replace(app.config["SETTINGS"], secret_key="x" * 48)
    for public_url, proxies, parts in (
        ("https://licenses.msp.example", 0, ["proxy"]),
        ("https://licenses.msp.example", 1, []),
        ("http://127.0.0.1:8000", 0, []),
    ):
        app.config["SETTINGS"] = replace(own, public_url=public_url, trusted_proxies=proxies)
        assert [finding.part for finding in check_settings() if finding.health == Health.WARNING] == parts


def test_a_secret_key_that_can_be_guessed_is_worth_a_look(app: Flask) -> None:
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], secret_key="changeme", public_url="")
    worth_a_look = [finding for finding in check_settings() if finding.health == Health.WARNING]
    assert [finding.part for finding in worth_a_look] == ["secret key"]
    assert "changeme" not in worth_a_look[0].text + worth_a_look[0].fix


def test_why_a_database_does_not_answer_is_told(app: Flask, run_command: FlaskCliRunner) -> None:
    lost = "postgresql+psycopg://keeper:s3cret@127.0.0.1:1/nowhere"
    app = create_app(replace(app.config["SETTINGS"], database_url=lost))
    with app.app_context():
        [found] = check_database()
        db.engine.dispose()
    assert found.health == Health.FAILED
    assert "does not answer: " in found.text
    assert "port 1 failed: Connection refused." in found.text
    assert "s3cret" not in found.text


def test_a_host_that_does_not_answer_is_named(app: Flask, run_command: FlaskCliRunner) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        url = f"https://127.0.0.1:{unused.getsockname()[1]}"
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], microsoft_login_url=url, microsoft_graph_url=url)
    _, findings = examined(run_command)
    assert [finding["health"] for finding in of(findings, "Microsoft")] == ["failed", "failed"]
    assert url.removeprefix("https://") in of(findings, "Microsoft")[0]["text"]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("200 OK", b"<html><body>Please sign in to the guest network.</body></html>"),
        ("302 Found", b""),
        ("403 Forbidden", b"<html><body>This category is blocked.</body></html>"),
        ("502 Bad Gateway", b'{"error": "no answer from upstream"}'),
    ],
)
def test_a_host_in_whose_place_somebody_else_answers_is_named(
    status: str, body: bytes, app: Flask, run_command: FlaskCliRunner, tmp_path: Path
) -> None:
    with raw_server(tmp_path, lambda connection: connection.sendall(answer(body, status=status))) as server:
        app.config["SETTINGS"] = replace(
            app.config["SETTINGS"],
            microsoft_login_url=server.url,
            microsoft_graph_url=server.url,
            microsoft_ca_bundle=server.ca_bundle,
        )
        _, findings = examined(run_command)
    hosts = of(findings, "Microsoft")
    assert [finding["health"] for finding in hosts] == ["failed", "failed"]
    assert all(f"HTTP {status[:3]}" in finding["text"] and "firewall" in finding["fix"] for finding in hosts)


def test_secrets_that_cannot_be_decrypted_are_named_with_their_integration(
    sandbox: Sandbox, make: Make, run_command: FlaskCliRunner
) -> None:
    make.integration(name="Fine")
    lose_the_key(make.integration(name="Broken"))
    _, findings = examined(run_command)
    found = of(findings, "secrets")[0]
    assert found["health"] == "failed"
    assert "Broken" in found["text"]
    assert "Fine" not in found["text"]


def test_a_partner_s_sign_in_that_cannot_be_decrypted_is_named_though_the_secret_can(
    sandbox: Sandbox, make: Make, run_command: FlaskCliRunner
) -> None:
    signed_in(make.integration(name="Fine"))
    signed_in(make.integration(name="Broken"), refresh_token_encrypted="encrypted by a key that is gone")
    _, findings = examined(run_command)
    (found,) = of(findings, "secrets")
    assert found["health"] == "failed"
    assert "Broken" in found["text"]
    assert "Fine" not in found["text"]


def test_a_partner_s_sign_in_that_microsoft_no_longer_takes_is_worth_a_look(
    sandbox: Sandbox, make: Make, run_command: FlaskCliRunner
) -> None:
    signed_in(make.integration(name="Fine"))
    signed_in(make.integration(name="Lapsed"), sign_in_lapsed_at=utc_now())
    # As of one who let another app act for them, of whom nothing is kept.
    signed_in(make.integration(name="Erased"), sign_in_lapsed_at=utc_now(), refresh_token_encrypted="")
    _, findings = examined(run_command)
    (found,) = of(findings, "sign-ins")
    assert found["health"] == "warning"
    assert found["text"].endswith("Lapsed and Erased.")
    assert "Sign in as a partner user" in found["fix"]
    assert of(findings, "secrets")[0]["health"] == "ok"


def test_a_data_directory_that_others_may_read_is_worth_a_look(
    app: Flask, sandbox: Sandbox, run_command: FlaskCliRunner, tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], data_dir=tmp_path)
    _, findings = examined(run_command)
    found = of(findings, "data directory")[0]
    assert found["health"] == "warning"
    assert f"chmod 700 {tmp_path}" in found["fix"]


def test_each_line_says_how_it_is_and_what_to_do(sandbox: Sandbox, run_command: FlaskCliRunner) -> None:
    result = run_command.invoke(args=["doctor"])
    assert result.exit_code == 1
    assert "FAIL  schedule: No schedule runs" in result.output
    assert "ok    redis: Redis" in result.output


@in_turn
def lose_the_key(integration: Integration) -> None:
    integration.client_secret_encrypted = "made with another key"
    db.session.commit()


def test_workers_of_another_version_are_told(sandbox: Sandbox, run_command: FlaskCliRunner) -> None:
    report_worker("new", version=version())
    _, findings = examined(run_command)
    assert [finding["health"] for finding in of(findings, "version of the workers")] == ["ok"]
    report_worker("old", version="0.0.9")
    _, findings = examined(run_command)
    [found] = of(findings, "version of the workers")
    assert found["health"] == "warning"
    assert "1 of 2 workers is of version 0.0.9" in found["text"]
    assert version() in found["text"]


def test_one_integration_is_told_as_one(make: Make) -> None:
    make.integration()
    assert [finding.text for finding in check_secrets()] == ["The credentials of 1 integration can be decrypted."]


def test_a_look_that_breaks_in_the_database_is_told_and_the_others_go_on(
    sandbox: Sandbox, run_command: FlaskCliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check_nothing() -> Iterator[Finding]:
        db.session.execute(text("SELECT * FROM no_such_table"))
        yield ill("nothing", "It is there.", "")

    monkeypatch.setattr(checks, "_CHECKS", ((check_nothing, ""), (check_secrets, "database")))
    code, findings = examined(run_command)
    assert code == 1
    assert "broke" in of(findings, "nothing")[0]["text"]
    assert of(findings, "secrets")[0]["health"] == "ok"


@pytest.mark.usefixtures("app")
def test_what_does_not_answer_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def check_redis() -> Iterator[Finding]:
        asked.append("redis")
        yield ill("redis", "It is away.", "Bring it back.")

    def check_workers() -> Iterator[Finding]:
        asked.append("workers")
        yield ill("workers", "None.", "Start one.")

    def check_hosts() -> Iterator[Finding]:
        asked.append("hosts")
        yield from ()

    monkeypatch.setattr(checks, "_CHECKS", ((check_redis, ""), (check_workers, "redis"), (check_hosts, "")))
    assert [finding.part for finding in checks.every_check()] == ["redis"]
    assert asked == ["redis", "hosts"]
