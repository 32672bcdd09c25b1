"""One tenant of a hundred thousand users through a real worker: seconds, processor time, and the most memory.

It is read four times: for the first time; as nothing changed; as one in a hundred users has another job title; and
whole, as once a day, which finds nothing to write. On SQLite in a file and on a PostgreSQL of its own.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import table
from benchmarks.installation import Installation, Pass, installed, new_database
from sandbox import Generated, Sandbox, generate
from tests.support.services import postgresql_server

LATENCY_MS = 100
SEED = 1
GOAL_BYTES = 200 * 1000 * 1000

_CHANGED = 100  # one in so many
_HEAD = ("pass", "database", "seconds", "CPU s", "RSS MB", "requests", "rows")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the measurements; 1 with `--strict` where the worker took more memory than the goal, else 0."""
    options = _options(arguments)
    print(f"A tenant of {options.users:,} users, one worker, answers after {LATENCY_MS} ms.", flush=True)
    measured: list[tuple[str, str, Pass]] = []
    with ExitStack() as stack:
        server = stack.enter_context(postgresql_server())
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seatledger-bench-")))
        for database in ("sqlite", "postgresql"):
            url = new_database(server, "memory") if database == "postgresql" else ""
            measured += [(name, database, done) for name, done in _measure(directory / database, url, options.users)]
    print("\n".join(table.lines(_HEAD, [_cells(*one) for one in measured])))
    most = max(done.used.peak_bytes for *_, done in measured)
    is_met = most < GOAL_BYTES
    print(f"Goal: a worker's memory below {GOAL_BYTES // 10**6} MB: {'met' if is_met else 'NOT MET'}.")
    return int(options.strict and not is_met)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--users", type=int, default=100_000, help="how many users the tenant has (100,000)")
    parser.add_argument("--quick", action="store_true", help="a tenth of them")
    parser.add_argument("--strict", action="store_true", help="let the exit code be 1 where the goal is missed")
    options = parser.parse_args(arguments)
    if options.quick:
        options.users //= 10
    return options


def _measure(directory: Path, database_url: str, users: int) -> Iterator[tuple[str, Pass]]:
    (tenant,) = generate(SEED, 1, users)
    # One process, since users are changed.
    generated, kept = Generated(1, SEED, users), ("--journal", "0")
    with (
        Sandbox(latency_ms=LATENCY_MS, generated=generated, options=kept) as sandbox,
        installed(directory, database_url, sandbox, [tenant]) as installation,
        installation.workers(1) as workers,
    ):
        yield "first", installation.sync(workers)
        yield "unchanged", installation.sync(workers)
        _change(sandbox, installation, tenant.tenant_id, users)
        yield "1 % changed", installation.sync(workers)
        installation.let_users_be_read_whole()
        yield "whole", installation.sync(workers)


def _change(sandbox: Sandbox, installation: Installation, tenant_id: str, users: int) -> None:
    for user_id in installation.some_users(users // _CHANGED):
        sandbox.patch_user(tenant_id, user_id, job_title="Promoted")


def _cells(name: str, database: str, done: Pass) -> tuple[str, ...]:
    return (
        name,
        database,
        f"{done.seconds:.1f}",
        f"{done.used.cpu_seconds:.1f}",
        f"{done.used.peak_bytes / 1e6:.0f}",
        f"{done.requests:,}",
        f"{done.rows_written:,}",
    )


if __name__ == "__main__":
    sys.exit(main())
