"""Waiting for what workers do: the `--wait` of commands."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import click
from sqlalchemy import select

from jobs.queue import SYNC

from ..extensions import db
from ..integrations.status import is_any_worker, words_of, workers_of
from ..models import Integration, Progress, RunState, SyncRun
from ..text import count_of

# A worker that is started, or restarted, is back within this time.
NO_WORKER_SECONDS = 30
LOOK_SECONDS = 0.5

# Of a command that starts a sync, which `follow` then follows.
wait_option = click.option(
    "--wait", is_flag=True, help="Wait until the sync ends; exit 0 where it ends OK, 1 where it does not."
)

_CUT_OFF = "All workers are cut off from the database or from Microsoft, so this waits: `flask doctor` names them."


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


def wait(
    look: Callable[[], str | None],
    when_nobody_works: Callable[[], object],
    queue_name: str = SYNC,
    *,
    needs_microsoft: bool = True,
) -> None:
    """Print how far it has come, as `look` says, whenever that changes, until it says None: it has ended.

    Where there was no worker of the queue for a while, `when_nobody_works` gives up by raising, or does the work. Where
    all are cut off, of work that asks nothing of Microsoft from the database, that is printed in its place: they go on
    with it by themselves.
    """
    said, lonely_since = "", None
    while (progress := look()) is not None:
        workers = workers_of(queue_name)
        if workers and (workers.are_all_cut_off if needs_microsoft else workers.are_all_without_database):
            progress = _CUT_OFF
        if progress != said:
            click.echo(progress, err=True)
            said = progress
        lonely_since = None if workers is not None and workers.alive else lonely_since or time.monotonic()
        if lonely_since is not None and time.monotonic() - lonely_since >= NO_WORKER_SECONDS:
            when_nobody_works()
            lonely_since = None
        time.sleep(LOOK_SECONDS)


def follow(run_id: int, *, to_its_end: bool) -> None:
    """Wait for the end of a run that was started, and raise where that is not OK; or say what to look at meanwhile."""
    if to_its_end:
        _wait_for_end(run_id)
    elif not say_that_nobody_works():
        click.echo("`flask runs list` shows what becomes of it; --wait would wait for its end.")


def say_that_nobody_works() -> bool:
    """Say that what was started waits for a worker, where none runs; returns whether that is so."""
    if is_any_worker():
        return False
    click.echo("No worker is running, so it waits for one: `make run` starts workers.", err=True)
    return True


def wait_for_removal(integration_id: int) -> None:
    """Print how far the deletion of the integration's data has come, until nothing is left or nobody works."""

    def look() -> str | None:
        counts = select(Integration.removal_done, Integration.removal_total).where(Integration.id == integration_id)
        row = db.session.execute(counts).one_or_none()
        db.session.rollback()
        return None if row is None else f"Removing ... {row.removal_done:,} of {count_of(row.removal_total, 'license')}"

    wait(look, _giving_up("The removal goes on by itself"), needs_microsoft=False)


def _wait_for_end(run_id: int) -> None:
    """Print the run's progress until it ends OK; raise `ClickException` where it ends otherwise, or nobody works."""

    def look() -> str | None:
        seen = _look(run_id)
        return _progress(seen) if seen.state.is_active else None

    wait(look, _giving_up("The run stays queued and goes on"))
    _conclude(_look(run_id))


def _giving_up(what: str) -> Callable[[], None]:
    def give_up() -> None:
        if workers_of() is None:
            raise click.ClickException(
                f"The job queue cannot be reached. {what} once it can: `flask doctor` says what is wrong."
            )
        raise click.ClickException(f"No worker is running. {what} when one does: `make run` starts workers.")

    return give_up


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
    return f"Syncing ... {seen.done:,} of {count_of(seen.total, 'tenant')}"


def _conclude(seen: _Seen) -> None:
    if seen.state == RunState.OK:
        click.echo(f"OK: {count_of(seen.total, 'tenant')} synced.")
        return
    ended = f"{words_of(seen.state, seen.failed, seen.total)}."
    code = f"Code: {seen.code}" if seen.code else ""
    raise click.ClickException("\n".join(filter(None, (ended, seen.reason, seen.fix, code))))
