"""An end to asking for one thing: Microsoft may answer each request in time, and never come to an end."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from webapp.models import Problem

from .errors import Refused


def deadline(seconds: float, problem: Problem) -> Callable[[], None]:
    """What is called before each request, and raises `Refused` for this problem once so many seconds are over."""
    since = monotonic()

    def go_on() -> None:
        if monotonic() - since > seconds:
            raise Refused(problem)

    return go_on
