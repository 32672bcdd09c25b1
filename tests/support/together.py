"""Doing two things at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from flask import Flask

from webapp.database import declare_writing
from webapp.extensions import db

Done = TypeVar("Done")

# How long the one that is first waits for the other, which comes only where nothing holds it off.
PATIENCE = 1


def at_once(*actions: Callable[[], Done]) -> list[Done]:
    """What the actions return, each done in a thread of its own."""
    with ThreadPoolExecutor(len(actions)) as threads:
        return [future.result(timeout=60) for future in [threads.submit(action) for action in actions]]


def all_at_once(app: Flask, calls: Sequence[Callable[[], Done]]) -> list[Done]:
    """What the calls return, each made in a thread and an app context of its own, all at the same moment."""
    db.session.commit()
    start = threading.Barrier(len(calls))
    found: list[Done] = []
    errors: list[BaseException] = []

    def call(one: Callable[[], Done]) -> None:
        with app.app_context():
            declare_writing()
            start.wait(60)
            try:
                found.append(one())
            except BaseException as error:
                errors.append(error)

    threads = [threading.Thread(target=call, args=(one,)) for one in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if errors:
        raise errors[0]
    return found


def meeting(check: Callable[..., Done]) -> Callable[..., Done]:
    """The check, after which two threads wait for each other: where both get so far, both passed it."""
    barrier = threading.Barrier(2)

    def checked(*args: Any, **kwargs: Any) -> Done:
        answer = check(*args, **kwargs)
        with suppress(threading.BrokenBarrierError):
            barrier.wait(PATIENCE)
        return answer

    return checked
