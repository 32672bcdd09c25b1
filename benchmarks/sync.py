"""A first sync and one that finds nothing changed, measured beside the floor under them, in the same run.

Everything is real: worker processes, Redis, SQLite in a file or a PostgreSQL of its own with the durability that it has
by default, and the sandbox in processes of its own, which answers after 100 ms. The floor of a pass is the larger of

- its requests x latency / (workers x SYNC_TENANTS_AT_ONCE), and
- the seconds of bare programs, as many as workers, with as many threads each, which send the same requests, parse the
  answers, and write the same rows to a database with the same tables and indexes (see `benchmarks.bare`).

All of it shares the processors of this machine: ratios can be compared, seconds hardly.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks import floor, table
from benchmarks.installation import TENANTS_AT_ONCE, Pass, installed, new_database
from sandbox import Generated, Sandbox, generate
from tests.support.services import postgresql_server

LATENCY_MS = 100
SEED = 1
# Where the cost of a tenant is compared between few and many of them, each has so many users.
FEW_USERS = 20
_SANDBOX_PROCESSES = 2
# The cost of one and the same case differs from one measurement to the next by as much as the goal allows for all.
_TIMES_COMPARED = 3
# Before they are measured, workers sync so many other tenants: they live for weeks, and load, connect and prepare once.
_WARMING_UP = 64

_NONE = "-"

Key = TypeVar("Key")

GOAL_RATIO = 1.25
GOAL_REQUESTS = 2.0
GOAL_SPREAD = 1.15
GOAL_BYTES = 200 * 1000 * 1000

_HEAD = (
    "tenants x users",
    "database",
    "workers",
    "pass",
    "seconds",
    "floor",
    "ratio",
    "by latency",
    "bare",
    "tenants/s",
    "requests/tenant",
    "rows",
    "CPU ms/tenant",
    "bare CPU ms",
    "RSS MB",
    "connections",
)


@dataclass(frozen=True)
class Case:
    tenants: int
    users: int
    database: str
    workers: int
    # Where only the cost of a tenant is of interest, the bare programs are left out.
    has_floor: bool = True

    @property
    def name(self) -> str:
        return f"{self.tenants:,} x {self.users:,}"


@dataclass(frozen=True)
class Measured:
    """One pass of a case, and what bare programs took for it, where that was measured."""

    case: Case
    name: str
    done: Pass
    bare: floor.Passed | None

    @property
    def latency_seconds(self) -> float:
        return self.done.requests * LATENCY_MS / 1000 / (self.case.workers * TENANTS_AT_ONCE)

    @property
    def floor_seconds(self) -> float:
        return max(self.latency_seconds, self.bare.seconds if self.bare else 0.0)

    @property
    def ratio(self) -> float:
        return self.done.seconds / self.floor_seconds

    @property
    def requests_a_tenant(self) -> float:
        return self.done.requests / self.case.tenants

    @property
    def cpu_ms_a_tenant(self) -> float:
        return self.done.used.cpu_seconds * 1000 / self.case.tenants

    def cells(self) -> tuple[str, ...]:
        done, case, bare = self.done, self.case, self.bare
        return (
            case.name,
            case.database,
            str(case.workers),
            self.name,
            f"{done.seconds:.1f}",
            f"{self.floor_seconds:.1f}" if bare else _NONE,
            f"{self.ratio:.2f}" if bare else _NONE,
            f"{self.latency_seconds:.1f}",
            f"{bare.seconds:.1f}" if bare else _NONE,
            f"{case.tenants / done.seconds:.0f}",
            f"{self.requests_a_tenant:.2f}",
            f"{done.rows_written:,}",
            f"{self.cpu_ms_a_tenant:.1f}",
            f"{bare.cpu_seconds * 1000 / case.tenants:.1f}" if bare else _NONE,
            f"{done.used.peak_bytes / 1e6:.0f}",
            str(done.most_connections),
        )


FIRST, UNCHANGED = "first", "unchanged"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the measurements and which goals they meet; 1 with `--strict` where one is missed, else 0."""
    options = _options(arguments)
    print(f"{_about()}\n", flush=True)
    measured: list[Measured] = []
    with ExitStack() as stack:
        server = options.database_url
        if not server and "postgresql" in options.databases:
            server = stack.enter_context(postgresql_server())
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seatledger-bench-")))
        for number, case in enumerate(options.cases):
            measured += _measure(case, directory / str(number), server)
            print("\n".join(table.lines(_HEAD, [one.cells() for one in measured])[-2:]), flush=True)
    medians = _medians(measured)
    print()
    print("\n".join(table.lines(_HEAD, [one.cells() for one in medians])))
    goals = list(_goals(medians, max(one.done.used.peak_bytes for one in measured)))
    print()
    print(
        "\n".join(
            table.lines(("goal", "", ""), [(what, got, "met" if is_met else "NOT MET") for what, got, is_met in goals])
        )
    )
    return int(options.strict and not all(is_met for *_, is_met in goals))


