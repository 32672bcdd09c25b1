"""Whether this worker alone gets no connection to Microsoft: then it leaves tenants to the workers that get some.

A machine that cannot reach Microsoft fails at a tenant faster than others read one. It would take most of them, again
and again, until their tries are used up. Where nobody gets one it is no machine's fault, and all goes on as ever.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import queue
from .microsoft import contact

# A worker that got none tries again after so long.
TRY_AGAIN_SECONDS = 30.0


@dataclass
class _Own:
    # As it reports; empty in what is no worker.
    name: str = ""


_own = _Own()


def report(name: str) -> None:
    """Note which of Microsoft's hosts answered this worker lately. Raises the errors of redis-py."""
    _own.name = name
    if hosts := contact.answered_within(queue.ANSWERED_SECONDS / 2):
        queue.report_answered(name, hosts)


def is_cut_off() -> bool:
    """Whether there was no connection here just now to a host that answers other workers."""
    missed = contact.missed_within(TRY_AGAIN_SECONDS)
    try:
        return any(queue.answers_others(_own.name, host) for host in missed)
    except queue.QueueUnavailable:
        return False
