"""Writing beside workers and schedules that a test started."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import g

from webapp.database import declare_writing
from webapp.extensions import db

Params = ParamSpec("Params")
Result = TypeVar("Result")


def in_turn(function: Callable[Params, Result]) -> Callable[Params, Result]:
    """Let the function, which commits, wait for its turn to write when its transaction begins.

    On SQLite a transaction that reads first and writes later fails at once where another process wrote in between.
    """

    @wraps(function)
    def run(*args: Params.args, **kwargs: Params.kwargs) -> Result:
        if g.get("may_write"):
            return function(*args, **kwargs)
        db.session.commit()
        declare_writing()
        try:
            return function(*args, **kwargs)
        finally:
            g.pop("may_write")

    return run
