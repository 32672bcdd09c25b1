"""Something that a process does beside its work, in a thread of its own, for as long as that lasts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flask import Flask, current_app


def this_app() -> Flask:
    """The app itself, for a thread, in which `current_app` is none."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    return app


@contextmanager
def in_background(
    name: str, work: Callable[[threading.Event], None], ends_within: float | None = None
) -> Iterator[None]:
    """Do it while this context lasts: it is given what is set at the end, and is waited for then.

    With `ends_within` it is waited for no longer than so many seconds: what then still goes on ends with the process.
    """
    ended = threading.Event()
    thread = threading.Thread(target=work, args=(ended,), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(ends_within)


def for_at_most(seconds: float, name: str, work: Callable[[], None]) -> None:
    """Do it in a thread, and wait no longer than so many seconds: what then still goes on ends with the process."""
    with in_background(name, lambda _: work(), ends_within=seconds):
        pass
