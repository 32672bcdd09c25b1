"""The blueprint that all views of this area hang on, and what they share."""

from __future__ import annotations

from flask import Blueprint, abort

from jobs.queue import JobFailed, NoWorker, QueueUnavailable

from ..extensions import db
from ..models import Integration, Problem

bp = Blueprint("integrations", __name__, url_prefix="/account/integrations")

# An id in an address: no larger than the databases' integers, beyond which there is no such row.
INTEGRATION = "<id:integration_id>"
TENANT = "<id:tenant_id>"

# What goes wrong between a page and the worker that it asks.
ASKING_ERRORS = (QueueUnavailable, NoWorker, JobFailed)


def get_or_404(integration_id: int) -> Integration:
    integration = db.session.get(Integration, integration_id)
    if integration is None:
        abort(404)
    return integration


def asking_problem(error: Exception) -> Problem:
    """Why the worker did not answer, as a reason and its fix."""
    if isinstance(error, JobFailed):
        return Problem("The worker could not finish this.", "Look into the worker's log for the cause, then try again.")
    # The messages are written for the terminal, where backticks set commands apart.
    reason, _, fix = str(error).replace("`", "").partition(". ")
    return Problem(f"{reason}.", fix)


def in_one_line(problem: Problem) -> str:
    """The problem as a notice that stands alone."""
    code = f" (code {problem.code})" if problem.code else ""
    return f"{problem.reason} {problem.fix}{code}".strip()
