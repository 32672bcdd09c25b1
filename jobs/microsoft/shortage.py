"""What a worker itself may lack while it asks Microsoft: no tenant is at fault for that, and it may pass."""

from __future__ import annotations

import errno
from collections.abc import Iterator

from webapp.models import Problem

from .errors import Transient

_OWN_LIMITS = (
    "Nothing is wrong with the tenant. Let workers have more of it, or less to do: fewer SYNC_TENANTS_AT_ONCE."
)
_FILES = Problem(
    "The worker could open no more files or connections.",
    f"{_OWN_LIMITS} They are limited by LimitNOFILE of systemd, or by ulimit -n: 1,024 are enough.",
    "worker_short",
)
_MEMORY = Problem(
    "The worker had no memory left.",
    f"{_OWN_LIMITS} docs/deploy.md says how much each needs.",
    "worker_short",
)
_THREADS = Problem(
    "The worker could start no more threads.",
    f"{_OWN_LIMITS} They are limited by TasksMax of systemd, by a container's limit of pids, or by ulimit -u.",
    "worker_short",
)
_DISK = Problem(
    "The worker's disk is full.",
    "Nothing is wrong with the tenant. Make room on the disk; then sync again.",
    "worker_short",
)
_BY_NUMBER = {
    errno.EMFILE: _FILES,
    errno.ENFILE: _FILES,
    errno.ENOMEM: _MEMORY,
    errno.ENOSPC: _DISK,
}
# Python has no error of its own for it.
_NO_THREAD = "can't start new thread"


def shortage_in(error: BaseException) -> Transient | None:
    """The error told as what it is, where the worker lacks something that has nothing to do with what it was doing."""
    for one in _chain(error):
        if isinstance(one, MemoryError):
            return Transient(_MEMORY)
        if isinstance(one, OSError) and (problem := _BY_NUMBER.get(one.errno or 0)):
            return Transient(problem)
        if is_no_thread(one):
            return Transient(_THREADS)
    return None


def is_no_thread(error: BaseException) -> bool:
    return isinstance(error, RuntimeError) and _NO_THREAD in str(error)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it came from: urllib3 passes that on as an argument, others as the cause."""
    seen: list[BaseException] = []
    ahead = [error]
    while ahead:
        one = ahead.pop()
        if one in seen:
            continue
        seen.append(one)
        yield one
        ahead += [other for other in (one.__cause__, one.__context__, *one.args) if isinstance(other, BaseException)]
