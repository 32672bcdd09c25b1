"""Doing two things at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

Done = TypeVar("Done")

# How long the one that is first waits for the other, which comes only where nothing holds it off.
PATIENCE = 1


def at_once(*actions: Callable[[], Done]) -> list[Done]:
    """What the actions return, each done in a thread of its own."""
    with ThreadPoolExecutor(len(actions)) as threads:
        return [future.result(timeout=60) for future in [threads.submit(action) for action in actions]]


def meeting(check: Callable[..., Done]) -> Callable[..., Done]:
    """The check, after which two threads wait for each other: where both get so far, both passed it."""
    barrier = threading.Barrier(2)

    def checked(*args: Any, **kwargs: Any) -> Done:
        answer = check(*args, **kwargs)
        with suppress(threading.BrokenBarrierError):
            barrier.wait(PATIENCE)
        return answer

    return checked
