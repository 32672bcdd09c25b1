"""What the jobs that somebody waits for answer where they fail."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

from webapp.extensions import UnreadableSecret
from webapp.models import REMOVED_MEANWHILE, UNREADABLE_SECRET, IntegrationRemoved, Problem

from . import cut_off, queue
from .microsoft.errors import MicrosoftError

Params = ParamSpec("Params")


def failed(problem: Problem) -> dict[str, Any]:
    return {"ok": False, "problem": problem.columns()}


def failed_by(error: MicrosoftError) -> dict[str, Any]:
    """The same, and whether whoever waits is to ask another worker: it may get a connection, as there was none here."""
    return failed(error.problem) | ({queue.MAY_BE_LEFT: True} if cut_off.lets_leave(error) else {})


def answering_why(job: Callable[Params, dict[str, Any]]) -> Callable[Params, dict[str, Any]]:
    """Let the job answer why, where its integration is gone, its secret cannot be read, or Microsoft was of no use."""

    @wraps(job)
    def run(*args: Params.args, **kwargs: Params.kwargs) -> dict[str, Any]:
        try:
            return job(*args, **kwargs)
        except IntegrationRemoved:
            return failed(REMOVED_MEANWHILE)
        except UnreadableSecret:
            return failed(UNREADABLE_SECRET)
        except MicrosoftError as error:
            return failed_by(error)

    return run
