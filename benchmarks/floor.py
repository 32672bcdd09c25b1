"""The floor under a sync: bare programs that send the same requests and write the same rows. See `benchmarks.bare`."""

from __future__ import annotations

import pickle
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sqlalchemy import insert, select, text

from benchmarks.bare import Given, Rows, Table, Work
from benchmarks.installation import app_on
from config import BASE_DIR
from jobs.microsoft.facts import ORGANIZATION_FIELDS, SKU_FIELDS
from jobs.microsoft.user_facts import USER_FIELDS
from sandbox import Control
from sandbox import Tenant as SandboxTenant
from webapp.extensions import db
from webapp.models import (
    FlexibleAssetType,
    Integration,
    Organization,
    Product,
    SyncRun,
    Tenant,
)
from webapp.models.statements import table_of

# What a sync finds there: it is in the floor's database before it begins.
_BEFORE = (FlexibleAssetType, Integration, Organization, Tenant, Product, SyncRun)
# What it writes, in an order in which each row finds those that it refers to; by the row of its tenant.
_WRITTEN = {
    "license": "SELECT tenant_id, one.* FROM license one",
    "asset_change": "SELECT tenant_id, one.* FROM asset_change one JOIN license ON license_id = license.id",
    "contact": "SELECT tenant.id, one.* FROM contact one JOIN tenant USING (organization_id)",
    "contact_email": "SELECT tenant.id, one.* FROM contact_email one JOIN tenant USING (organization_id)",
    "directory_user": "SELECT tenant_id, one.* FROM directory_user one",
    "assignment": "SELECT tenant_id, one.* FROM assignment one JOIN license ON license_id = license.id",
    "user_tracking": "SELECT tenant_id, one.* FROM user_tracking one",
}


_LINKS = "SELECT tenant_id, link FROM user_tracking"


@dataclass(frozen=True)
class Stored:
    """What a first sync stored: what was there before it, and by tenant what it wrote."""

    before: Mapping[type[Any], list[dict[str, Any]]]
    tenants: list[tuple[str, int, str, dict[Table, Rows]]]


@dataclass(frozen=True)
class Passed:
    """What the bare programs took together."""

    seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class Floor:
    first: Passed
    unchanged: Passed


def stored(integration_id: int) -> Stored:
    """What is stored of the integration's tenants in the database of the current app."""
    before = {}
    for model in _BEFORE:
        before[model] = [dict(row) for row in db.session.execute(select(table_of(model))).mappings()]
    rows: dict[int, dict[Table, list[tuple[Any, ...]]]] = {}
    for name, query in _WRITTEN.items():
        found = db.session.execute(text(query.replace("one.*", _columns(name))))
        table = Table(name, tuple(found.keys())[1:])
        for tenant_row, *values in found:
            rows.setdefault(tenant_row, {}).setdefault(table, []).append(tuple(values))
    links: dict[int, str] = {row.tenant_id: row.link for row in db.session.execute(text(_LINKS))}
    tenants = db.session.execute(
        select(Tenant.tenant_id, Tenant.id).where(Tenant.integration_id == integration_id)
    ).all()
    db.session.rollback()
    return Stored(before, [(name, row_id, links[row_id], dict(rows[row_id])) for name, row_id in tenants])


def _columns(table: str) -> str:
    """The columns as a driver takes them again: JSON as its text."""
    columns = db.metadata.tables[table].columns
    json = "CAST(one.{0} AS TEXT) AS {0}"
    return ", ".join((json if "JSON" in str(one.type) else "one.{0}").format(one.name) for one in columns)


def measure(
    directory: Path,
    database_url: str,
    found: Stored,
    sandbox: Control,
    tenants: Sequence[SandboxTenant],
    workers: int,
    threads: int,
) -> Floor:
    """Let as many bare programs as there were workers, with as many threads, do the same to an empty database."""
    with app_on(directory, database_url):
        for model, rows in found.before.items():
            if rows:
                db.session.execute(insert(table_of(model)), rows)
        db.session.commit()
        url = db.engine.url.render_as_string(hide_password=False)
    by_id = {tenant.tenant_id: tenant for tenant in tenants}
    given = [
        Given(name, by_id[name].client_id, by_id[name].secret, row_id, link, rows)
        for name, row_id, link, rows in found.tenants
    ]
    files = []
    for number in range(workers):
        work = Work(
            sandbox.url,
            str(sandbox.ca_bundle),
            url,
            threads,
            (f"/subscribedSkus?$select={SKU_FIELDS}", f"/organization?$select={ORGANIZATION_FIELDS}"),
            f"/users/delta?$select={USER_FIELDS}&$deltatoken=latest",
            f"/users?$select={USER_FIELDS}&$top=999",
            given[number::workers],
        )
        files.append(directory / f"work-{number}")
        files[-1].write_bytes(pickle.dumps(work))
    with _started(files) as programs:
        return Floor(_pass(programs), _pass(programs))


Program = subprocess.Popen[str]
# Not as the main module: what a program is given was pickled by the names of `benchmarks.bare`.
_START = "from benchmarks.bare import main; main()"


@contextmanager
def _started(files: Sequence[Path]) -> Iterator[list[Program]]:
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", _START, str(file)],
            cwd=BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for file in files
    ]
    try:
        yield programs
    finally:
        for program in programs:
            program.kill()
            program.communicate()


def _pass(programs: Sequence[Program]) -> Passed:
    for program in programs:
        _line(program.stdout)
    began = time.perf_counter()
    for program in programs:
        assert program.stdin is not None
        program.stdin.write("go\n")
        program.stdin.flush()
    cpu_seconds = sum(float(_line(program.stdout)) for program in programs)
    return Passed(time.perf_counter() - began, cpu_seconds)


def _line(output: IO[str] | None) -> str:
    line = output.readline() if output is not None else ""
    if not line:
        raise SystemExit("A bare program of the floor ended by itself.")
    return line
