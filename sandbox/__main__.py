"""python -m sandbox: starts the sandbox and serves until it is told to stop."""

from __future__ import annotations

import argparse
import json
import secrets
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from sandbox.application import Application
from sandbox.certificates import AuthorityError, server_context, write_private
from sandbox.demo import demo_tenants
from sandbox.documented import documented_tenant
from sandbox.generated import generate
from sandbox.journal import KEPT
from sandbox.pace import Limits
from sandbox.processes import fork, serve, wait
from sandbox.server import Server
from sandbox.shapes import ShapeError
from sandbox.tenants import Tenant, tenant_from_json
from sandbox.world import World


class StartError(Exception):
    """The sandbox cannot start; the message is one sentence for whoever started it."""


def main(arguments: list[str] | None = None) -> int:
    """Serves until SIGTERM or SIGINT; 0 then, 1 where it cannot start."""
    options = _parser().parse_args(arguments)
    stop = threading.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda *_: stop.set())
    ready_file = options.directory / "sandbox.json"
    try:
        tenants = _tenants(options)
        server, ready = _prepare(options, tenants, ready_file)
    except StartError as reason:
        print(f"The sandbox cannot start: {reason}", file=sys.stderr)
        return 1
    children = fork(server, options.processes, stop) if options.processes > 1 else []
    if options.stop_with_stdin:
        threading.Thread(target=_wait_for_end_of_stdin, args=(stop,), daemon=True).start()
    # Whoever connects from now on is served, if not at once: the socket listens already.
    write_private(ready_file, json.dumps(ready, ensure_ascii=False, indent=2).encode())
    print(f"Sandbox of {len(tenants)} tenants at {server.url}; how to reach them is in {ready_file}", flush=True)
    is_well = True
    if children:
        is_well = wait(children, stop)
    else:
        serve(server, stop)
    server.server_close()
    ready_file.unlink(missing_ok=True)
    if not is_well:
        print("A process of the sandbox ended by itself, so all of it has ended.", file=sys.stderr)
    return 0 if is_well else 1


def _wait_for_end_of_stdin(stop: threading.Event) -> None:
    sys.stdin.read()
    stop.set()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description="A stand-in for Entra ID and Microsoft Graph."
    )
    parser.add_argument("--port", type=int, default=0, help="0 (the default) takes a free one")
    parser.add_argument("--directory", type=Path, required=True, help="where ca.pem and sandbox.json are written")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--demo", action="store_true", help="twelve tenants made by hand (the default)")
    which.add_argument("--documented", action="store_true", help="the tenant of Microsoft's documented examples")
    which.add_argument("--tenants", type=Path, metavar="FILE.json", help="a JSON list of tenants")
    which.add_argument("--count", type=int, help="this many generated tenants")
    parser.add_argument("--seed", type=int, default=1, help="what the generated tenants are made from (1)")
    parser.add_argument("--users-per-tenant", type=int, default=0, help="this many users in each generated tenant (0)")
    parser.add_argument("--one-app", action="store_true", help="all generated tenants have one app registration")
    parser.add_argument("--latency-ms", type=int, default=0, help="how long every answer takes at least")
    parser.add_argument("--processes", type=int, default=1, help="this many; with several nothing can be changed (1)")
    parser.add_argument("--journal", type=int, default=KEPT, help=f"how many single requests are kept ({KEPT})")
    parser.add_argument("--app-limit", type=int, default=0, help="units that an app may use in 10 seconds (no limit)")
    parser.add_argument("--tenant-limit", type=int, default=0, help="units that it may use in each tenant (no limit)")
    parser.add_argument("--verbose", action="store_true", help="a line on standard error for every request")
    parser.add_argument("--stop-with-stdin", action="store_true", help="stop when standard input is closed")
    return parser


def _tenants(options: argparse.Namespace) -> list[Tenant]:
    if options.documented:
        return [documented_tenant()]
    if options.count is not None:
        return generate(options.seed, options.count, options.users_per_tenant, one_app=options.one_app)
    if options.tenants is None:
        return demo_tenants()
    try:
        listed = json.loads(options.tenants.read_bytes())
    except OSError as error:
        raise StartError(f"{options.tenants} cannot be read ({error.strerror}).") from error
    except ValueError as error:
        raise StartError(f"{options.tenants} is not JSON ({error}).") from error
    if not isinstance(listed, list):
        raise StartError(f"{options.tenants} is not a list of tenants.")
    try:
        return [tenant_from_json(item, f"tenants[{index}]") for index, item in enumerate(listed)]
    except ShapeError as error:
        raise StartError(f"{options.tenants}: {error}.") from error


def _world(options: argparse.Namespace, tenants: list[Tenant]) -> World:
    """Raises StartError."""
    has_pauses = options.app_limit or options.tenant_limit or any(tenant.faults for tenant in tenants)
    if options.processes > 1 and has_pauses:
        raise StartError("faults and limits are kept by one process, so they need --processes 1.")
    try:
        world = World(tenants, options.latency_ms, processes=options.processes, journal=options.journal)
        world.pace.limit(Limits(options.app_limit, options.tenant_limit))
    except ValueError as error:
        raise StartError(f"{error}.") from error
    return world


def _prepare(options: argparse.Namespace, tenants: list[Tenant], ready_file: Path) -> tuple[Server, dict[str, Any]]:
    """A server that listens, and what its ready file will say. Raises StartError."""
    control_token = secrets.token_urlsafe(32)
    world = _world(options, tenants)
    try:
        options.directory.mkdir(parents=True, exist_ok=True)
        ready_file.unlink(missing_ok=True)
        context = server_context(options.directory)
    except OSError as error:
        raise StartError(f"the directory {options.directory} cannot be written ({error.strerror}).") from error
    except AuthorityError as error:
        raise StartError(f"{error}.") from error
    try:
        server = Server(options.port, context, Application(world, control_token), verbose=options.verbose)
    except (OSError, OverflowError) as error:
        raise StartError(f"port {options.port} cannot be used ({error}).") from error
    ready = {
        "url": server.url,
        "ca_bundle": str((options.directory / "ca.pem").resolve()),
        "control_token": control_token,
        "tenants": [
            {
                "tenant_id": tenant.tenant_id,
                "display_name": tenant.display_name,
                "domains": list(tenant.domains),
                "client_id": tenant.client_id,
                "client_secret": tenant.secret,
            }
            for tenant in tenants
        ],
    }
    return server, ready


if __name__ == "__main__":
    sys.exit(main())
