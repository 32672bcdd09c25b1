"""Whether this worker alone gets no connection to Microsoft: then it leaves tenants to the workers that get some.

A machine that cannot reach Microsoft fails at a tenant faster than others read one. It would take most of them, again
and again, until their tries are used up. Where nobody gets one it is no machine's fault, and all goes on as ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from . import queue
from .microsoft import contact

# A worker that got none tries again after so long.
TRY_AGAIN_SECONDS = 30.0
# Who takes jobs of one of these queues syncs tenants.
SYNCS = (queue.SYNC, queue.SCHEDULED)


@dataclass
class _Own:
    # As it reports; empty in what is no worker.
    name: str = ""


_own = _Own()


@contextmanager
def as_worker(name: str) -> Iterator[None]:
    """While this lasts, this process is the worker of this name, and may leave work to others."""
    _own.name = name
    try:
        yield
    finally:
        _own.name = ""


def report() -> None:
    """Note which of Microsoft's hosts answered this worker lately. Raises the errors of redis-py."""
    if hosts := contact.answered_within(queue.ANSWERED_SECONDS / 2):
        queue.report_answered(_own.name, hosts)


def is_cut_off(queues: Sequence[str] = SYNCS) -> bool:
    """Whether there was no connection here just now to a host that answers others who take jobs of these queues.

    What is no worker leaves nothing to others.
    """
    if not _own.name:
        return False
    missed = contact.missed_within(TRY_AGAIN_SECONDS)
    try:
        return any(queue.answers_others(_own.name, host, queues) for host in missed)
    except queue.QueueUnavailable:
        return False
