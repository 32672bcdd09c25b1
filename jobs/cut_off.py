"""Whether this worker alone gets no connection to Microsoft: then it leaves tenants to the workers that get some.

A machine that cannot reach Microsoft fails at a tenant faster than others read one. It would take most of them, again
and again, until their tries are used up. Where nobody gets one it is no machine's fault, and all goes on as ever, once
that has lasted for a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

from redis.exceptions import RedisError

from . import queue, skew
from .microsoft import contact
from .microsoft.errors import MicrosoftError, has_no_connection

# A worker that got none tries again after so long.
TRY_AGAIN_SECONDS = 30.0
# For so long after something was first tried, it is no fault of its own that nobody gets a connection: a router that
# starts anew, or a laptop that just woke, has one by then.
BRIEF_OUTAGE = timedelta(minutes=1)
# Who takes jobs of one of these queues syncs tenants.
SYNCS = (queue.SYNC, queue.SCHEDULED)
# And who takes jobs of this one, does what somebody waits for.
AWAITED = (queue.INTERACTIVE,)


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
    """Note what answered this worker lately, and what did not. Raises the errors of redis-py."""
    answered = contact.answered_within(queue.ANSWERED_SECONDS / 2)
    missed = contact.missed_within(TRY_AGAIN_SECONDS)
    queue.report_reached(_own.name, answered, missed, has_database=not skew.is_database_away())


def is_cut_off(queues: Sequence[str] = SYNCS) -> bool:
    """Whether there was no connection here just now to a host that answers others who take jobs of these queues.

    What is no worker leaves nothing to others.
    """
    return _is_missed_host(lambda host: queue.answers_others(_own.name, host, queues))


def may_leave() -> bool:
    """Whether there was none to a host that others who do what somebody waits for may reach, as far as they tell.

    It may be away for everybody.

    So what somebody waits for is tried by each of them once, since nobody may have asked for long.
    """
    return _is_missed_host(lambda host: queue.may_answer_others(_own.name, host, AWAITED))


def lets_leave(error: MicrosoftError) -> bool:
    """Whether what somebody waits for, and what failed by this error, may be left to others."""
    if not (has_no_connection(error) and may_leave()):
        return False
    with suppress(RedisError):
        report()  # before they ask who may be left what
    return True


def _is_missed_host(condition: Callable[[str], bool]) -> bool:
    if not _own.name:
        return False
    try:
        return any(map(condition, contact.missed_within(TRY_AGAIN_SECONDS)))
    except queue.QueueUnavailable:
        return False