def _about() -> str:
    return (
        f"Syncs, answers after {LATENCY_MS} ms, {TENANTS_AT_ONCE} tenants at once in a worker, all tenants in one run; "
        f"this machine has {os.cpu_count()} processors, which workers, sandbox and database share."
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sync", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tenants", type=int, nargs="+", help="one case for each of these numbers of tenants")
    parser.add_argument("--users", type=int, default=200, help="users of each tenant, with --tenants (200)")
    parser.add_argument("--workers", type=int, nargs="+", default=[2], help="worker processes, with --tenants (2)")
    parser.add_argument(
        "--times",
        type=int,
        help=f"how often each case is measured; the median counts (1, and {_TIMES_COMPARED} for costs)",
    )
    parser.add_argument("--database-url", default="", help="an existing PostgreSQL, in which databases are made")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--sqlite", action="store_true", help="measure on SQLite only")
    only.add_argument("--postgresql", action="store_true", help="measure on PostgreSQL only")
    parser.add_argument("--quick", action="store_true", help="few tenants: a minute")
    parser.add_argument("--strict", action="store_true", help="let the exit code be 1 where a goal is missed")
    options = parser.parse_args(arguments)
    chosen = {"sqlite": not options.postgresql, "postgresql": not options.sqlite}
    options.databases = [name for name, is_chosen in chosen.items() if is_chosen]
    options.cases = list(_cases(options))
    return options


def _cases(options: argparse.Namespace) -> Iterator[Case]:
    times = options.times or 1
    for database in options.databases:
        if options.tenants:
            for tenants in options.tenants * times:
                yield from (Case(tenants, options.users, database, workers) for workers in options.workers)
        elif options.quick:
            for _ in range(times):
                yield Case(100, 200, database, 2)
                yield from (Case(tenants, FEW_USERS, database, 2, has_floor=False) for tenants in (50, 200))
        else:
            yield from (Case(1_000, 200, database, workers) for workers in (1, 2, 4) * times)
            # In turns, so that a slow minute of the machine is not one size's alone.
            for tenants in (100, 1_000, 5_000) * (options.times or _TIMES_COMPARED):
                yield Case(tenants, FEW_USERS, database, 2, has_floor=False)


def _medians(measured: Sequence[Measured]) -> list[Measured]:
    """Of each pass of a case that which cost a tenant neither most nor least, in the order of the cases."""
    alike = _grouped(measured, lambda one: (one.case, one.name)).values()
    return [sorted(some, key=lambda one: one.cpu_ms_a_tenant)[len(some) // 2] for some in alike]


def _measure(case: Case, directory: Path, server: str) -> Iterator[Measured]:
    first = _WARMING_UP * case.workers
    tenants = generate(SEED, case.tenants + first, case.users, one_app=True)
    generated = Generated(case.tenants + first, SEED, case.users, one_app=True)
    directory.mkdir()
    with Sandbox(
        latency_ms=LATENCY_MS, generated=generated, processes=_SANDBOX_PROCESSES, options=("--journal", "0")
    ) as sandbox:
        url, floor_url = (_database(case, server, name) for name in ("sync", "floor"))
        with installed(directory / "sync", url, sandbox, tenants, first) as installation:
            with installation.workers(case.workers) as workers:
                installation.warm_up(workers)
                done = installation.sync(workers), installation.sync(workers)
            stored = floor.stored(installation.integration_id) if case.has_floor else None
        bare = None
        if stored is not None:
            to = directory / "floor"
            bare = floor.measure(to, floor_url, stored, sandbox, tenants, case.workers, TENANTS_AT_ONCE)
    yield Measured(case, FIRST, done[0], bare.first if bare else None)
    yield Measured(case, UNCHANGED, done[1], bare.unchanged if bare else None)


def _database(case: Case, server: str, name: str) -> str:
    """The URL of a new database; empty for SQLite, whose file is made where it is wanted."""
    if case.database == "sqlite":
        return ""
    return new_database(server, f"bench_{case.tenants}_{case.users}_{case.workers}_{name}_{secrets.token_hex(3)}")


def _goals(measured: Sequence[Measured], most: int) -> Iterator[tuple[str, str, bool]]:
    """What was to be reached, what was, and whether that is it. `most` bytes were in a worker's memory."""
    for one in measured:
        where = f"{one.case.name}, {one.case.database}, {one.case.workers} workers"
        if one.name == FIRST and one.bare is not None:
            yield f"first sync within {GOAL_RATIO} x the floor: {where}", f"{one.ratio:.2f}", one.ratio <= GOAL_RATIO
        if one.name == UNCHANGED:
            got = f"{one.requests_a_tenant:.2f} requests, {one.done.rows_written} rows"
            is_met = one.requests_a_tenant <= GOAL_REQUESTS and not one.done.rows_written
            yield f"unchanged: {GOAL_REQUESTS:g} requests a tenant and 0 rows at the most: {where}", got, is_met
    yield f"a worker's memory below {GOAL_BYTES // 10**6} MB", f"{most / 1e6:.0f} MB", most < GOAL_BYTES
    for (database, users, workers, name), alike in _by_size(measured).items():
        costs = [one.cpu_ms_a_tenant for one in alike]
        sizes = " to ".join(f"{one.case.tenants:,}" for one in alike)
        spread = max(costs) / min(costs)
        what = (
            f"CPU a tenant within {GOAL_SPREAD} from {sizes} tenants x {users}: {name}, {database}, {workers} workers"
        )
        yield what, f"{spread:.2f}", spread <= GOAL_SPREAD


def _by_size(measured: Sequence[Measured]) -> dict[tuple[str, int, int, str], list[Measured]]:
    """What differs in nothing but the number of tenants."""
    alike = _grouped(measured, lambda one: (one.case.database, one.case.users, one.case.workers, one.name))
    return {key: some for key, some in alike.items() if len(some) > 1}


def _grouped(measured: Sequence[Measured], key_of: Callable[[Measured], Key]) -> dict[Key, list[Measured]]:
    alike: dict[Key, list[Measured]] = {}
    for one in measured:
        alike.setdefault(key_of(one), []).append(one)
    return alike


if __name__ == "__main__":
    sys.exit(main())
