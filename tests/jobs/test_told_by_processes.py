"""Real processes: a worker hands over what it counted and logs in JSON; any web process answers for it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Protocol

import pytest
from flask import Flask

from config import BASE_DIR
from jobs import queue
from sandbox import Fault, Sandbox
from tests.support.factories import Make
from tests.support.microsoft import connected, new_run, sandbox_tenant
from tests.support.running import free_port
from tests.support.settings import environment_of
from tests.support.waiting import eventually
from webapp.extensions import db

pytestmark = pytest.mark.slow

TOKEN = "a-token-for-prometheus"


class Start(Protocol):
    def __call__(self, *command: str, **settings: str) -> tuple[subprocess.Popen[bytes], Path]: ...


@pytest.fixture
def start(app: Flask, sandbox: Sandbox, tmp_path: Path) -> Iterator[Start]:
    """Start a Python module as a process that logs to a file; it is killed when the test ends."""
    with ExitStack() as stack:

        def start_module(*command: str, **settings: str) -> tuple[subprocess.Popen[bytes], Path]:
            environment = {**environment_of(app.config["SETTINGS"]), "LOG_FORMAT": "json", **settings}
            path = tmp_path / f"{command[0]}.log"
            file = stack.enter_context(path.open("w"))
            process = subprocess.Popen(
                [sys.executable, "-m", *command], cwd=BASE_DIR, env=environment, stdout=file, stderr=file
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process, path

        yield start_module


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_what_a_worker_did_is_told_by_a_web_process_and_both_log_in_json(
    sandbox: Sandbox, make: Make, start: Start
) -> None:
    tenant = sandbox_tenant(sandbox, faults=(Fault("users", "forbidden"),))
    row = connected(make, tenant, sync_every_hours=0)
    run = new_run(row.integration)
    worker, worker_log = start("jobs.worker")
    queue.sync(run.id)

    def is_over() -> bool:
        db.session.rollback()
        return not run.state.is_active

    eventually(is_over)
    db.session.rollback()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0

    port = free_port()
    web, web_log = start("gunicorn", "-c", "gunicorn.conf.py", "wsgi:app", PORT=str(port), METRICS_TOKEN=TOKEN)
    told = eventually(lambda: _scrape(port))
    assert 'seatledger_microsoft_requests_total{host="graph",status="200"}' in told
    assert "seatledger_database_up 1.0" in told
    assert "seatledger_redis_up 1.0" in told
    # What one of the two web processes counted is told by the other, once it is handed over.
    urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30).read()
    series = 'seatledger_page_seconds_count{page="health.alive",status="2xx"}'
    eventually(lambda: series in _scrape(port))
    web.send_signal(signal.SIGTERM)
    assert web.wait(60) == 0

    refused = [line for line in lines_of(worker_log) if line.get("status") == 403]
    assert refused
    assert all(line["request_id"] and line["host"] and "?" not in line["path"] for line in refused)
    assert "gunicorn.error" in {line["logger"] for line in lines_of(web_log)}
    text = worker_log.read_text() + web_log.read_text()
    assert not [secret for secret in (tenant.secret, TOKEN, "client_secret=") if secret in text]


def _scrape(port: int) -> str:
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    with suppress(OSError):
        return str(urllib.request.urlopen(asked, timeout=30).read().decode())
    return ""
