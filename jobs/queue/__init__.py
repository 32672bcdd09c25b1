"""The Redis connection, the queues, and one function to enqueue each job.

This is all of `jobs` that the web application imports. Jobs are named as strings, so that no page loads the code
that talks to Microsoft. Redis holds no state that the database does not: all of it may be lost at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from rq.utils import import_attribute

from .belonging import SHARED_REDIS, whose
from .clock import shared_now
from .enqueueing import (
    MAY_BE_LEFT,
    JobFailed,
    NoWorker,
    WorkersBusy,
    answer_of,
    enqueue_mail,
    enqueue_once,
    names_waiting,
    waiting,
)
from .expired import forget_expired, forget_what_nobody_took
from .names import INTERACTIVE, QUEUES, SCHEDULED, SYNC, UPKEEP
from .presence import (
    SCHEDULE_SILENCE_SECONDS,
    SCHEDULES_KEY,
    WORKER_SILENCE_SECONDS,
    forget_schedule,
    forget_worker,
    is_any_there_of,
    report_schedule,
    report_worker,
    schedules_alive,
    schedules_clocks,
    signing_otherwise,
    strangers,
    workers_alive,
    workers_clocks,
    workers_key,
    workers_versions,
)
from .reached import (
    ANSWERED_SECONDS,
    DATABASE,
    Workers,
    answers_others,
    may_answer_others,
    report_reached,
    workers_by_queue,
    workers_hindered,
)
from .redis_server import (
    QueueUnavailable,
    connection,
    connection_of_a_worker,
    is_reachable,
    redis_now,
    server_facts,
)

__all__ = [
    "ANSWERED_SECONDS",
    "DATABASE",
    "GROUP_SIZE",
    "INTERACTIVE",
    "MAY_BE_LEFT",
    "QUEUES",
    "SCHEDULED",
    "SCHEDULES_KEY",
    "SCHEDULE_SILENCE_SECONDS",
    "SHARED_REDIS",
    "SYNC",
    "UPKEEP",
    "WORKER_SILENCE_SECONDS",
    "JobFailed",
    "NoWorker",
    "QueueUnavailable",
    "Workers",
    "WorkersBusy",
    "add_tenants",
    "answers_others",
    "begin_sign_in",
    "check_connection",
    "compare",
    "connection",
    "connection_of_a_worker",
    "discover",
    "finish_sign_in",
    "forget_expired",
    "forget_schedule",
    "forget_what_nobody_took",
    "forget_worker",
    "is_any_there_of",
    "is_reachable",
    "mail_link",
    "mail_reset",
    "may_answer_others",
    "redis_now",
    "remove",
    "report_reached",
    "report_schedule",
    "report_worker",
    "run_here",
    "runs_waiting",
    "schedules_alive",
    "schedules_clocks",
    "server_facts",
    "shared_now",
    "signing_otherwise",
    "strangers",
    "sync",
    "sync_parts",
    "unlink",
    "waiting",
    "whose",
    "workers_alive",
    "workers_by_queue",
    "workers_clocks",
    "workers_hindered",
    "workers_key",
    "workers_versions",
]

# Tenants synced by one job: enough that a job's cost does not count, few enough that runs take turns.
GROUP_SIZE = 20


def sync(*run_ids: int, lane: str = SYNC) -> None:
    """Begin runs, or take them up again. Call it after the commit that recorded them. Raises `QueueUnavailable`.

    Where it raises, nothing is lost: the runs stay queued and are found by a later sweep.
    """
    enqueue_once(lane, "jobs.sync.begin", {f"run-{run_id}": (run_id,) for run_id in run_ids})


def sync_parts(run_id: int, part_ids: Sequence[int], lane: str = SYNC) -> None:
    """Sync these parts of a run, a group to a job. Raises `QueueUnavailable`."""
    # The groups' bounds are the same whichever parts are left, so that one that waits already is known again.
    groups = [list(group) for _, group in groupby(sorted(part_ids), key=lambda part_id: part_id // GROUP_SIZE)]
    calls = {f"parts-{run_id}-{'-'.join(map(str, group))}": (run_id, group) for group in groups}
    enqueue_once(lane, "jobs.sync.work", calls)


def runs_waiting() -> set[int]:
    """The runs of which a job waits until a worker takes it up. Raises `QueueUnavailable`."""
    named = (name.split("-") for name in names_waiting(SYNC, SCHEDULED))
    return {int(of[1]) for of in named if of[0] in {"run", "parts"}}


def remove(integration_id: int) -> None:
    """Delete the data of an integration that is being removed, or go on with it. Raises `QueueUnavailable`.

    Where it raises, nothing is lost: a later sweep finds it.
    """
    enqueue_once(SYNC, "jobs.removal.remove", {f"removal-{integration_id}": (integration_id,)})


def unlink() -> None:
    """Cut the links that tenants left behind, or go on with it. Raises `QueueUnavailable`.

    Where it raises, nothing is lost: a later sweep finds them.
    """
    enqueue_once(SYNC, "jobs.unlinking.unlink", {"unlinking": ()})


def add_tenants(addition_id: int) -> None:
    """Answer the lines of a list of tenants to add, or go on with it. Raises `QueueUnavailable`.

    Where it raises, nothing is lost: a later sweep finds it.
    """
    enqueue_once(INTERACTIVE, "jobs.adding.add", {f"addition-{addition_id}": (addition_id,)})


def check_connection(credentials: str) -> dict[str, Any]:
    """Sign in with these credentials and read the tenant; return what `jobs.connect.check` returns.

    The credentials are encrypted by `webapp.extensions.vault`, since Redis keeps a job's arguments. Raises
    `QueueUnavailable`, `NoWorker`, `WorkersBusy` or `JobFailed`.
    """
    return answer_of("jobs.connect.check", credentials)


def begin_sign_in(integration_id: int, redirect_uri: str) -> dict[str, Any]:
    """Begin a partner user's sign-in; return what `jobs.partner_sign_in.begin` returns. Raises as above."""
    return answer_of("jobs.partner_sign_in.begin", integration_id, redirect_uri)


def finish_sign_in(token: str) -> dict[str, Any]:
    """Redeem what the user came back with; return what `jobs.partner_sign_in.finish` returns. Raises as above."""
    return answer_of("jobs.partner_sign_in.finish", token)


def discover(integration_id: int) -> dict[str, Any]:
    """Find the tenants that an integration reaches; return what `jobs.discovery.discover` returns. Raises as above."""
    return answer_of("jobs.discovery.discover", integration_id)


def compare(tenant_row_id: int) -> dict[str, Any]:
    """Compare a tenant live with what is stored; return what `jobs.compare.compare` returns. Raises as above."""
    return answer_of("jobs.compare.compare", tenant_row_id)


def mail_link(sealed: str) -> None:
    """Mail a link, as `webapp.auth.links` sealed it, once it is committed. Raises `QueueUnavailable`."""
    enqueue_mail("jobs.mail.send_link", sealed)


def mail_reset(sealed: str) -> None:
    """Mail a link for a new password to an address, if there is a user of it. Raises `QueueUnavailable`."""
    enqueue_mail("jobs.mail.answer_reset", sealed)


def run_here(name: str, *args: Any) -> dict[str, Any]:
    """Do a job in this process: for a command where no worker runs."""
    answer: dict[str, Any] = import_attribute(name)(*args)
    return answer
