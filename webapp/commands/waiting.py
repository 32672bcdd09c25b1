"""Waiting for a sync run or a removal to end: the `--wait` of commands."""

from __future__ import annotations

import time
from dataclasses import dataclass

import click
from sqlalchemy import select

from ..extensions import db
from ..integrations.status import words_of, workers_alive
from ..models import Integration, Progress, RunState, SyncRun

# A worker that is started, or restarted, is back within this time.
NO_WORKER_SECONDS = 30


@dataclass(frozen=True)
class _Seen:
    """A run as one look at the database found it."""

    state: RunState
    done: int
    total: int
    failed: int
    reason: str
    fix: str
    code: str


def wait_for_end(run_id: int) -> None:
    """Print the run's progress until it ends OK; raise `ClickException` where it ends otherwise, or nobody works."""
    said, lonely_since = "", None
    while True:
        seen = _look(run_id)
        if not seen.state.is_active:
            break
        progress = _progress(seen)
        if progress != said:
            click.echo(progress, err=True)
            said = progress
        if workers_alive():
            lonely_since = None
        else:
            lonely_since = lonely_since or time.monotonic()
            if time.monotonic() - lonely_since >= NO_WORKER_SECONDS:
                raise click.ClickException(
                    "No worker is running. The run stays queued and goes on when one does: `make run` starts workers."
                )
        time.sleep(1)
    _conclude(seen)


def wait_for_removal(integration_id: int) -> None:
    """Print how far the deletion of the integration's data has come, until nothing is left or nobody works."""
    said, lonely_since = "", None
    while True:
        counts = select(Integration.removal_done, Integration.removal_total).where(Integration.id == integration_id)
        row = db.session.execute(counts).one_or_none()
        db.session.rollback()
        if row is None:
            return
        progress = f"Removing … {row.removal_done:,} of {row.removal_total:,} licenses"
        if progress != said:
            click.echo(progress, err=True)
            said = progress
        lonely_since = None if workers_alive() else lonely_since or time.monotonic()
        if lonely_since is not None and time.monotonic() - lonely_since >= NO_WORKER_SECONDS:
            raise click.ClickException(
                "No worker is running. The removal goes on by itself when one does: `make run` starts workers."
            )
        time.sleep(0.5)


def _look(run_id: int) -> _Seen:
    """Read the run in a transaction of its own, which ends at once: the workers write meanwhile."""
    run = db.session.get(SyncRun, run_id)
    if run is None:
        raise click.ClickException("The run is gone: its integration was removed meanwhile.")
    if run.state.is_active:
        progress = Progress.of(db.session, [run_id])[run_id]
        done, failed = progress.done, progress.failed
    else:
        done, failed = run.tenants_ok + run.tenants_failed, run.tenants_failed
    seen = _Seen(run.state, done, run.tenants_total, failed, run.reason, run.fix, run.code)
    db.session.rollback()
    return seen


def _progress(seen: _Seen) -> str:
    if seen.state == RunState.QUEUED:
        return "Waiting for a worker ..."
    return f"Syncing ... {seen.done} of {_tenants(seen.total)}"


def _conclude(seen: _Seen) -> None:
    if seen.state == RunState.OK:
        click.echo(f"OK: {_tenants(seen.total)} synced.")
        return
    ended = f"{words_of(seen.state, seen.failed, seen.total)}."
    code = f"Code: {seen.code}" if seen.code else ""
    raise click.ClickException("\n".join(filter(None, (ended, seen.reason, seen.fix, code))))


def _tenants(number: int) -> str:
    return f"{number} tenant{'' if number == 1 else 's'}"
