"""What the jobs that somebody waits for answer where they fail."""

from __future__ import annotations

from typing import Any

from webapp.models import Problem

from . import cut_off, queue
from .microsoft.errors import MicrosoftError


def failed(problem: Problem) -> dict[str, Any]:
    return {"ok": False, "problem": problem.columns()}


def failed_by(error: MicrosoftError) -> dict[str, Any]:
    """The same, and whether whoever waits is to ask another worker: it may get a connection, as there was none here."""
    return failed(error.problem) | ({queue.MAY_BE_LEFT: True} if cut_off.lets_leave(error) else {})
