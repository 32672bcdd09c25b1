"""What every job shares: a database session of its own, closed when it ends."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import current_app

from webapp.database import declare_writing

Params = ParamSpec("Params")
Result = TypeVar("Result")


def job(function: Callable[Params, Result]) -> Callable[Params, Result]:
    """Run the function in an app context of its own: its session is new, and whatever it did not commit is undone."""

    @wraps(function)
    def run(*args: Params.args, **kwargs: Params.kwargs) -> Result:
        with current_app.app_context():
            declare_writing()
            return function(*args, **kwargs)

    return run
